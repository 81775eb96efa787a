/**
 * What a client and its room say to each other about a group call, as JSON text on the room's
 * socket. Nothing here touches a socket.
 */
import { isObject, parseObject } from '../json.js';
import type { Fields } from '../json.js';

/** What a track shows. */
export type Source = 'camera' | 'microphone' | 'screen' | 'screen-audio';

export type Kind = 'audio' | 'video';

/** How a track is to be received. One whose tile nobody sees need not be sent. */
export interface TrackWish {
  enabled: boolean;
  /** How many pixels wide it is shown; 0 or nothing if that isn't known. */
  width?: number;
  height?: number;
}

export type Moderation =
  | { action: 'mute-track'; track: string }
  | { action: 'remove'; peer: string }
  | { action: 'lock'; locked: boolean };

export interface OfferedTrack {
  mid: string;
  source: Source;
  muted: boolean;
}

export type FromClient =
  | { type: 'join'; peer: string; name?: string; metadata?: unknown; session?: string }
  | { type: 'publish'; sdp: string; tracks: readonly OfferedTrack[] }
  | { type: 'answer'; offer: number; sdp: string }
  | { type: 'receive'; tracks: readonly (TrackWish & { track: string })[] }
  | { type: 'mute'; track: string; muted: boolean }
  | ({ type: 'moderate' } & Moderation)
  | { type: 'report'; freezes: number }
  | { type: 'leave' };

export interface Track {
  track: string;
  kind: Kind;
  source: Source;
  muted: boolean;
}

export interface Member {
  peer: string;
  name: string | null;
  metadata: unknown;
  tracks: readonly Track[];
}

export interface ReceivedTrack {
  mid: string;
  track: string;
}

/** What of a video track is sent to this client now. */
export interface Layer {
  track: string;
  /** Null if there is only one. */
  layer: string | null;
  paused: boolean;
}

export interface Joined {
  type: 'joined';
  session: string;
  resumed: boolean;
  peers: readonly Member[];
  mayPublish: boolean;
  mayModerate: boolean;
  locked: boolean;
  recorded: boolean;
}

export interface Problem {
  type: 'error';
  code: string;
  message: string;
  /** The type of the message that was refused, if it is told. */
  about: string | null;
}

const ENDS = ['removed', 'replaced', 'lost', 'engine'] as const;
export type Ended = (typeof ENDS)[number];

export type ToClient =
  | Joined
  | { type: 'answer'; sdp: string; tracks: readonly Track[] }
  | { type: 'offer'; offer: number; sdp: string; tracks: readonly ReceivedTrack[] }
  | ({ type: 'peer' } & Member)
  | { type: 'peer-left'; peer: string }
  | { type: 'speakers'; active: readonly string[]; order: readonly string[] }
  | { type: 'layers'; tracks: readonly Layer[]; estimate: number }
  | { type: 'muted'; track: string }
  | { type: 'locked'; locked: boolean }
  | { type: 'recorded'; recorded: boolean }
  | { type: 'ended'; reason: Ended }
  | Problem;

export function encode(call: FromClient): string {
  return JSON.stringify({ kraken: 'call', call });
}

/** Null for whatever isn't a message that this version knows. */
export function decode(text: string): ToClient | null {
  const envelope = parseObject(text);
  if (envelope?.['kraken'] !== 'call' || !isObject(envelope['call'])) return null;
  return toClient(envelope['call']);
}

function toClient(call: Fields): ToClient | null {
  const { type, peer, track, locked, recorded, reason } = call;
  switch (type) {
    case 'joined':
      return joined(call);
    case 'answer':
      return answer(call);
    case 'offer':
      return offer(call);
    case 'peer': {
      const one = member(call);
      return one === null ? null : { type, ...one };
    }
    case 'peer-left':
      return isText(peer) ? { type, peer } : null;
    case 'speakers':
      return { type, active: texts(call['active']), order: texts(call['order']) };
    case 'layers':
      return layers(call);
    case 'muted':
      return isText(track) ? { type, track } : null;
    case 'locked':
      return { type, locked: locked === true };
    case 'recorded':
      return { type, recorded: recorded === true };
    case 'ended':
      return { type, reason: ENDS.find((one) => one === reason) ?? 'lost' };
    case 'error':
      return problem(call);
    default:
      return null;
  }
}

function joined(fields: Fields): Joined | null {
  const { session, resumed, peers, mayPublish, mayModerate, locked, recorded } = fields;
  if (!isText(session)) return null;
  return {
    type: 'joined',
    session,
    resumed: resumed === true,
    peers: listOf(peers, member),
    mayPublish: mayPublish === true,
    mayModerate: mayModerate === true,
    locked: locked === true,
    recorded: recorded === true,
  };
}

function answer({ sdp, tracks }: Fields): ToClient | null {
  return isText(sdp) ? { type: 'answer', sdp, tracks: listOf(tracks, trackOf) } : null;
}

function offer({ offer: number, sdp, tracks }: Fields): ToClient | null {
  if (typeof number !== 'number' || !isText(sdp)) return null;
  return { type: 'offer', offer: number, sdp, tracks: listOf(tracks, receivedTrack) };
}

function layers({ tracks, estimate }: Fields): ToClient {
  return {
    type: 'layers',
    tracks: listOf(tracks, layerOf),
    estimate: typeof estimate === 'number' ? estimate : 0,
  };
}

function problem({ code, message, about }: Fields): Problem | null {
  if (!isText(code)) return null;
  return {
    type: 'error',
    code,
    message: isText(message) ? message : code,
    about: isText(about) ? about : null,
  };
}

function member({ peer, name, metadata = null, tracks }: Fields): Member | null {
  if (!isText(peer)) return null;
  return { peer, name: isText(name) ? name : null, metadata, tracks: listOf(tracks, trackOf) };
}

function trackOf({ track, kind, source, muted }: Fields): Track | null {
  if (!isText(track) || !isSource(source)) return null;
  return { track, kind: kind === 'audio' ? kind : 'video', source, muted: muted === true };
}

function receivedTrack({ mid, track }: Fields): ReceivedTrack | null {
  return isText(mid) && isText(track) ? { mid, track } : null;
}

function layerOf({ track, layer, paused }: Fields): Layer | null {
  if (!isText(track)) return null;
  return { track, layer: isText(layer) ? layer : null, paused: paused === true };
}

function isSource(value: unknown): value is Source {
  return ['camera', 'microphone', 'screen', 'screen-audio'].includes(value as string);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(isText) : [];
}

function listOf<T>(value: unknown, read: (fields: Fields) => T | null): T[] {
  if (!Array.isArray(value)) return [];
  const fields = value.filter(isObject);
  return fields.map(read).filter((one) => one !== null);
}
