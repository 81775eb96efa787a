// @ts-check
/**
 * Makes this Node process look like a page to code that was written for browsers: its globals, the
 * origin and the cookies that a browser adds to each request. One page per process.
 */
import { WebSocket } from 'ws';
import { handshakeHeaders } from './handshake.js';

const fetchOutside = globalThis.fetch;

/**
 * @param {string} address of the page
 * @param {string} [cookie] what the browser has for that site
 */
export function becomePage(address, cookie = '') {
  const location = new URL(address);
  const sender = {
    origin: location.origin,
    browser: true,
    ...(cookie === '' ? {} : { headers: { Cookie: cookie } }),
  };

  class PageWebSocket extends WebSocket {
    /**
     * @param {string | URL} url
     * @param {string | string[]} [protocols]
     */
    constructor(url, protocols) {
      super(url, protocols, { headers: handshakeHeaders(sender) });
    }
  }

  /** @type {typeof globalThis.fetch} */
  const fetch = (resource, options = {}) => {
    const url = new URL(String(resource), location);
    const headers = { ...Object.fromEntries(new Headers(options.headers)), ...handshakeHeaders(sender) };
    const site = url.origin === location.origin ? 'same-origin' : 'cross-site';
    return fetchOutside(url, { ...options, headers: { ...headers, 'Sec-Fetch-Site': site } });
  };

  const globals = { WebSocket: PageWebSocket, fetch, document: { cookie }, location, window: { location } };
  Object.assign(globalThis, globals);
}
