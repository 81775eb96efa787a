// @ts-check
/**
 * A user of `@kinode/client-api`: documents of several rooms over its one socket.
 */
import clientApi from '@kinode/client-api';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness';
import { readSyncMessage, writeSyncStep1, writeUpdate } from 'y-protocols/sync';
import * as Y from 'yjs';
import { on } from './client.js';
import { bounded, eventually } from './wait.js';

/**
 * What the server says, as JSON.
 *
 * @typedef {{ kraken: string, room: string | null, data?: string, code?: string | number, message?: string, reason?: string }} Said
 */

/** The package is a module that says it is CommonJS: what its types call `default` is the import itself. */
const KinodeClientApi = /** @type {typeof clientApi.default} */ (/** @type {unknown} */ (clientApi));

const MESSAGE_SYNC = 0;
const MESSAGE_AWARENESS = 1;

/** One socket, opened by the unmodified package. The process must be a page: `lib/page.js`. */
export class KinodeClient {
  /** @param {string} [uri] if not the one that the package chooses itself */
  constructor(uri) {
    /** @type {Map<string, KinodeRoom>} */
    this.rooms = new Map();
    /** @type {Said[]} all but what rooms are told */
    this.inbox = [];
    /** @type {Set<() => void>} */
    this.watchers = new Set();
    this.opened = new Promise((resolve) => {
      this.api = new KinodeClientApi({
        nodeId: 'kraken.os',
        processId: 'kraken:kraken:template.os',
        ...(uri === undefined ? {} : { uri }),
        onOpen: resolve,
        onMessage: (data) => this.hear(JSON.parse(data)),
      });
    });
  }

  /** The socket, as the `ws` package's own type. */
  get socket() {
    return /** @type {import('ws').WebSocket} */ (/** @type {unknown} */ (this.api?._ws));
  }

  /** @param {unknown} data */
  say(data) {
    this.api?.send({ data });
  }

  /**
   * Opens a room; with a ticket if it is the socket's first.
   *
   * @param {string} name
   * @param {string} [ticket]
   * @returns {Promise<KinodeRoom>}
   */
  async open(name, ticket) {
    await bounded(this.opened, 'the socket');
    const room = new KinodeRoom(this, name);
    this.rooms.set(name, room);
    this.say({ kraken: 'open', room: name, ...(ticket === undefined ? {} : { ticket }) });
    await this.hears(({ kraken, room: opened }) => kraken === 'open' && opened === name, `room ${name} being open`);
    room.start();
    return room;
  }

  /**
   * The next thing said that fulfils a condition; what was said before it stays.
   *
   * @param {(said: Said) => boolean} check
   * @param {string} what
   * @returns {Promise<Said>}
   */
  async hears(check, what) {
    return await eventually({
      subscribe: (look) => {
        this.watchers.add(look);
        return () => this.watchers.delete(look);
      },
      check: () => {
        const index = this.inbox.findIndex(check);
        return index < 0 ? null : this.inbox.splice(index, 1)[0];
      },
      describe: () => `${what}, heard ${JSON.stringify(this.inbox)}`,
    });
  }

  /** @param {Said} said */
  hear(said) {
    const room = this.rooms.get(said.room ?? '');
    if (said.data !== undefined && room !== undefined) room.receive(said.data);
    else this.inbox.push(said);
    for (const watcher of this.watchers) watcher();
  }

  close() {
    for (const room of this.rooms.values()) room.end();
    this.socket.terminate();
  }
}

/** A document and its users, kept in step through a {@link KinodeClient}. */
class KinodeRoom {
  doc = new Y.Doc();
  text = this.doc.getText('text');
  awareness = new Awareness(this.doc);

  /**
   * @param {KinodeClient} client
   * @param {string} name
   */
  constructor(client, name) {
    this.client = client;
    this.name = name;
  }

  /** Says what it has and asks for the rest, then passes on each change. */
  start() {
    this.send('sync', (encoder) => writeSyncStep1(encoder, this.doc));
    this.doc.on('update', (/** @type {Uint8Array} */ update, /** @type {unknown} */ origin) => {
      if (origin !== this) this.send('sync', (encoder) => writeUpdate(encoder, update));
    });
    this.awareness.on('update', (/** @type {Record<string, number[]>} */ changes, /** @type {unknown} */ origin) => {
      if (origin === this) return;
      const update = encodeAwarenessUpdate(this.awareness, Object.values(changes).flat());
      this.send('awareness', (encoder) => encoding.writeVarUint8Array(encoder, update));
    });
  }

  /**
   * @param {'sync' | 'awareness'} kind
   * @param {(encoder: encoding.Encoder) => void} write the message behind its type
   */
  send(kind, write) {
    const message = encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, kind === 'sync' ? MESSAGE_SYNC : MESSAGE_AWARENESS);
      write(encoder);
    });
    this.client.say({ kraken: kind, room: this.name, data: Buffer.from(message).toString('base64') });
  }

  /** @param {string} data a whole message of y-protocols in base64 */
  receive(data) {
    const decoder = decoding.createDecoder(new Uint8Array(Buffer.from(data, 'base64')));
    if (decoding.readVarUint(decoder) === MESSAGE_AWARENESS) {
      applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(decoder), this);
      return;
    }
    const answer = encoding.createEncoder();
    encoding.writeVarUint(answer, MESSAGE_SYNC);
    readSyncMessage(decoder, answer, this.doc, this);
    if (encoding.length(answer) === 1) return;
    const message = Buffer.from(encoding.toUint8Array(answer)).toString('base64');
    this.client.say({ kraken: 'sync', room: this.name, data: message });
  }

  /** @param {string} text */
  async hasText(text) {
    await eventually({
      subscribe: (look) => on(this.doc, 'update', look),
      check: () => this.text.toString() === text,
      describe: () => `text ${text}, have ${this.text.toString()}`,
    });
  }

  end() {
    this.awareness.destroy();
    this.doc.destroy();
  }
}
