import type { Huddle, HuddleState } from './Huddle.ts';
import './call.css';
import { CallControls } from './CallControls.tsx';
import { Lobby } from './Lobby.tsx';
import { Tiles } from './Tiles.tsx';
import { Notice } from '../../ui/Notice.tsx';

export function CallPanel({ huddle, state }: { huddle: Huddle; state: HuddleState }) {
  const isIn = state.phase === 'in';
  return (
    <section className="call" aria-labelledby="call">
      <h2 id="call">Call {isIn && <span className="chip chip-good">You’re in</span>}</h2>
      {state.error !== null && <Notice tone="bad">{state.error}</Notice>}
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
