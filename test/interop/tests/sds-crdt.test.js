// @ts-check
/** Stores at what they are for: documents of a CRDT, here of Yjs. */
import assert from 'node:assert/strict';
import * as Y from 'yjs';
import { chunk, HASH, hashOf, patch, TYPES } from '../lib/sds/frames.js';
import { withWriter } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';
import { eventually } from '../lib/wait.js';

/** @typedef {import('../lib/sds/member.js').Member} Member */

/** A document whose updates travel as patches. */
class Writer {
  doc = new Y.Doc();
  text = this.doc.getText('text');

  /** @param {Member} member */
  constructor(member) {
    this.member = member;
    this.doc.on('update', (bytes, origin) => {
      if (origin !== this) member.send(patch(bytes));
    });
    member.socket.on('message', () => {
      for (const message of member.inbox.splice(0)) this.apply(Buffer.from(message));
    });
    for (const message of member.inbox.splice(0)) this.apply(Buffer.from(message));
  }

  /** @param {Buffer} message */
  apply(message) {
    const [type] = message;
    if (type === TYPES.PATCH) Y.applyUpdate(this.doc, message.subarray(1), this);
    if (type === TYPES.VALUE) Y.applyUpdate(this.doc, message.subarray(1 + HASH), this);
  }

  /** @param {string} wanted */
  async has(wanted) {
    const { doc, text } = this;
    await eventually({
      subscribe: (look) => {
        doc.on('update', look);
        return () => doc.off('update', look);
      },
      check: () => text.toString() === wanted,
      describe: () => `the text ${wanted}, have ${text.toString()}`,
    });
  }
}

suite('Stores: documents', (test) => {
  test('SD9: documents of a CRDT come together, late and offline', { needs: ['apps'] }, async (scene) => {
    const { store, writer } = await withWriter(scene);
    const ann = new Writer(writer);
    const bob = new Writer(await store.join());
    for (const letter of 'Hello') ann.text.insert(ann.text.length, letter);
    await bob.has('Hello');
    bob.text.insert(5, ', world');
    await ann.has('Hello, world');
    // A whole state as a value, in chunks, beside the patches.
    const state = Buffer.from(Y.encodeStateAsUpdate(bob.doc));
    const middle = Math.floor(state.length / 2);
    bob.member.send(chunk(hashOf('state'), 1, 2, state.subarray(middle)), chunk(hashOf('state'), 0, 2, state.subarray(0, middle)));
    await store.has(bob.member);
    ann.member.terminate();
    bob.member.terminate();

    const cleo = new Writer(await store.join());
    await cleo.has('Hello, world');
    cleo.text.delete(0, 7);
    await store.has(cleo.member);
    const dora = new Writer(await store.join({ scope: 'read' }));
    await dora.has('world');
    assert.deepEqual(Y.encodeStateVector(dora.doc), Y.encodeStateVector(cleo.doc));
  });
});
