export { KrakenClient } from './client.js';
export type { KrakenClientOptions, PeerConnectionConstructor } from './client.js';
export { KrakenError } from './errors.js';
export type { KrakenErrorCode } from './errors.js';
export type {
  CallEndReason,
  ConnectionStatus,
  IncomingCall,
  KrakenEvent,
  Listener,
  MediaOptions,
} from './events.js';
export type { MediaKind } from './media.js';
export type { OfferedMedia, Peer } from './protocol.js';
export type { TokenSource, WebSocketConstructor } from './signaling.js';
