import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { Awareness } from 'y-protocols/awareness';
import { Doc } from 'yjs';
import type { RoomConnection } from '../connection.js';
import { tokenTextOf, useRoomConnection } from '../react/useRoomConnection.js';
import type { RoomSource } from '../react/useRoomConnection.js';
import type { ProviderStatus } from '../yjs/options.js';
import { KrakenProvider } from '../yjs/provider.js';
import type { SaveState } from '../yjs/saving.js';

export type UseYjsDocumentOptions = RoomSource & {
  /** Default: a new one for each room. */
  doc?: Doc | undefined;
  /** Whether this device keeps the document in IndexedDB, and under which name. Default: false. */
  offline?: boolean | string | undefined;
};

export interface YjsDocument {
  doc: Doc;
  /** Null until the component is on the page. */
  provider: KrakenProvider | null;
  /** Null until the component is on the page. */
  awareness: Awareness | null;
  /** What `useKraken` takes, to share the socket. */
  connection: RoomConnection;
  status: ProviderStatus;
  connected: boolean;
  /** Whether all that the server had is here. */
  synced: boolean;
  /** How far this client's edits have got. */
  saved: SaveState;
}

/** Keeps a document and its room's the same for as long as the component is there. */
export function useYjsDocument(options: UseYjsDocumentOptions): YjsDocument {
  const connection = useRoomConnection(options);
  const doc = useDoc(connection, options.doc);
  const provider = useProvider(connection, doc, options.offline);
  const token = tokenTextOf(options);
  useEffect(() => {
    // Who was refused with one token may be let in with the next; who is connected stays so.
    provider?.connect();
  }, [provider, token]);
  const status = useProviderState(provider, readStatus) ?? OFFLINE;
  const saved = useProviderState(provider, readSaved) ?? 'unknown';
  return {
    doc,
    provider,
    awareness: provider?.awareness ?? null,
    connection,
    status,
    connected: status.state === 'connected',
    synced: status.state === 'connected' && status.synced,
    saved,
  };
}

const OFFLINE: ProviderStatus = { state: 'offline', retryAt: null };

/** Another room is another document. */
function useDoc(connection: RoomConnection, given: Doc | undefined): Doc {
  return useMemo(() => given ?? new Doc(), [connection, given]);
}

/** A provider has timers, so it is made when the component is on the page, and goes with it. */
function useProvider(
  connection: RoomConnection,
  doc: Doc,
  offline: boolean | string | undefined,
): KrakenProvider | null {
  const [provider, setProvider] = useState<KrakenProvider | null>(null);
  useEffect(() => {
    const made = new KrakenProvider({ connection, doc, offline, connect: false });
    setProvider(made);
    return () => {
      made.destroy();
    };
  }, [connection, doc, offline]);
  // For one rendering, the last room's provider is still there.
  return provider?.connection === connection && provider.doc === doc ? provider : null;
}

/** What `read` gives of the provider. It must give the same until that changes. */
function useProviderState<T>(
  provider: KrakenProvider | null,
  read: (provider: KrakenProvider) => T,
): T | null {
  const subscribe = useCallback(
    (notify: () => void) => {
      provider?.on('change', notify);
      return () => provider?.off('change', notify);
    },
    [provider],
  );
  const snapshot = () => (provider === null ? null : read(provider));
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}

function readStatus(provider: KrakenProvider): ProviderStatus {
  return provider.status;
}

function readSaved(provider: KrakenProvider): SaveState {
  return provider.saved;
}
