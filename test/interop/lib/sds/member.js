// @ts-check
/** A bare socket in a store or in its signalling. */
import { WebSocket } from 'ws';
import { bounded, eventually } from '../wait.js';

/**
 * What came: a binary message as bytes, a text one as a string.
 *
 * @typedef {Buffer | string} Message
 */

/** @typedef {{ code: number, reason: string }} End how a connection was closed */

/** A socket in a store or in its signalling. It keeps each message that comes, in order. */
export class Member {
  /**
   * @param {string} address
   * @param {import('ws').ClientOptions & { protocols?: string[] }} [options]
   */
  constructor(address, { protocols = [], ...options } = {}) {
    this.socket = new WebSocket(address, protocols, { perMessageDeflate: false, ...options });
    /** @type {Message[]} not yet taken */
    this.inbox = [];
    /** @type {Set<() => void>} */
    this.watchers = new Set();
    this.socket.on('message', (data, isBinary) => {
      const bytes = /** @type {Buffer} */ (data);
      this.inbox.push(isBinary ? bytes : bytes.toString());
      for (const watcher of this.watchers) watcher();
    });
    /** @type {Promise<void>} */
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
    this.opened.catch(() => {});
    /** @type {End | null} */
    this.end = null;
    this.socket.on('close', (code, reason) => {
      this.end = { code, reason: reason.toString() };
      for (const watcher of this.watchers) watcher();
    });
  }

  async open() {
    await bounded(this.opened, 'the handshake');
  }

  /** @param {...(Uint8Array | string)} messages a string goes as text */
  send(...messages) {
    for (const message of messages) this.socket.send(message, { binary: typeof message !== 'string' });
  }

  /**
   * The next `count` messages.
   *
   * @param {number} count
   * @param {number} [within] for all of them
   * @returns {Promise<Message[]>}
   */
  async take(count, within) {
    await this.#until(() => this.inbox.length >= count, () => `${count} messages`, within);
    return this.inbox.splice(0, count);
  }

  /**
   * All messages before this one, which must come.
   *
   * @param {Message} marker
   * @param {number} [within]
   * @returns {Promise<Message[]>}
   */
  async takeUntil(marker, within) {
    const find = () => this.inbox.findIndex((message) => same(message, marker)) + 1;
    const count = await this.#until(find, () => shown(marker), within);
    return this.inbox.splice(0, count).slice(0, -1);
  }

  /** The next message, or how it ended without one. */
  async messageOrEnd() {
    return await this.#eventually(() => this.inbox.shift() ?? this.end, () => 'a message or the end');
  }

  /** @param {number} [within] */
  async closed(within) {
    return await this.#eventually(() => this.end, () => 'the server closing the connection', within);
  }

  /**
   * @param {() => number | boolean} check
   * @param {() => string} what
   * @param {number} [within]
   * @returns {Promise<number>}
   */
  async #until(check, what, within) {
    const found = await this.#eventually(() => {
      const enough = check();
      if (!enough && this.end !== null) {
        throw new Error(`closed with ${this.end.code} ${this.end.reason} before ${what()}`);
      }
      return enough;
    }, what, within);
    return Number(found);
  }

  /**
   * @template T
   * @param {() => T | null | false} check
   * @param {() => string} what
   * @param {number} [within]
   * @returns {Promise<T>}
   */
  async #eventually(check, what, within) {
    return await eventually({
      subscribe: (look) => {
        this.watchers.add(look);
        return () => this.watchers.delete(look);
      },
      check,
      describe: () => `${what()}, have ${this.inbox.length}: ${this.inbox.slice(-3).map(shown).join(', ')}`,
      ...(within === undefined ? {} : { within }),
    });
  }

  terminate() {
    this.socket.terminate();
  }
}

/**
 * @param {Message} one
 * @param {Message} other
 */
function same(one, other) {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  return one.equals(other);
}

/** @param {Message} message */
function shown(message) {
  return typeof message === 'string' ? JSON.stringify(message) : message.subarray(0, 60).toString('latin1');
}

/** @param {Message[]} messages as they are compared: text in quotes */
export function readable(messages) {
  return messages.map((message) => (typeof message === 'string' ? `"${message}"` : message.toString('latin1')));
}
