// @ts-check
/**
 * What clients say when they connect: by default what a page on a developer's machine says, which
 * the app `default` allows.
 */
import { WebSocket } from 'ws';

/** Where the tests' pages come from, unless they say otherwise. */
export const ORIGIN = 'http://localhost:3000';

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/**
 * @typedef {object} Sender
 * @property {string | null} [origin] the page's origin; null for what is no page
 * @property {boolean} [browser] whether it says that it is a browser
 * @property {Record<string, string>} [headers] what it says besides
 */

/**
 * @param {Sender} sender
 * @returns {Record<string, string>}
 */
export function handshakeHeaders({ origin = ORIGIN, browser = false, headers = {} }) {
  return {
    ...(origin === null ? {} : { Origin: origin }),
    ...(browser ? { 'User-Agent': USER_AGENT } : {}),
    ...headers,
  };
}

/**
 * A WebSocket class as a provider takes it, which shakes hands as this sender does.
 *
 * @param {Sender} sender
 * @returns {typeof globalThis.WebSocket}
 */
export function webSocketOf(sender) {
  const headers = handshakeHeaders(sender);
  class SendersWebSocket extends WebSocket {
    /**
     * @param {string | URL} address
     * @param {string | string[]} [protocols]
     */
    constructor(address, protocols) {
      super(address, protocols, { headers });
    }
  }
  return /** @type {typeof globalThis.WebSocket} */ (/** @type {unknown} */ (SendersWebSocket));
}
