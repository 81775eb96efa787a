import { useCallback, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import { isNodeLogin, useOwner } from '../owner.ts';
import { linkTo, mintRoomToken } from '../rooms.ts';
import type { Access } from '../rooms.ts';
import { readToken } from '../token.ts';
import { Button } from '../ui/Button.tsx';
import { CopyField } from '../ui/Copy.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Select } from '../ui/Field.tsx';
import { formatDate } from '../ui/format.ts';
import { ErrorNotice, Notice } from '../ui/Notice.tsx';
import { useLive } from '../ui/useLive.ts';
import { useTask } from '../ui/useTask.ts';

interface InviteDialogProps {
  room: string;
  token: string | undefined;
  open: boolean;
  onClose: () => void;
}

export function InviteDialog({ room, token, open, onClose }: InviteDialogProps) {
  const owner = useOwner();
  return (
    <Dialog
      title="Invite people"
      description="Whoever has this link can come in. There is nothing to install and no account to make."
      open={open}
      onClose={onClose}
    >
      {owner === null ? (
        <OwnLink room={room} token={token ?? null} />
      ) : (
        <NewLink owner={owner} room={room} />
      )}
    </Dialog>
  );
}

const DAY = 86_400;
const LIFETIMES = [
  [String(DAY), 'One day'],
  [String(7 * DAY), 'A week'],
  [String(30 * DAY), 'A month'],
  [String(365 * DAY), 'A year'],
] as const;

const ACCESSES: readonly (readonly [Access, string])[] = [
  ['write', 'Write, draw and talk'],
  ['read', 'Read along and listen'],
];

/** The owner chooses what a link allows. */
function NewLink({ owner, room }: { owner: OwnerApi; room: string }) {
  const [access, setAccess] = useState<Access>('write');
  const [seconds, setSeconds] = useState<string>(LIFETIMES[2][0]);
  const mint = useCallback(
    () => mintRoomToken(owner, room, access, Number(seconds)),
    [owner, room, access, seconds],
  );
  const { value, error } = useLive(mint, null);
  return (
    <div className="stack">
      <div className="field-pair">
        <Select label="They can" value={access} onChange={setAccess} options={ACCESSES} />
        <Select label="For" value={seconds} onChange={setSeconds} options={LIFETIMES} />
      </div>
      {isNodeLogin() && <NodeGuests owner={owner} />}
      {error !== null && <ErrorNotice error={error} />}
      <CopyField
        label="Link to this room"
        action="Copy link"
        text={value === null ? '' : linkTo(room, value.token)}
      />
      {value !== null && (
        <p className="soft small">The link works until {formatDate(value.expires_at)}.</p>
      )}
    </div>
  );
}

/** A node lets in nobody but its owner until that is changed. */
function NodeGuests({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.settings(), [owner]);
  const { value, set } = useLive(load, null);
  const allow = useTask(async () => {
    set(await owner.changeSettings({ tickets_for_everyone: true }));
  });
  if (value === null || value.tickets_for_everyone) return null;
  return (
    <Notice
      tone="warn"
      title="Your node lets nobody else in yet"
      actions={
        <Button busy={allow.isRunning} onClick={() => void allow.run()}>
          Let guests in
        </Button>
      }
    >
      Guests use your node’s own sockets, of which it has 128. For many people, run a gateway.
      {allow.error !== null && <ErrorNotice error={allow.error} />}
    </Notice>
  );
}

/** A guest passes on what let the guest in. */
function OwnLink({ room, token }: { room: string; token: string | null }) {
  const claims = token === null ? null : readToken(token);
  if (claims === null) {
    return (
      <Notice tone="warn" title="Only the owner can make links here">
        You came in with a token that opens more than this room, so it is better not passed on. Ask
        the owner of this server to invite them.
      </Notice>
    );
  }
  return (
    <div className="stack">
      <CopyField label="Link to this room" action="Copy link" text={linkTo(room, token)} />
      <p className="soft small">
        {claims.canWrite ? 'Who has it can write, draw and talk' : 'Who has it can read and listen'}
        {claims.expiresAt === null ? '.' : `, until ${formatDate(claims.expiresAt)}.`}
      </p>
    </div>
  );
}
