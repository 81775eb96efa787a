import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { Huddle } from './Huddle.ts';

/** Everybody in the call is heard, whether or not their tiles are shown. */
export function Voices({ huddle }: { huddle: Huddle }) {
  const { phase, participants } = useSyncExternalStore(huddle.subscribe, () => huddle.state);
  if (phase !== 'in') return null;
  return participants.map(({ peerId, stream, screenStream }) => (
    <div key={peerId} hidden>
      {stream !== null && <Voice stream={stream} />}
      {screenStream !== null && <Voice stream={screenStream} />}
    </div>
  ));
}

function Voice({ stream }: { stream: MediaStream }) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = stream;
  }, [stream]);
  return <audio ref={element} autoPlay />;
}
