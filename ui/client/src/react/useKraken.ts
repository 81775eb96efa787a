import { useEffect, useMemo, useState } from 'react';
import { KrakenClient } from '../client.js';
import type { KrakenError } from '../errors.js';
import type { ConnectionStatus } from '../events.js';
import type { KrakenClientOptions } from '../participant.js';
import type { Peer } from '../protocol.js';
import { useClientState } from './useClientState.js';
import { tokenTextOf, useRoomConnection } from './useRoomConnection.js';

export type UseKrakenOptions = KrakenClientOptions;

export interface Kraken {
  client: KrakenClient;
  /** Who else is in the room. */
  peers: readonly Peer[];
  status: ConnectionStatus;
  /** Why the connection is refused, or what else went wrong last. */
  error: KrakenError | null;
  /** What `useVideoCall` takes. */
  signaling: KrakenClient;
}

/**
 * Is in a room for as long as the component is there. Another `connection`, or another `url`,
 * `room`, `via`, `app`, `name` or `peerId`, is another client; of the other options, the ones at
 * its start count, but always the last token.
 */
export function useKraken(options: UseKrakenOptions): Kraken {
  const client = useClient(options);
  const error = useConnection(client, tokenTextOf(options));
  const peers = useClientState(client, readPeers);
  const status = useClientState(client, readStatus);
  return { client, peers, status, error, signaling: client };
}

function useClient(options: UseKrakenOptions): KrakenClient {
  const connection = useRoomConnection(options);
  const { name, peerId } = options;
  return useMemo(
    () => new KrakenClient({ ...options, connection }),
    // The other options count at the client's start only.
    [connection, name, peerId],
  );
}

function useConnection(client: KrakenClient, token: string | undefined): KrakenError | null {
  const [error, setError] = useState<KrakenError | null>(null);
  useEffect(() => {
    const off = client.on((event) => {
      if (event.type === 'error') setError(event.error);
      if (event.type === 'status' && event.status === 'connected') setError(null);
    });
    return () => {
      off();
      client.disconnect();
      setError(null);
    };
  }, [client]);
  useEffect(() => {
    // Who was refused with one token may be let in with the next; who is connected stays so.
    client.connect().catch(() => undefined);
  }, [client, token]);
  return error;
}

function readPeers(client: KrakenClient): readonly Peer[] {
  return client.peers;
}

function readStatus(client: KrakenClient): ConnectionStatus {
  return client.status;
}
