export { GroupCall, joinCall } from './call.js';
export type { GroupCallOptions, SendOptions } from './call.js';
export type {
  CallEvent,
  CallListener,
  CallPeer,
  CallState,
  CallStatus,
  LocalTrack,
  RemoteTrack,
} from './events.js';
export type { Kind, Source, TrackWish } from './protocol.js';
export type { Quality } from './quality.js';
