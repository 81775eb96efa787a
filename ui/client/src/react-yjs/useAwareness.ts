import { useMemo, useSyncExternalStore } from 'react';
import type { Awareness } from 'y-protocols/awareness';

/** What everybody in the room shows of themselves, by Yjs client id; this client is among them. */
export type AwarenessStates = ReadonlyMap<number, Readonly<Record<string, unknown>>>;

/** A `KrakenProvider`, or anything else with an awareness. */
export interface HasAwareness {
  readonly awareness: Awareness;
}

/** All awareness states: a new map whenever one of them has changed, empty without a provider. */
export function useAwareness(provider: HasAwareness | null): AwarenessStates {
  const awareness = provider?.awareness ?? null;
  const { subscribe, snapshot } = useMemo(
    () => (awareness === null ? NOBODY : observe(awareness)),
    [awareness],
  );
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}

interface Observed {
  subscribe: (notify: () => void) => () => void;
  snapshot: () => AwarenessStates;
}

const NO_STATES: AwarenessStates = new Map();
const NOBODY: Observed = { subscribe: () => () => undefined, snapshot: () => NO_STATES };

function observe(awareness: Awareness): Observed {
  // The awareness changes its own map in place, which no comparison would notice.
  let states = new Map(awareness.getStates());
  const subscribe = (notify: () => void) => {
    const changed = () => {
      states = new Map(awareness.getStates());
      notify();
    };
    awareness.on('change', changed);
    changed();
    return () => {
      awareness.off('change', changed);
    };
  };
  return { subscribe, snapshot: () => states };
}
