import { useEffect, useMemo } from 'react';
import { useAwareness } from './useAwareness.js';
import type { HasAwareness } from './useAwareness.js';

/** Somebody else in the room. */
export interface Presence<T> {
  /** The Yjs client id. One person with two pages is there twice. */
  readonly clientId: number;
  readonly user: T;
}

export interface PresenceOptions {
  /** The field of the awareness state. Default: `user`, where editor bindings look for a name and a colour. */
  field?: string;
}

/**
 * Shows `me` to the others for as long as the component is there, and gives the others that show
 * themselves. `me` is JSON; null shows nothing.
 */
export function usePresence<T>(
  provider: HasAwareness | null,
  me: T | null,
  { field = 'user' }: PresenceOptions = {},
): readonly Presence<T>[] {
  const awareness = provider?.awareness ?? null;
  // Objects are often new with each render; only other content says anything.
  const json = JSON.stringify(me);
  useEffect(() => {
    awareness?.setLocalStateField(field, JSON.parse(json));
  }, [awareness, field, json]);
  useEffect(
    () => () => {
      awareness?.setLocalStateField(field, null);
    },
    [awareness, field],
  );
  const states = useAwareness(provider);
  return useMemo(
    () =>
      [...states].flatMap(([clientId, { [field]: user }]) =>
        clientId === awareness?.clientID || isMissing(user) ? [] : [{ clientId, user: user as T }],
      ),
    [states, awareness, field],
  );
}

function isMissing(user: unknown): boolean {
  return user === undefined || user === null;
}
