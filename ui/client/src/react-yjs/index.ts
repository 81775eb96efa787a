export { useAwareness } from './useAwareness.js';
export type { AwarenessStates, HasAwareness } from './useAwareness.js';
export { usePresence } from './usePresence.js';
export type { Presence, PresenceOptions } from './usePresence.js';
export { useYjsDocument } from './useYjsDocument.js';
export type { UseYjsDocumentOptions, YjsDocument } from './useYjsDocument.js';
