export { RoomConnection } from '../connection.js';
export type { Close, DocumentOptions, KrakenProviderOptions, ProviderStatus } from './options.js';
export { KrakenProvider } from './provider.js';
export type { KrakenProviderEvents } from './provider.js';
export type { SaveState } from './saving.js';
