import { useCallback, useSyncExternalStore } from 'react';
import type * as Y from 'yjs';
import { titleOf } from '../rooms.ts';

const LONGEST = 120;

/** What those in the room call it. It begins as the room's name. */
export function useRoomTitle(doc: Y.Doc, room: string): [string, (title: string) => void] {
  const subscribe = useCallback(
    (listener: () => void) => {
      const facts = doc.getMap('room');
      facts.observe(listener);
      return () => {
        facts.unobserve(listener);
      };
    },
    [doc],
  );
  const title = useSyncExternalStore(subscribe, () => doc.getMap('room').get('title'));
  const rename = useCallback(
    (next: string) => {
      const wanted = next.trim().slice(0, LONGEST);
      doc.getMap('room').set('title', wanted);
    },
    [doc],
  );
  return [
    typeof title === 'string' && title !== '' ? title.slice(0, LONGEST) : titleOf(room),
    rename,
  ];
}
