import type { Awareness } from 'y-protocols/awareness';
import type { Doc } from 'yjs';
import type { RoomOptions } from '../address.js';
import type { KrakenError } from '../errors.js';
import type { SharedConnection } from '../participant.js';
import type { SaveState } from './saving.js';

/** Whether a document is connected to its room. */
export type ProviderStatus =
  | { readonly state: 'connecting' }
  /** `synced` once all that the server had is here. */
  | { readonly state: 'connected'; readonly synced: boolean }
  /** `retryAt`, in milliseconds since 1970, is null if nothing is tried before `connect`. */
  | { readonly state: 'offline'; readonly retryAt: number | null }
  /** For good, with a close code of 4400 to 4499; `connect` tries again. */
  | { readonly state: 'refused'; readonly code: number; readonly reason: string };

export interface DocumentOptions {
  doc: Doc;
  /** Default: one of the provider's own. */
  awareness?: Awareness | undefined;
  /** Whether this device keeps the document in IndexedDB, and under which name. Default: false. */
  offline?: boolean | string | undefined;
  /** Whether to connect at once. Default: true. */
  connect?: boolean | undefined;
}

/** Which document, and where its room is or the connection that leads to it. */
export type KrakenProviderOptions = DocumentOptions & (RoomOptions | SharedConnection);

/** Why a connection has ended. */
export interface Close {
  code: number;
  reason: string;
}

/** The first six are those of y-websocket. */
export interface ProviderEvents<Provider> {
  status: (event: { status: 'connecting' | 'connected' | 'disconnected' }) => void;
  sync: (synced: boolean) => void;
  synced: (synced: boolean) => void;
  'connection-close': (event: Close, provider: Provider) => void;
  /** The token function has thrown, or there was no ticket; it is tried again. */
  'connection-error': (error: KrakenError, provider: Provider) => void;
  /** The server refuses for good. */
  closed: (event: Close, provider: Provider) => void;
  saved: (saved: SaveState) => void;
  /** The server has refused an edit. */
  'permission-denied': (reason: string) => void;
  /** Nothing can be kept on this device. */
  'storage-error': (error: KrakenError) => void;
  /** `status` or `saved` is another than before. */
  change: () => void;
}
