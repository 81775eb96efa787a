import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { RoomOptions, WebSocketConstructor } from '../../src/index.js';
import type { KrakenServer } from './kraken.js';

/** Node has no WebSocket of its own before version 22. */
export const NodeWebSocket = WebSocket as unknown as WebSocketConstructor;

/** As a page on this machine opens it: pages can't see a handshake refused, so they are closed. */
export const PageWebSocket = class extends WebSocket {
  constructor(url: string) {
    super(url, { origin: 'http://localhost', headers: { 'User-Agent': 'Mozilla/5.0' } });
  }
} as unknown as WebSocketConstructor;

/** A way in: what is promised for one of them holds for the other. */
export interface Way {
  name: string;
  via: 'gateway' | 'direct';
}

export const WAYS: readonly Way[] = [
  { name: 'through the gateway', via: 'gateway' },
  { name: 'directly at the node', via: 'direct' },
];

/** A room of its own, for programs that have a token of its app. */
export async function roomAt(
  server: KrakenServer,
  { via }: Way,
  { app = 'default', room = randomUUID() } = {},
): Promise<RoomOptions> {
  return {
    url: via === 'gateway' ? server.url : server.directUrl,
    via,
    room,
    token: await server.token(app, { aud: room }),
    WebSocket: NodeWebSocket,
  };
}
