/** Who takes part in a room, and by which means. */
import type { RoomOptions } from './address.js';
import { RoomConnection } from './connection.js';
import { SignalType } from './protocol.js';
import type { AnnounceSignal } from './protocol.js';

export type PeerConnectionConstructor = new (config?: RTCConfiguration) => RTCPeerConnection;

/** How a participant shows itself, and reaches others. */
export interface ParticipantOptions {
  /** What others see. */
  name?: string | undefined;
  /** Anything else that others should see: JSON of at most 4 KiB. */
  metadata?: unknown;
  /** Default: a random one. No two connections of a room can have the same. */
  peerId?: string | undefined;
  /** Default: a public STUN server of Google's. */
  iceServers?: RTCIceServer[] | undefined;
  /** Default: the browser's. */
  RTCPeerConnection?: PeerConnectionConstructor | undefined;
}

/** A connection that a participant shares with the room's document. */
export interface SharedConnection {
  connection: RoomConnection;
}

/** Where the room is, or the connection that leads to it. */
export type KrakenClientOptions = ParticipantOptions & (RoomOptions | SharedConnection);

export const DEFAULT_ICE_SERVERS: RTCIceServer[] = [{ urls: 'stun:stun.l.google.com:19302' }];

/** The one that is shared, or one of its own. */
export function connectionOf(options: KrakenClientOptions): RoomConnection {
  return 'connection' in options ? options.connection : new RoomConnection(options);
}

/** What tells the others who this is. */
export function announcement(from: string, { name, metadata }: ParticipantOptions): AnnounceSignal {
  return {
    type: SignalType.Announce,
    from,
    ...(name !== undefined && { name }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** Unlike `crypto.randomUUID`, this also works in pages that aren't secure. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
