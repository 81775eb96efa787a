// @ts-check
/** The order and the bytes of what the server sends. */
import assert from 'node:assert/strict';
import * as Y from 'yjs';
import * as raw from '../lib/raw.js';
import { suite } from '../lib/suite.js';

/**
 * The updates of a document that grows word by word, one per word.
 *
 * @param {string[]} words
 */
function updatesOf(words) {
  const doc = new Y.Doc();
  /** @type {Uint8Array[]} */
  const updates = [];
  doc.on('update', (/** @type {Uint8Array} */ bytes) => updates.push(bytes));
  for (const word of words) doc.getText('text').insert(doc.getText('text').length, word);
  return /** @type {[Uint8Array, ...Uint8Array[]]} */ (updates);
}

/**
 * The text that these updates make.
 *
 * @param {Uint8Array[]} updates
 */
function textOf(...updates) {
  const doc = new Y.Doc();
  for (const bytes of updates) Y.applyUpdate(doc, bytes);
  return doc.getText('text').toString();
}

suite('Protocol', (test) => {
  test('step 1 comes first, before the client says anything', {}, async (scene) => {
    const client = scene.raw();
    const first = await client.next();
    assert.deepEqual(first, { kind: 'step1', body: raw.NOTHING });
  });

  test('the server asks with its real state vector', {}, async (scene) => {
    const writer = await scene.rawSettled();
    const [update] = updatesOf(['text']);
    writer.send(raw.update(update));
    await writer.settle();

    const joiner = scene.raw();
    const first = await joiner.next();

    const wanted = Y.encodeStateVectorFromUpdate(update);
    assert.deepEqual(first, { kind: 'step1', body: wanted });
  });

  test('who is there follows step 1 in a frame of its own', {}, async (scene) => {
    const present = await scene.rawSettled();
    present.send(raw.awareness([{ id: 5, clock: 1, state: { name: 'Present' } }]));
    await present.settle();

    const joiner = scene.raw();

    assert.equal((await joiner.next()).kind, 'step1');
    const second = await joiner.next();
    assert.ok(second.kind === 'awareness');
    assert.deepEqual([...raw.presence(second.body)], [[5, { clock: 1, state: { name: 'Present' } }]]);
  });

  test('each step 1 is answered with a step 2, also when nothing is missing', {}, async (scene) => {
    const client = scene.raw();
    await client.open();
    for (let round = 0; round < 3; round += 1) {
      client.send(raw.step1(raw.NOTHING));
      assert.deepEqual(await client.nextOf('step2'), raw.EMPTY_UPDATE);
    }
    const [update] = updatesOf(['text']);
    client.send(raw.update(update));
    client.send(raw.step1(Y.encodeStateVectorFromUpdate(update)));
    assert.deepEqual(await client.nextOf('step2'), raw.EMPTY_UPDATE);
  });

  test('a step 2 holds only what the asker lacks', {}, async (scene) => {
    const client = await scene.rawSettled();
    const [first, second] = updatesOf(['first ', 'second']);
    assert.ok(second !== undefined);
    client.send(raw.update(first));
    client.send(raw.update(second));
    client.send(raw.step1(Y.encodeStateVectorFromUpdate(first)));
    const answer = await client.nextOf('step2');
    assert.equal(Y.decodeUpdate(answer).structs[0]?.id.clock, 'first '.length);
    assert.equal(textOf(first, answer), 'first second');
  });

  test('a state vector of unknown clients and future clocks is taken as it is', {}, async (scene) => {
    const client = await scene.rawSettled();
    const [update] = updatesOf(['text']);
    client.send(raw.update(update));
    const [writer] = Y.decodeUpdate(update).structs;
    assert.ok(writer !== undefined);
    const ahead = Y.encodeStateVector(
      new Map([
        [12345, 99],
        [writer.id.client, 1_000_000],
      ]),
    );
    client.send(raw.step1(ahead));
    const answer = await client.nextOf('step2');
    assert.deepEqual(Y.decodeUpdate(answer).structs, []);
  });

  test('the delete set is always complete, whatever the state vector says', {}, async (scene) => {
    const doc = new Y.Doc();
    const text = doc.getText('text');
    text.insert(0, 'text to delete');
    const before = Y.encodeStateAsUpdate(doc);
    const vector = Y.encodeStateVector(doc);
    text.delete(0, 8);
    const writer = await scene.rawSettled();
    writer.send(raw.update(before));
    writer.send(raw.update(Y.encodeStateAsUpdate(doc, vector)));

    writer.send(raw.step1(vector));

    assert.equal(textOf(before, await writer.nextOf('step2')), 'delete');
  });

  test('an update whose predecessor is missing reaches a later joiner', {}, async (scene) => {
    const [first, second] = updatesOf(['first ', 'second']);
    assert.ok(second !== undefined);
    const writer = await scene.rawSettled();
    writer.send(raw.update(second));
    await writer.settle();
    writer.terminate();

    // In the step 2, or in updates right after it.
    const joiner = scene.raw();
    await joiner.open();
    const { state } = await joiner.settle();
    const { before } = await joiner.settle();
    const updates = before.flatMap((message) => (message.kind === 'update' ? [message.body] : []));

    assert.equal(textOf(state, ...updates), '');
    assert.equal(textOf(state, ...updates, first), 'first second');

    joiner.send(raw.update(first));
    const last = await scene.joined();
    assert.equal(last.text.toString(), 'first second');
  });

  test('an update reaches the others with the very bytes of its writer', { needs: ['rawRelay'] }, async (scene) => {
    const writer = await scene.rawSettled();
    const reader = await scene.rawSettled();
    for (const update of updatesOf(['one ', 'two ', 'three'])) {
      writer.send(raw.update(update));
      assert.deepEqual(await reader.next(), { kind: 'update', body: update });
    }
  });

  test('the step 2 of a client reaches the others as an update', { needs: ['rawRelay'] }, async (scene) => {
    const writer = await scene.rawSettled();
    const reader = await scene.rawSettled();
    const [update] = updatesOf(['written offline']);
    writer.send(raw.step2(update));
    assert.deepEqual(await reader.next(), { kind: 'update', body: update });
  });

  test('an empty step 2, which every client sends, is passed on to nobody', { needs: ['rawRelay'] }, async (scene) => {
    const writer = await scene.rawSettled();
    const reader = await scene.rawSettled();
    const [update] = updatesOf(['text']);
    writer.send(raw.step2(raw.EMPTY_UPDATE));
    writer.send(raw.update(update));
    assert.deepEqual(await reader.next(), { kind: 'update', body: update });
  });

  test('relay-first: the writer does not get its own update back', { needs: ['rawRelay'] }, async (scene) => {
    const writer = await scene.rawSettled();
    const reader = await scene.rawSettled();
    const [update] = updatesOf(['text']);
    writer.send(raw.update(update));
    await reader.nextOf('update');
    const { before, state } = await writer.settle();
    assert.deepEqual(before, []);
    assert.equal(textOf(state), 'text');
  });

  test('write-first: the writer gets its own update back, with the very bytes', { needs: ['rawRelay', 'storage'], within: 120_000 }, async (scene) => {
    await scene.ownServer({ durability: 'write-first' });
    const writer = await scene.rawSettled();
    const reader = await scene.rawSettled();
    for (const update of updatesOf(['one ', 'two ', 'three'])) {
      writer.send(raw.update(update));
      assert.deepEqual(await writer.next(), { kind: 'update', body: update });
      assert.deepEqual(await reader.next(), { kind: 'update', body: update });
    }
  });

  test('edits of one writer arrive in their order', {}, async (scene) => {
    const writer = await scene.rawSettled();
    const reader = await scene.rawSettled();
    const updates = updatesOf(Array.from({ length: 500 }, (_, word) => `${word} `));
    for (const update of updates) writer.send(raw.update(update));
    const seen = new Y.Doc();
    for (let count = 0; count < updates.length; count += 1) {
      Y.applyUpdate(seen, await reader.nextOf('update'));
      assert.equal(seen.store.pendingStructs, null);
    }
    assert.equal(seen.getText('text').toString(), textOf(...updates));
  });

  test('a query for awareness is answered also when nobody is there', { needs: ['queryAwareness'] }, async (scene) => {
    const client = await scene.rawSettled();
    client.send(raw.QUERY_AWARENESS);
    const answer = await client.next();
    assert.ok(answer.kind === 'awareness');
    assert.equal(raw.presence(answer.body).size, 0);
  });

  test('a message right after the handshake is not lost', {}, async (scene) => {
    const client = scene.raw();
    const [update] = updatesOf(['early']);
    client.socket.on('open', () => client.send(raw.update(update)));
    await client.open();
    const { state } = await client.settle();
    assert.equal(textOf(state), 'early');
  });
});
