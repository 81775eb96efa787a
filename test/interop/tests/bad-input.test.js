// @ts-check
/** What no honest client sends: a precise answer to its sender, nothing to anybody else. */
import assert from 'node:assert/strict';
import * as Y from 'yjs';
import { awareness, EMPTY_UPDATE, step1, update } from '../lib/raw.js';
import { suite } from '../lib/suite.js';

/** @param {string} hex */
const bytes = (hex) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** An honest update of a new client. */
function honest() {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'honest');
  return Y.encodeStateAsUpdate(doc);
}

/** @type {Array<[what: string, frame: Uint8Array]>} */
const MALFORMED = [
  ['an empty frame', bytes('')],
  ['a sync message without a kind', bytes('00')],
  ['an update without a length', bytes('00 02')],
  ['an update shorter than its length', bytes('00 02 05 01')],
  ['a step 1 shorter than its length', bytes('00 00 05 01')],
  ['a state vector that ends too early', step1(bytes('02 05'))],
  ['a state vector of 2^32 clients', step1(bytes('ff ff ff ff 0f 01 01'))],
  ['an update of garbage', update(bytes('ff ff ff ff'))],
  ['an update of noise', update(Uint8Array.from({ length: 200 }, (_, i) => (0xfe + 37 * i * i) & 0xff))],
  ['an update cut short', update(honest().slice(0, -3))],
  ['an update of 2^32 clients', update(bytes('ff ff ff ff 0f 01 01 00'))],
  ['an update of 2^32 structs', update(bytes('01 ff ff ff ff 0f 01 00'))],
  ['a delete set of 2^32 ranges', update(bytes('00 01 01 ff ff ff ff 0f 00 01'))],
  ['a length of 2^63', bytes('00 02 ff ff ff ff ff ff ff ff 7f 00')],
  ['a length that never ends', bytes(`00 02 ${'ff'.repeat(64)}`)],
  ['a type that never ends', bytes('ff'.repeat(64))],
  ['an awareness of 2^32 users', bytes('01 05 ff ff ff ff 0f')],
  ['an awareness whose state is not JSON', bytes('01 05 01 05 01 01 7b')],
  ['an awareness that ends too early', bytes('01 02 01 05')],
];

/** @type {Array<[what: string, frame: Uint8Array | string]>} */
const IGNORED = [
  ['a message of an unknown type', bytes('7f 01 02 03')],
  ['a message of a two-byte unknown type', bytes('ac 02 00')],
  ['an auth message', bytes('02 00 03 61 62 63')],
  ['a text frame', 'hello'],
  ['a text frame that looks like a number', '3'],
  ['an empty text frame', ''],
  ['a text frame of JSON that is not for Kraken', '{"hello": "world"}'],
];

/** Just above the limit of 16 MiB per message. */
const TOO_LARGE = 17 * 1024 * 1024;

suite('Bad input', (test) => {
  for (const [what, frame] of MALFORMED) {
    test(`${what} closes its sender with 4400 and is seen by nobody`, { needs: ['closeCodes'] }, async (scene) => {
      const watcher = await scene.rawSettled();
      const sender = await scene.rawSettled();

      sender.send(frame);

      const { code, reason } = await sender.closed();
      assert.equal(code, 4400);
      assert.notEqual(reason, '');
      const { before, state } = await watcher.settle();
      assert.deepEqual(before, []);
      assert.deepEqual(state, EMPTY_UPDATE);
    });
  }

  for (const [what, frame] of MALFORMED) {
    test(`the server goes on serving after ${what}`, {}, async (scene) => {
      const reader = await scene.rawSettled();
      const writer = await scene.rawSettled();
      const sender = await scene.rawSettled();
      sender.send(frame);
      const edit = honest();
      writer.send(update(edit));
      assert.deepEqual(await reader.nextOf('update'), edit);
      const late = await scene.joined();
      assert.equal(late.text.toString(), 'honest');
    });
  }

  for (const [what, frame] of IGNORED) {
    test(`${what} is ignored`, { needs: ['rawRelay'] }, async (scene) => {
      const reader = await scene.rawSettled();
      const sender = await scene.rawSettled();
      const afterwards = honest();

      sender.send(frame);
      sender.send(update(afterwards));

      assert.deepEqual(await reader.next(), { kind: 'update', body: afterwards });
      const { before } = await sender.settle();
      assert.deepEqual(before, []);
    });
  }

  test('a message over the limit closes its sender with 4413 and is seen by nobody', { needs: ['closeCodes'], within: 60_000 }, async (scene) => {
    const watcher = await scene.rawSettled();
    const sender = await scene.rawSettled();

    sender.send(update(new Uint8Array(TOO_LARGE)));

    const { code, reason } = await sender.closed(30_000);
    assert.equal(code, 4413);
    assert.notEqual(reason, '');
    const { before } = await watcher.settle();
    assert.deepEqual(before, []);
  });

  test('a provider with a malformed document is told for good, the others go on', { needs: ['closeCodes'] }, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    const closed = alice.closed();
    alice.socket.send(bytes('00 02 05 01'));
    assert.equal((await closed)?.code, 4400);
    assert.equal(alice.provider.shouldConnect, false);
    bob.text.insert(0, 'still here');
    const carol = await scene.joined();
    assert.equal(carol.text.toString(), 'still here');
  });

  test('a thousand users announced by one connection do not keep others from being seen', {}, async (scene) => {
    const crowd = await scene.rawSettled();
    const users = Array.from({ length: 1_000 }, (_, id) => ({ id: id + 1, clock: 1, state: { id } }));
    crowd.send(awareness(users));
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    await bob.sees((states) => states.get(alice.id)?.['name'] === 'Alice', 'Alice');
  });
});
