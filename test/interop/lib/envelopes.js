// @ts-check
/** A socket to a room that speaks envelopes of JSON text, and leaves the document's frames alone. */
import { WebSocket } from 'ws';
import { bounded, eventually } from './wait.js';

export class Envelopes {
  /**
   * @param {string} address
   * @param {string} token no token if it is empty
   * @param {Record<string, string>} headers
   */
  constructor(address, token, headers) {
    const query = token === '' ? '' : `?token=${encodeURIComponent(token)}`;
    this.socket = new WebSocket(address + query, { headers });
    /** @type {Array<Record<string, any>>} envelopes that nobody has taken */
    this.inbox = [];
    /** @type {Set<() => void>} */
    this.watchers = new Set();
    this.socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      this.inbox.push(JSON.parse(data.toString()));
      for (const watcher of this.watchers) watcher();
    });
    /** @type {Promise<void>} */
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
  }

  async open() {
    await bounded(this.opened, 'the handshake');
  }

  /** @param {Record<string, unknown>} envelope */
  send(envelope) {
    this.socket.send(JSON.stringify(envelope));
  }

  /** The next envelope. @returns {Promise<Record<string, any>>} */
  async take() {
    return await eventually({
      subscribe: (look) => {
        this.watchers.add(look);
        return () => this.watchers.delete(look);
      },
      check: () => this.inbox.shift() ?? null,
      describe: () => 'a text message from the server',
    });
  }

  close() {
    this.socket.close();
  }

  terminate() {
    this.socket.terminate();
  }
}
