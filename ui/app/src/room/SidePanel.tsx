import type { Presence } from '@kraken/client/react-yjs';
import { Pencil, X } from 'lucide-react';
import { useState, useSyncExternalStore } from 'react';
import { person, safeName } from '../person.ts';
import type { Person } from '../person.ts';
import { useStored } from '../stored.ts';
import { IconButton } from '../ui/Button.tsx';
import { Avatar } from './Avatar.tsx';
import { CallPanel } from './call/CallPanel.tsx';
import type { Huddle } from './call/Huddle.ts';
import { PersonDialog } from './PersonDialog.tsx';

interface SidePanelProps {
  huddle: Huddle;
  others: readonly Presence<Person>[];
  onClose: () => void;
}

export function SidePanel({ huddle, others, onClose }: SidePanelProps) {
  const call = useSyncExternalStore(huddle.subscribe, () => huddle.state);
  return (
    <aside className="side-panel" aria-label="People and call">
      <div className="side-close">
        <IconButton icon={X} label="Close" onClick={onClose} />
      </div>
      <CallPanel huddle={huddle} state={call} />
      <People others={others} />
    </aside>
  );
}

function People({ others }: { others: readonly Presence<Person>[] }) {
  const me = useStored(person);
  const [isEditing, setIsEditing] = useState(false);
  return (
    <section className="people" aria-labelledby="people">
      <h2 id="people">
        In this room{' '}
        <span className="chip numeric" role="status">
          {others.length + 1}
        </span>
      </h2>
      <ul>
        <li className="person">
          <Avatar name={me.name} color={me.color} />
          <span className="person-name">
            {me.name} <span className="soft">(you)</span>
          </span>
          <IconButton
            icon={Pencil}
            label="Change your name and colour"
            onClick={() => {
              setIsEditing(true);
            }}
          />
        </li>
        {others.map(({ clientId, user }) => (
          <li className="person" key={clientId}>
            <Avatar name={user.name} color={user.color} />
            <span className="person-name">{safeName(user.name)}</span>
          </li>
        ))}
      </ul>
      {others.length === 0 && (
        <p className="soft small">
          Nobody else is here yet. Press Invite to send somebody the link.
        </p>
      )}
      <PersonDialog
        key={String(isEditing)}
        open={isEditing}
        onClose={() => {
          setIsEditing(false);
        }}
      />
    </section>
  );
}
