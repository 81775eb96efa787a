// @ts-check
/** A socket that takes part in its room's call, and leaves the document's frames alone. */
import { WebSocket } from 'ws';
import { handshakeHeaders } from './handshake.js';
import { MASTER_TOKEN } from './server.js';
import { bounded, eventually } from './wait.js';

/** @typedef {Record<string, unknown> & { type: string }} Call */

export class Caller {
  /**
   * @param {string} address
   * @param {{ token?: string }} [options] an app token comes from no page
   */
  constructor(address, { token = MASTER_TOKEN } = {}) {
    const headers = handshakeHeaders(token === MASTER_TOKEN ? {} : { origin: null });
    this.socket = new WebSocket(`${address}?token=${encodeURIComponent(token)}`, { headers });
    /** @type {Array<Record<string, any>>} messages that nobody has taken */
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

  /** @param {unknown} call */
  say(call) {
    this.socket.send(JSON.stringify({ kraken: 'call', call }));
  }

  /**
   * Joins the call.
   *
   * @param {string} peer
   * @param {Record<string, unknown>} [fields]
   */
  async join(peer, fields = {}) {
    this.say({ type: 'join', peer, ...fields });
    return await this.next('joined');
  }

  /**
   * The next message of this type. What comes before it is dropped, but for errors.
   *
   * @param {string} type
   * @returns {Promise<Record<string, any>>}
   */
  async next(type) {
    for (;;) {
      const call = await this.#call();
      if (call['type'] === type) return call;
      if (call['type'] === 'error') throw new Error(`an error: ${JSON.stringify(call)}`);
    }
  }

  /** The next error, without its text for people. What comes before it is dropped. */
  async error() {
    const { code, about, message } = await this.next('error');
    if (typeof message !== 'string' || message === '') throw new Error('an error without words');
    return about === undefined ? { code } : { code, about };
  }

  close() {
    this.socket.close();
  }

  terminate() {
    this.socket.terminate();
  }

  async #call() {
    const envelope = await eventually({
      subscribe: (look) => {
        this.watchers.add(look);
        return () => this.watchers.delete(look);
      },
      check: () => this.inbox.shift() ?? null,
      describe: () => 'a text message from the server',
    });
    if (envelope['kraken'] !== 'call') throw new Error(`no call: ${JSON.stringify(envelope)}`);
    return envelope['call'];
  }
}
