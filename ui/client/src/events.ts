import type { KrakenError } from './errors.js';
import type { OfferedMedia, Peer } from './protocol.js';

/** Which of the user's devices a call gets. */
export interface MediaOptions {
  /** Default: true. */
  video?: boolean | MediaTrackConstraints;
  /** Default: true. */
  audio?: boolean | MediaTrackConstraints;
}

/** A call that waits to be accepted or rejected. */
export interface IncomingCall {
  readonly from: Peer;
  readonly callId: string;
  /** What the caller sends. */
  readonly media: OfferedMedia;
  /** Resolves once the call is established. */
  accept(options?: MediaOptions): Promise<void>;
  reject(): void;
}

export type ConnectionStatus = 'connecting' | 'connected' | 'reconnecting' | 'closed';

/**
 * - `local-hangup`: this side hung up
 * - `hangup`: the other side hung up
 * - `rejected`: the other side didn't want the call
 * - `unreachable`: the other side isn't in the room
 * - `failed`: there is no way between the two, or a device couldn't be had
 */
export type CallEndReason = 'local-hangup' | 'hangup' | 'rejected' | 'unreachable' | 'failed';

export type KrakenEvent =
  /** The whole list, whenever it has changed. */
  | { type: 'peers'; peers: readonly Peer[] }
  | { type: 'peer-joined'; peer: Peer }
  | { type: 'peer-left'; peer: Peer }
  | ({ type: 'call-incoming' } & IncomingCall)
  /** This side has answered, and is about to connect. */
  | { type: 'call-accepted'; peerId: string; peer: Peer }
  | { type: 'call-established'; peerId: string; peer: Peer; remoteStream: MediaStream }
  | { type: 'call-ended'; peerId: string; peer: Peer; reason: CallEndReason }
  /** Something that an app sent with `send`. */
  | { type: 'message'; peerId: string; peer: Peer; data: string | ArrayBuffer }
  /** Null once no device is in use any more. */
  | { type: 'local-stream'; stream: MediaStream | null }
  /** A screen is shown, or no longer: also when the browser's own button has ended it. */
  | { type: 'screen'; shared: boolean }
  | { type: 'status'; status: ConnectionStatus; code?: number; reason?: string }
  | { type: 'error'; error: KrakenError };

export type Listener = (event: KrakenEvent) => void;
