/**
 * The wire: what travels as text on a room's socket. Nothing here touches a socket.
 */
import { isObject, parseObject } from './json.js';
import type { Fields } from './json.js';

/** Somebody else in the room. */
export interface Peer {
  readonly peerId: string;
  /** What the peer calls itself, if anything. */
  readonly name: string | null;
  /** Whatever the peer's app has to say about it. */
  readonly metadata: unknown;
}

/** What an offer asks for, so that a user can be told before anything is accepted. */
export interface OfferedMedia {
  readonly video: boolean;
  readonly audio: boolean;
}

export const SignalType = {
  Announce: 0,
  Offer: 1,
  Answer: 2,
  IceCandidate: 3,
  Hangup: 4,
  PeerList: 5,
  PeerJoined: 6,
  PeerLeft: 7,
} as const;

export type HangupReason = 'hangup' | 'rejected' | 'failed';

export interface AnnounceSignal {
  type: typeof SignalType.Announce;
  from: string;
  name?: string;
  metadata?: unknown;
}

export interface OfferSignal {
  type: typeof SignalType.Offer;
  callId: string;
  sdp: string;
  media: OfferedMedia;
}

export interface AnswerSignal {
  type: typeof SignalType.Answer;
  callId: string;
  sdp: string;
}

export interface CandidateSignal {
  type: typeof SignalType.IceCandidate;
  callId: string;
  candidate: RTCIceCandidateInit;
}

export interface HangupSignal {
  type: typeof SignalType.Hangup;
  /** Absent when the peer leaves all its calls. */
  callId?: string;
  reason: HangupReason;
}

/** What passes between the two ends of a call. */
export type CallSignal = OfferSignal | AnswerSignal | CandidateSignal | HangupSignal;

/** What sets a connection up; these wait until the user has accepted. */
export type SetupSignal = Exclude<CallSignal, HangupSignal>;

export type OutgoingSignal = AnnounceSignal | (CallSignal & { to: string });

/** A message of the server, made sense of. */
export type Incoming =
  | { kind: 'peer-list'; peers: readonly Peer[] }
  | { kind: 'peer-joined'; peer: Peer }
  | { kind: 'peer-left'; peerId: string }
  | { kind: 'call'; from: string; signal: CallSignal }
  | { kind: 'error'; code: string; message: string; to: string | null };

export function encode(signal: OutgoingSignal): string {
  return JSON.stringify({ kraken: 'signal', signal });
}

/** Null for whatever isn't a message that this version knows. */
export function decode(text: string): Incoming | null {
  const envelope = parseObject(text);
  if (envelope === null) return null;
  if (envelope['kraken'] === 'error') return decodeError(envelope);
  if (envelope['kraken'] !== 'signal' || !isObject(envelope['signal'])) return null;
  return decodeSignal(envelope['signal']);
}

function decodeError({ code, message, to }: Fields): Incoming | null {
  if (typeof code !== 'string') return null;
  return {
    kind: 'error',
    code,
    message: typeof message === 'string' ? message : code,
    to: typeof to === 'string' ? to : null,
  };
}

function decodeSignal(signal: Fields): Incoming | null {
  switch (signal['type']) {
    case SignalType.PeerList:
      return decodePeerList(signal);
    case SignalType.PeerJoined:
      return decodePeerJoined(signal);
    case SignalType.PeerLeft:
      return typeof signal['peerId'] === 'string'
        ? { kind: 'peer-left', peerId: signal['peerId'] }
        : null;
    default:
      return decodeCallSignal(signal);
  }
}

function decodePeerList({ peers }: Fields): Incoming | null {
  if (!Array.isArray(peers)) return null;
  return { kind: 'peer-list', peers: peers.map(decodePeer).filter((peer) => peer !== null) };
}

function decodePeerJoined(signal: Fields): Incoming | null {
  const peer = decodePeer(signal['peer']);
  return peer === null ? null : { kind: 'peer-joined', peer };
}

function decodePeer(value: unknown): Peer | null {
  if (!isObject(value) || typeof value['peerId'] !== 'string') return null;
  const { peerId, name, metadata = null } = value;
  return { peerId, name: typeof name === 'string' ? name : null, metadata };
}

function decodeCallSignal(fields: Fields): Incoming | null {
  const { from } = fields;
  if (typeof from !== 'string') return null;
  const signal = callSignal(fields);
  return signal === null ? null : { kind: 'call', from, signal };
}

function callSignal({ type, callId, sdp, media, candidate, reason }: Fields): CallSignal | null {
  if (type === SignalType.Hangup) {
    return {
      type,
      reason: reason === 'rejected' || reason === 'failed' ? reason : 'hangup',
      ...(typeof callId === 'string' && { callId }),
    };
  }
  if (typeof callId !== 'string') return null;
  if (type === SignalType.IceCandidate && isObject(candidate)) return { type, callId, candidate };
  if (typeof sdp !== 'string') return null;
  if (type === SignalType.Offer) return { type, callId, sdp, media: offeredMedia(media) };
  if (type === SignalType.Answer) return { type, callId, sdp };
  return null;
}

function offeredMedia(value: unknown): OfferedMedia {
  const media = isObject(value) ? value : {};
  return { video: media['video'] === true, audio: media['audio'] === true };
}
