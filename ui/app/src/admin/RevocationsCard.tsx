import { useCallback, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { Revocation } from '../api/types.ts';
import { Button } from '../ui/Button.tsx';
import { Select, TextField } from '../ui/Field.tsx';
import { formatDate } from '../ui/format.ts';
import { ErrorNotice } from '../ui/Notice.tsx';
import { complain, say } from '../ui/toast.tsx';
import { useLive } from '../ui/useLive.ts';
import { useTask } from '../ui/useTask.ts';
import { Card, Loaded } from './Page.tsx';

const KINDS = [
  ['sub', 'All of a client’s tokens'],
  ['jti', 'One token, by its id (jti)'],
] as const;

export function RevocationsCard({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.revocations(), [owner]);
  const live = useLive(load, null);
  return (
    <Card
      title="Revoked for stores"
      lead="What is revoked opens no store any more, and whoever came in by it is disconnected."
    >
      <Loaded live={live}>
        {(revocations) => (
          <>
            <RevokeForm owner={owner} onRevoked={live.refresh} />
            {revocations.length === 0 ? (
              <p className="soft small">Nothing is revoked.</p>
            ) : (
              <ul className="lines">
                {revocations.map((one) => (
                  <RevocationRow
                    key={one.id}
                    owner={owner}
                    revocation={one}
                    onEnded={live.refresh}
                  />
                ))}
              </ul>
            )}
          </>
        )}
      </Loaded>
    </Card>
  );
}

function RevokeForm({ owner, onRevoked }: { owner: OwnerApi; onRevoked: () => void }) {
  const [kind, setKind] = useState<'sub' | 'jti'>('sub');
  const [text, setText] = useState('');
  const revoke = useTask(async () => {
    await owner.revoke(kind === 'sub' ? { sub: text.trim() } : { jti: text.trim() });
    setText('');
    say('Revoked.');
    onRevoked();
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void revoke.run();
      }}
    >
      <div className="inline-form">
        <Select label="Revoke" value={kind} onChange={setKind} options={KINDS} />
        <TextField
          label={kind === 'sub' ? 'Client' : 'Id of the token'}
          required
          value={text}
          onChange={(event) => {
            setText(event.target.value);
          }}
        />
        <Button look="danger" type="submit" busy={revoke.isRunning}>
          Revoke
        </Button>
      </div>
      {revoke.error !== null && <ErrorNotice error={revoke.error} />}
    </form>
  );
}

interface RevocationRowProps {
  owner: OwnerApi;
  revocation: Revocation;
  onEnded: () => void;
}

function RevocationRow({
  owner,
  revocation: { id, jti, sub, created },
  onEnded,
}: RevocationRowProps) {
  const what = typeof jti !== 'string' ? `Tokens of ${sub ?? '?'}` : `Token ${jti}`;
  const allow = () => {
    owner.endRevocation(id).then(onEnded, complain);
  };
  return (
    <li className="spread">
      <span>
        {what} <span className="soft small">· since {formatDate(created)}</span>
      </span>
      <Button onClick={allow} aria-label={`Allow again: ${what}`}>
        Allow again
      </Button>
    </li>
  );
}
