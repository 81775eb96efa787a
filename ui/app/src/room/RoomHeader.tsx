import type { ProviderStatus, SaveState } from '@kraken/client/yjs';
import type { Presence } from '@kraken/client/react-yjs';
import { PanelRight, UserPlus } from 'lucide-react';
import { useState } from 'react';
import { person } from '../person.ts';
import type { Person } from '../person.ts';
import { useStored } from '../stored.ts';
import { Brand } from '../ui/Brand.tsx';
import { Button, IconButton } from '../ui/Button.tsx';
import { ThemeButton } from '../ui/ThemeButton.tsx';
import { Avatar } from './Avatar.tsx';
import { InviteDialog } from './InviteDialog.tsx';
import { StatusMark } from './StatusMark.tsx';
import { TitleField } from './TitleField.tsx';
import type { LastClose } from './useLastClose.ts';

interface RoomHeaderProps {
  room: string;
  token: string | undefined;
  title: string;
  onTitle: (title: string) => void;
  status: ProviderStatus;
  saved: SaveState;
  canWrite: boolean;
  others: readonly Presence<Person>[];
  lastClose: LastClose | null;
  onRetry: () => void;
  isPanelOpen: boolean;
  onPanel: (isOpen: boolean) => void;
}

export function RoomHeader(props: RoomHeaderProps) {
  const { room, token, title, onTitle, canWrite, others, isPanelOpen, onPanel } = props;
  const [isInviting, setIsInviting] = useState(false);
  return (
    <header className="room-header">
      <Brand compact />
      <TitleField title={title} onTitle={onTitle} canWrite={canWrite} />
      <StatusMark {...props} />
      <div className="room-actions">
        <Faces
          others={others}
          onClick={() => {
            onPanel(!isPanelOpen);
          }}
        />
        <ThemeButton className="wide-only" />
        <IconButton
          icon={PanelRight}
          className="wide-only"
          label={isPanelOpen ? 'Hide people and call' : 'Show people and call'}
          aria-expanded={isPanelOpen}
          onClick={() => {
            onPanel(!isPanelOpen);
          }}
        />
        <Button
          look="primary"
          icon={UserPlus}
          onClick={() => {
            setIsInviting(true);
          }}
        >
          Invite
        </Button>
      </div>
      <InviteDialog
        room={room}
        token={token}
        open={isInviting}
        onClose={() => {
          setIsInviting(false);
        }}
      />
    </header>
  );
}

const MOST_FACES = 4;

function Faces({ others, onClick }: { others: readonly Presence<Person>[]; onClick: () => void }) {
  const me = useStored(person);
  const all = [{ clientId: 0, user: me }, ...others];
  const more = all.length - MOST_FACES;
  return (
    <button
      type="button"
      className="faces"
      aria-label={`${String(all.length)} in this room`}
      onClick={onClick}
    >
      {all.slice(0, MOST_FACES).map(({ clientId, user }) => (
        <Avatar key={clientId} name={user.name} color={user.color} />
      ))}
      {more > 0 && (
        <span className="avatar avatar-small avatar-more" data-initials={`+${String(more)}`} />
      )}
    </button>
  );
}
