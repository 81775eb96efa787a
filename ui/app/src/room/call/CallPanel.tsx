import { Circle, Lock } from 'lucide-react';
import type { GroupState, Huddle, HuddleState } from './Huddle.ts';
import './call.css';
import { CallControls } from './CallControls.tsx';
import { Lobby } from './Lobby.tsx';
import { Tiles } from './Tiles.tsx';
import { Notice } from '../../ui/Notice.tsx';

export function CallPanel({ huddle, state }: { huddle: Huddle; state: HuddleState }) {
  const isIn = state.phase === 'in';
  return (
    <section className="call" aria-labelledby="call">
      <h2 id="call">
        Call {isIn && <span className="chip chip-good">You’re in</span>}
        {state.group !== null && <Marks group={state.group} />}
      </h2>
      {state.error !== null && <Notice tone="bad">{state.error}</Notice>}
      {state.note !== null && <Notice tone="warn">{state.note}</Notice>}
      {state.group !== null && <GroupNotices group={state.group} />}
      {isIn ? (
        <>
          <Tiles huddle={huddle} state={state} />
          <CallControls huddle={huddle} state={state} />
        </>
      ) : (
        <Lobby huddle={huddle} state={state} />
      )}
    </section>
  );
}

function Marks({ group }: { group: GroupState }) {
  return (
    <span className="call-marks" role="status">
      {group.isLocked && (
        <span className="chip chip-warn">
          <Lock size={12} aria-hidden /> Locked
        </span>
      )}
      {group.isRecorded && (
        <span className="chip chip-bad">
          <Circle size={10} fill="currentColor" aria-hidden /> Recorded
        </span>
      )}
    </span>
  );
}

function GroupNotices({ group }: { group: GroupState }) {
  if (group.isReconnecting) {
    return <Notice tone="warn">The connection was interrupted. Coming back…</Notice>;
  }
  if (group.mayPublish) return null;
  return (
    <Notice tone="info">
      Your link lets you listen and watch here. To be heard and seen, ask for one that lets you
      write.
    </Notice>
  );
}
