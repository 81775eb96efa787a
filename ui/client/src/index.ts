export type { RoomOptions, TokenSource, WebSocketConstructor } from './address.js';
export { KrakenClient } from './client.js';
export { RoomConnection } from './connection.js';
export type { ConnectionState, RoomUser } from './connection.js';
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
export type { DeviceChoice, MediaKind } from './media.js';
export type {
  KrakenClientOptions,
  ParticipantOptions,
  PeerConnectionConstructor,
  SharedConnection,
} from './participant.js';
export type { OfferedMedia, Peer } from './protocol.js';
