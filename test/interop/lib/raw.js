// @ts-check
/**
 * The y-protocols wire, byte by byte: a bare socket for what no provider would send, and for
 * seeing every frame that a server sends.
 */
import { text } from 'node:stream/consumers';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { WebSocket } from 'ws';
import { bounded, eventually } from './wait.js';

/**
 * @typedef {{ kind: 'step1' | 'step2' | 'update' | 'awareness', body: Uint8Array } | { kind: 'denied', reason: string }
 *   | { kind: 'query' }} Message
 */

/**
 * @param {number[]} types
 * @param {Uint8Array} body
 */
function frame(types, body) {
  return encoding.encode((encoder) => {
    for (const type of types) encoding.writeVarUint(encoder, type);
    encoding.writeVarUint8Array(encoder, body);
  });
}

/** The empty state vector. */
export const NOTHING = Uint8Array.of(0);
/** The update without content. */
export const EMPTY_UPDATE = Uint8Array.of(0, 0);
export const QUERY_AWARENESS = Uint8Array.of(3);

export const step1 = (/** @type {Uint8Array} */ stateVector) => frame([0, 0], stateVector);
export const step2 = (/** @type {Uint8Array} */ update) => frame([0, 1], update);
export const update = (/** @type {Uint8Array} */ body) => frame([0, 2], body);

/**
 * @param {Array<{ id: number, clock: number, state: unknown }>} entries
 */
export function awareness(entries) {
  const body = encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, entries.length);
    for (const { id, clock, state } of entries) {
      encoding.writeVarUint(encoder, id);
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarString(encoder, JSON.stringify(state));
    }
  });
  return frame([1], body);
}

/**
 * The client ids and states of an awareness message's body.
 *
 * @param {Uint8Array} body
 * @returns {Map<number, { clock: number, state: unknown }>}
 */
export function presence(body) {
  const decoder = decoding.createDecoder(body);
  /** @type {Map<number, { clock: number, state: unknown }>} */
  const found = new Map();
  for (let left = decoding.readVarUint(decoder); left > 0; left -= 1) {
    const id = decoding.readVarUint(decoder);
    const clock = decoding.readVarUint(decoder);
    found.set(id, { clock, state: JSON.parse(decoding.readVarString(decoder)) });
  }
  return found;
}

/**
 * Decodes a frame from the server, which must hold exactly one message.
 *
 * @param {Uint8Array} bytes
 * @returns {Message}
 */
function decode(bytes) {
  const decoder = decoding.createDecoder(bytes);
  const message = decodeFirst(decoder);
  if (decoding.hasContent(decoder)) {
    throw new Error(`more than one message in the frame ${Buffer.from(bytes).toString('hex')}`);
  }
  return message;
}

/**
 * @param {decoding.Decoder} decoder
 * @returns {Message}
 */
function decodeFirst(decoder) {
  const type = decoding.readVarUint(decoder);
  switch (type) {
    case 0: {
      const kinds = /** @type {const} */ (['step1', 'step2', 'update']);
      const kind = kinds[decoding.readVarUint(decoder)];
      if (kind === undefined) throw new Error('a sync message of unknown kind');
      return { kind, body: decoding.readVarUint8Array(decoder) };
    }
    case 1:
      return { kind: 'awareness', body: decoding.readVarUint8Array(decoder) };
    case 2:
      decoding.readVarUint(decoder);
      return { kind: 'denied', reason: decoding.readVarString(decoder) };
    case 3:
      return { kind: 'query' };
    default:
      throw new Error(`a message of the unknown type ${type}`);
  }
}

/**
 * The answer to a handshake that is refused: its status, and the error that its body names.
 *
 * @typedef {{ status: number, code: string, headers: import('node:http').IncomingHttpHeaders }} Refusal
 */

/**
 * @param {import('node:http').IncomingMessage} response
 * @returns {Promise<Refusal>}
 */
async function readRefusal(response) {
  const body = await text(response);
  const code = body.startsWith('{') ? String(JSON.parse(body).error?.code) : '';
  return { status: response.statusCode ?? 0, code, headers: response.headers };
}

/** A socket that sends any bytes and keeps each message that comes, in order. */
export class RawClient {
  /**
   * @param {string} address
   * @param {import('ws').ClientOptions} [options]
   */
  constructor(address, options = {}) {
    this.socket = new WebSocket(address, options);
    /** @type {Message[]} not yet taken by `next` */
    this.inbox = [];
    /** @type {Error | null} why the server's frames can't be read */
    this.broken = null;
    /** @type {Set<() => void>} */
    this.watchers = new Set();
    this.socket.on('message', (data, isBinary) => {
      try {
        if (!isBinary) throw new Error(`a text frame from the server: ${data.toString().slice(0, 80)}`);
        this.inbox.push(decode(new Uint8Array(/** @type {Buffer} */ (data))));
      } catch (error) {
        this.broken = /** @type {Error} */ (error);
      }
      for (const watcher of this.watchers) watcher();
    });
    /** @type {Promise<void>} */
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
    this.opened.catch(() => {});
    /** @type {Promise<{ code: number, reason: string }>} */
    this.whenClosed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    /** @type {Promise<Refusal>} */
    this.whenRefused = new Promise((resolve, reject) => {
      this.socket.on('unexpected-response', (request, response) => {
        readRefusal(response)
          .then(resolve, reject)
          .finally(() => request.destroy());
      });
    });
    this.whenRefused.catch(() => {});
  }

  async open() {
    await bounded(this.opened, 'the handshake');
  }

  /** Until the handshake is refused; gives the answer. */
  async refused() {
    return await bounded(this.whenRefused, 'the refusal of the handshake');
  }

  /** @param {Uint8Array | string} data a string goes as a text frame */
  send(data) {
    this.socket.send(data, { binary: typeof data !== 'string' });
  }

  /**
   * The next message, whatever it is.
   *
   * @param {number} [within]
   * @returns {Promise<Message>}
   */
  async next(within) {
    const message = await eventually({
      subscribe: (look) => {
        this.watchers.add(look);
        return () => this.watchers.delete(look);
      },
      check: () => {
        if (this.broken !== null) throw this.broken;
        return this.inbox.shift() ?? null;
      },
      describe: () => 'a message from the server',
      ...(within === undefined ? {} : { within }),
    });
    return message;
  }

  /**
   * The body of the next message of this kind. What comes before it is given to `before`, or
   * dropped.
   *
   * @param {'step1' | 'step2' | 'update' | 'awareness'} kind
   * @param {Message[]} [before]
   * @param {number} [within] for each of them
   * @returns {Promise<Uint8Array>}
   */
  async nextOf(kind, before = [], within) {
    for (;;) {
      const message = await this.next(within);
      if (message.kind === kind) return message.body;
      before.push(message);
    }
  }

  /**
   * The reason of the next refusal in the protocol's own words. What comes before it is dropped.
   *
   * @param {number} [within] for each message
   * @returns {Promise<string>}
   */
  async denied(within) {
    for (;;) {
      const message = await this.next(within);
      if (message.kind === 'denied') return message.reason;
    }
  }

  /**
   * Everything that the server sent before it answered a step 1 sent now: a barrier, as messages
   * of one connection are handled in order.
   *
   * @param {number} [within]
   * @returns {Promise<{ before: Message[], state: Uint8Array }>}
   */
  async settle(within) {
    this.send(step1(NOTHING));
    /** @type {Message[]} */
    const before = [];
    const state = await this.nextOf('step2', before, within);
    return { before, state };
  }

  /**
   * @param {number} [within]
   * @returns {Promise<{ code: number, reason: string }>}
   */
  async closed(within) {
    return await bounded(this.whenClosed, 'the server closing the connection', within);
  }

  /** Drops the connection without a word. */
  terminate() {
    this.socket.terminate();
  }
}
