import { useCallback, useSyncExternalStore } from 'react';
import type { KrakenClient } from '../client.js';

/** What `read` gives of the client, always as it is now. It must give the same until it changes. */
export function useClientState<T>(client: KrakenClient, read: (client: KrakenClient) => T): T {
  const subscribe = useCallback(
    (notify: () => void) =>
      client.on(() => {
        notify();
      }),
    [client],
  );
  const snapshot = () => read(client);
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}
