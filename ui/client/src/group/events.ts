import type { KrakenError } from '../errors.js';
import type { Kind, Source } from './protocol.js';
import type { Quality } from './quality.js';

export type CallStatus =
  /** Never joined, or left again. */
  | { readonly state: 'out' }
  | { readonly state: 'joining' }
  | { readonly state: 'joined' }
  /**
   * It comes back by itself. Without the `connection` to the server media goes on; without the
   * `engine`, or after no media came for too long (`lost`), it begins anew.
   */
  | { readonly state: 'reconnecting'; readonly because: 'connection' | 'engine' | 'lost' }
  /** Until `join` is called again. */
  | {
      readonly state: 'ended';
      /** An admin has removed this client, it has joined elsewhere, or it may not join. */
      readonly because: 'removed' | 'replaced' | 'refused';
      readonly error: KrakenError;
    };

/** A track of somebody else. */
export interface RemoteTrack {
  /** No other track of the call has this name. */
  readonly id: string;
  readonly kind: Kind;
  readonly source: Source;
  readonly muted: boolean;
  /** Null until it can be played. */
  readonly media: MediaStreamTrack | null;
  /** Which of the qualities is sent, such as `q`, `h` and `f`; null if there is only one. */
  readonly layer: string | null;
  /** Whether nothing is sent: it isn't wanted, or there is no bandwidth left for it. */
  readonly paused: boolean;
}

/** Somebody else in the call. */
export interface CallPeer {
  readonly peerId: string;
  readonly name: string | null;
  readonly metadata: unknown;
  readonly tracks: readonly RemoteTrack[];
}

/** A track of this client's own. */
export interface LocalTrack {
  /** Null until the server has taken it. */
  readonly id: string | null;
  readonly source: Source;
  readonly media: MediaStreamTrack;
  readonly muted: boolean;
}

/** All that there is to show of a call. Another object whenever something has changed. */
export interface CallState {
  readonly status: CallStatus;
  readonly peers: readonly CallPeer[];
  readonly published: readonly LocalTrack[];
  /** The peer ids of those who speak now, the loudest first. */
  readonly speaking: readonly string[];
  /** Of all who have spoken, the latest first. */
  readonly spoken: readonly string[];
  readonly mayPublish: boolean;
  readonly mayModerate: boolean;
  /** Whether nobody but admins can join. */
  readonly locked: boolean;
  readonly recorded: boolean;
  /** How well this client's own connection does. */
  readonly quality: Quality;
  /** What it is estimated to receive at most, in bits a second; null if that isn't known. */
  readonly estimate: number | null;
}

export type CallEvent =
  | { type: 'change'; state: CallState }
  | { type: 'peer-joined'; peer: CallPeer }
  | { type: 'peer-left'; peer: CallPeer }
  /** An admin has silenced a track of this client's own, which may unmute it. */
  | { type: 'muted'; source: Source }
  /** What a member has sent, as bytes. */
  | { type: 'data'; peerId: string; data: Uint8Array; lossy: boolean }
  | { type: 'error'; error: KrakenError };

export type CallListener = (event: CallEvent) => void;
