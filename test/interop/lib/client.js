// @ts-check
/**
 * An unmodified WebsocketProvider with its document, and words for what a test waits for.
 */
import { readAuthMessage } from 'y-protocols/auth';
import { messageAuth, WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { webSocketOf } from './handshake.js';
import { eventually } from './wait.js';

// Each provider listens for the end of the process.
process.setMaxListeners(0);

/**
 * @typedef {object} Document
 * @property {string} serverUrl
 * @property {string} room
 * @property {string} token
 * @property {Y.Doc} [doc]
 *
 * @typedef {Document & import('./handshake.js').Sender} ClientOptions
 */

/** One user with one document. */
export class Client {
  /** @param {ClientOptions} options */
  constructor({ serverUrl, room, token, doc = new Y.Doc(), ...sender }) {
    this.doc = doc;
    this.text = doc.getText('text');
    this.map = doc.getMap('map');
    this.provider = new WebsocketProvider(serverUrl, room, doc, {
      WebSocketPolyfill: webSocketOf(sender),
      disableBc: true,
      params: token === '' ? {} : { token },
    });
    this.awareness = this.provider.awareness;
    /** @type {string[]} what the server refused, in its words */
    this.denials = [];
    /** @type {Set<() => void>} */
    this.deniedWatchers = new Set();
    this.provider.messageHandlers[messageAuth] = (_encoder, decoder) => {
      readAuthMessage(decoder, doc, (_doc, reason) => this.denials.push(reason));
      for (const watcher of this.deniedWatchers) watcher();
    };
    /** @type {Array<{ code: number, reason: string }>} the closes after which the provider stopped trying */
    this.stops = [];
    this.provider.on('closed', (stop) => this.stops.push(stop));
  }

  get id() {
    return this.doc.clientID;
  }

  /** The socket of the moment, as the `ws` package's own type. */
  get socket() {
    return /** @type {import('ws').WebSocket} */ (/** @type {unknown} */ (this.provider.ws));
  }

  /** Leaves and frees everything, as closing a tab in an orderly way does. */
  destroy() {
    this.provider.destroy();
    this.doc.destroy();
  }

  /** Until the provider says that it is in sync. */
  async synced() {
    const { provider } = this;
    await eventually({
      subscribe: (look) => on(provider, 'sync', look),
      check: () => provider.synced,
      describe: () => `synced of ${provider.url}`,
    });
  }

  /**
   * Until the socket is gone; gives its close event, null if this side closed it.
   *
   * @param {number} [within]
   * @returns {Promise<{ code: number, reason: string } | null>}
   */
  async closed(within) {
    /** @type {Array<{ code: number, reason: string } | null>} */
    const closes = [];
    const [close] = await eventually({
      subscribe: (look) =>
        on(this.provider, 'connection-close', (event) => {
          closes.push(event === null ? null : { code: event.code, reason: event.reason });
          look();
        }),
      check: () => (closes.length > 0 ? closes : null),
      describe: () => 'the connection being closed',
      ...(within === undefined ? {} : { within }),
    });
    return close ?? null;
  }

  /**
   * Until the provider has stopped trying; gives why.
   *
   * @returns {Promise<{ code: number, reason: string }>}
   */
  async stopped() {
    const { provider } = this;
    return await eventually({
      subscribe: (look) => on(provider, 'closed', look),
      check: () => this.stops[0],
      describe: () => 'the provider stopping for good',
    });
  }

  /**
   * Until the server has refused something in the protocol's own words; gives the reason.
   *
   * @returns {Promise<string>}
   */
  async denied() {
    return await eventually({
      subscribe: (look) => {
        this.deniedWatchers.add(look);
        return () => this.deniedWatchers.delete(look);
      },
      check: () => this.denials[0],
      describe: () => 'a message that something is refused',
    });
  }

  /**
   * Until the text of the document is exactly this.
   *
   * @param {string} text
   * @param {number} [within]
   */
  async hasText(text, within) {
    await this.has(
      () => this.text.toString() === text,
      () => `text ${shorten(text)}, have ${shorten(this.text.toString())}`,
      within,
    );
  }

  /**
   * Until the document fulfils a condition.
   *
   * @param {() => boolean} check
   * @param {() => string} describe
   * @param {number} [within]
   */
  async has(check, describe, within) {
    const { doc } = this;
    await eventually({
      subscribe: (look) => on(doc, 'update', look),
      check,
      describe,
      ...(within === undefined ? {} : { within }),
    });
  }

  /**
   * Until presence fulfils a condition; gives how long that took, in milliseconds.
   *
   * @param {(states: Map<number, Record<string, unknown>>) => boolean} check
   * @param {string} what
   * @param {number} [within]
   * @returns {Promise<number>}
   */
  async sees(check, what, within) {
    const { awareness } = this;
    const started = performance.now();
    await eventually({
      subscribe: (look) => on(awareness, 'update', look),
      check: () => check(awareness.getStates()),
      describe: () => `${what}, have ${JSON.stringify([...awareness.getStates()])}`,
      ...(within === undefined ? {} : { within }),
    });
    return performance.now() - started;
  }
}

/**
 * Until all the clients have the same text.
 *
 * @param {Client[]} clients
 * @param {number} [within]
 */
export async function converged(clients, within) {
  const texts = () => new Set(clients.map(({ text }) => text.toString()));
  await eventually({
    subscribe: (look) => {
      const stops = clients.map(({ doc }) => on(doc, 'update', look));
      return () => stops.forEach((stop) => stop());
    },
    check: () => texts().size === 1,
    describe: () => `one text, have ${[...texts()].map(shorten).join(' and ')}`,
    ...(within === undefined ? {} : { within }),
  });
}

/**
 * @param {{ on: Function, off: Function }} source
 * @param {string} event
 * @param {(...args: any[]) => void} listener
 * @returns {() => void} how to stop
 */
export function on(source, event, listener) {
  source.on(event, listener);
  return () => source.off(event, listener);
}

/** @param {string} text */
function shorten(text) {
  return text.length <= 120 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 60))}… (${text.length})`;
}
