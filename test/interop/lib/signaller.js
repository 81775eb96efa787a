// @ts-check
/** A socket that signals: it speaks JSON text, and leaves the document's frames alone. */
import { WebSocket } from 'ws';
import { handshakeHeaders } from './handshake.js';
import { MASTER_TOKEN } from './server.js';
import { bounded, eventually } from './wait.js';

/** @typedef {Record<string, unknown> & { type: number }} Signal */

export class Signaller {
  /**
   * @param {string} address
   * @param {{ token?: string }} [options] no token if it is empty
   */
  constructor(address, { token = MASTER_TOKEN } = {}) {
    const query = token === '' ? '' : `?token=${encodeURIComponent(token)}`;
    this.socket = new WebSocket(address + query, { headers: handshakeHeaders({}) });
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

  /** @param {Signal} signal */
  signal(signal) {
    this.socket.send(JSON.stringify({ kraken: 'signal', signal }));
  }

  /**
   * The next signal of this type. What comes before it is dropped, but for errors.
   *
   * @param {number} type
   * @returns {Promise<Record<string, any>>}
   */
  async next(type) {
    for (;;) {
      const envelope = await this.#envelope();
      if (envelope['kraken'] === 'error') throw new Error(`an error: ${JSON.stringify(envelope)}`);
      if (envelope['signal'].type === type) return envelope['signal'];
    }
  }

  /** The next message, which must be an error, without its text for people. */
  async error() {
    const { kraken, message, ...error } = await this.#envelope();
    if (kraken !== 'error' || message === '') throw new Error(`no error: ${JSON.stringify(error)}`);
    return error;
  }

  close() {
    this.socket.close();
  }

  terminate() {
    this.socket.terminate();
  }

  /** @returns {Promise<Record<string, any>>} */
  async #envelope() {
    return await eventually({
      subscribe: (look) => {
        this.watchers.add(look);
        return () => this.watchers.delete(look);
      },
      check: () => this.inbox.shift() ?? null,
      describe: () => 'a text message from the server',
    });
  }
}
