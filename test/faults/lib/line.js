// @ts-check
/**
 * A line of numbered words that somebody writes, while a witness sees them come. What is kept of it
 * is a beginning, always; how long that must be depends on what the witness saw.
 */
import assert from 'node:assert/strict';
import { Typist } from '../../interop/lib/edits.js';
import { Y } from '../../interop/lib/packages.js';
import { update } from '../../interop/lib/raw.js';
import { patch, presence } from '../../interop/lib/sds/frames.js';
import { Store } from '../../interop/lib/sds/store.js';
import { bounded } from '../../interop/lib/wait.js';

/** @typedef {import('../../interop/lib/suite.js').Scene} Scene */
/** @typedef {import('../../interop/lib/raw.js').RawClient['socket']} Socket */

/** The line from its first word on. */
const text = (/** @type {number} */ words) => Array.from({ length: words }, (_, word) => `${word} `).join('');

/** How many words a line has. */
const count = (/** @type {string} */ line) => line.split(' ').length - 1;

/** @param {Socket} socket */
const end = (socket) =>
  new Promise((resolve) => {
    if (socket.readyState === socket.CLOSED) resolve(undefined);
    else socket.once('close', resolve);
  });

/** @abstract */
export class Line {
  /** How many words are known to be kept. */
  kept = 0;
  /** How many were written. */
  written = 0;
  /** @type {number[]} when the witness saw each word after those, in milliseconds */
  seen = [];
  /** @type {Socket[]} */
  sockets = [];

  /**
   * @param {Scene} scene
   * @param {string} name
   */
  constructor(scene, name) {
    this.scene = scene;
    this.name = name;
  }

  /** Lets a writer and a witness in. */
  async begin() {
    const { writer, witness, words } = await this.join();
    assert.ok(words >= this.kept, `${this.name} lost what had survived before`);
    this.sockets = [writer, witness];
    // A process that lives on may have taken some more after the line was read.
    this.kept = words;
    this.written = words;
    this.seen = [];
    witness.on('message', () => this.seen.push(performance.now()));
  }

  /** Writes the next word, if anybody still listens. */
  write() {
    const [writer] = this.sockets;
    if (writer?.readyState !== writer?.OPEN) return;
    writer?.send(this.next(this.written));
    this.written += 1;
  }

  /** Until writer and witness are gone, and all that was on the way to the witness is seen. */
  async ended() {
    await bounded(Promise.all(this.sockets.map(end)), `the end of who writes ${this.name} and of its witness`);
  }

  /** Puts writer and witness out. */
  async leave() {
    for (const socket of this.sockets) socket.close();
    await this.ended();
  }

  /**
   * What is there now must be a beginning of the line, with all that a witness had seen by a
   * moment.
   *
   * @param {number} moment
   * @returns {Promise<number>} for how long the oldest word had been seen that is lost, in
   *   milliseconds before `moment`; 0 if none is
   */
  async keeps(moment, allowed = 0) {
    const found = await this.read();
    const words = count(found);
    assert.equal(found, text(words), `${this.name} is no beginning of what was written`);
    assert.ok(words <= Math.max(this.written, this.kept), `${this.name} has more than was written`);
    assert.ok(words >= this.kept, `${this.name} lost what had survived before: ${words} of ${this.kept} words`);
    const lost = this.seen[words - this.kept];
    const age = lost === undefined ? 0 : Math.max(0, moment - lost);
    assert.ok(
      age <= allowed,
      `${this.name} lost ${this.seen.length - (words - this.kept)} words that were seen up to ${age} ms before`,
    );
    this.kept = words;
    return age;
  }

  /**
   * @abstract
   * @returns {Promise<{ writer: Socket, witness: Socket, words: number }>} what is there already
   */
  join() {
    throw new Error('abstract');
  }

  /**
   * @abstract
   * @param {number} _word
   * @returns {Uint8Array}
   */
  next(_word) {
    throw new Error('abstract');
  }

  /**
   * @abstract
   * @returns {Promise<string>} what somebody gets who comes now
   */
  read() {
    throw new Error('abstract');
  }
}

/** In a document, at the end of its text. */
export class DocumentLine extends Line {
  typist = new Typist();

  /** @override */
  async join() {
    const [witness, writer] = [await this.#settled(), await this.#settled()];
    this.typist = new Typist();
    Y.applyUpdate(this.typist.doc, writer.state);
    const words = count(this.typist.text.toString());
    return { writer: writer.client.socket, witness: witness.client.socket, words };
  }

  /**
   * @override
   * @param {number} word
   */
  next(word) {
    return update(this.typist.type(`${word} `));
  }

  /** @override */
  async read() {
    const { client, state } = await this.#settled();
    client.terminate();
    const doc = new Y.Doc();
    Y.applyUpdate(doc, state);
    return doc.getText('text').toString();
  }

  async #settled() {
    const client = this.scene.raw({ room: this.name });
    await client.open();
    const { state } = await client.settle();
    return { client, state };
  }
}

/** In a store, a patch each. */
export class StoreLine extends Line {
  store = new Store(this.scene, this.name);

  /** @override */
  async join() {
    const [writer, witness] = [await this.store.join(), await this.store.join({ scope: 'read' })];
    const here = presence({ here: this.kept });
    writer.send(here);
    const before = await witness.takeUntil(here);
    return { writer: writer.socket, witness: witness.socket, words: before.length };
  }

  /**
   * @override
   * @param {number} word
   */
  next(word) {
    return patch(`${word} `);
  }

  /** @override */
  async read() {
    const contents = await this.store.contents();
    return contents.map((frame) => frame.slice(1)).join('');
  }
}
