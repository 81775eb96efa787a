export { useCall } from './useCall.js';
export type { UseCallOptions, UsedCall } from './useCall.js';
export { useKraken } from './useKraken.js';
export type { Kraken, UseKrakenOptions } from './useKraken.js';
export type { RoomSource } from './useRoomConnection.js';
export { useVideoCall } from './useVideoCall.js';
export type { UseVideoCallOptions, VideoCall } from './useVideoCall.js';
