// @ts-check
/** Stores over stops and crashes. Each test has a server of its own. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { exchange } from '../lib/http.js';
import { chunk, hashOf, numbered, patch, presence, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { everythingIsStored, openStores, Store } from '../lib/sds/store.js';
import { SECRET } from '../lib/sds/tokens.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

const WITHIN = 120_000;

/**
 * A thousand patches at once, of two writers.
 *
 * @param {Store} store
 * @returns {Promise<string[]>} in the order in which a third member got them
 */
async function burst(store) {
  const [ann, bob, reader] = await Promise.all([store.join(), store.join(), store.join({ scope: 'read' })]);
  ann.send(...numbered('ann', 500));
  bob.send(...numbered('bob', 500));
  return readable(await reader.take(1_000));
}

/** @param {string[]} contents */
function isTheBurst(contents) {
  assert.equal(contents.length, 1_000);
  for (const name of ['ann', 'bob']) {
    assert.deepEqual(contents.filter((text) => text.startsWith(`\u0001${name} `)), readable(numbered(name, 500)));
  }
}

suite('Stores: durability', (test, mode) => {
  test('SD13: write-first: a burst that was relayed is complete after kill -9', { needs: ['apps'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer({ durability: 'write-first' });
    await openStores(scene);
    const store = new Store(scene);
    const relayed = await burst(store);
    await server.kill();
    await server.start();
    const contents = await store.contents();
    isTheBurst(contents);
    assert.deepEqual(contents, relayed, 'in the order in which it was relayed');
  });

  test('SD13: write-first: whatever anybody has seen survives kill -9', { needs: ['apps'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer({ durability: 'write-first' });
    await openStores(scene);
    const store = new Store(scene);
    const [ann, bob, reader] = await Promise.all([store.join(), store.join(), store.join({ scope: 'read' })]);
    ann.send(...numbered('ann', 2_000));
    bob.send(...numbered('bob', 2_000));
    const seen = readable(await reader.take(500));
    await server.kill();
    await reader.closed();
    seen.push(...readable(reader.inbox));
    await server.start();
    const contents = await store.contents();
    assert.deepEqual(contents.slice(0, seen.length), seen);
    for (const name of ['ann', 'bob']) {
      const own = contents.filter((text) => text.startsWith(`\u0001${name} `));
      assert.deepEqual(own, readable(numbered(name, own.length)), `nothing of ${name} is left out`);
    }
  });

  test('SD13: write-first: chunks and presence reach whoever is there', { needs: ['apps'], within: WITHIN }, async (scene) => {
    await scene.ownServer({ durability: 'write-first' });
    await openStores(scene);
    const store = new Store(scene);
    const [writer, reader] = [await store.join(), await store.join({ scope: 'read' })];
    await store.has(writer);
    await reader.take(1);
    const part = randomBytes(1 << 20);
    for (let round = 0; round < 5; round += 1) {
      const chunks = [0, 1, 2, 3].map((index) => chunk(hashOf(`in round ${round}`), index, 4, part));
      const frames = [patch('1'), ...chunks, patch('2'), presence({ round })];
      writer.send(...frames);
      const got = await reader.take(frames.length);
      assert.ok(frames.every((wanted, at) => wanted.equals(Buffer.from(got[at] ?? ''))), `in round ${round}`);
    }
  });

  test('SD9: relay-first: a burst that is stored is complete after kill -9', { needs: ['apps'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer({ durability: 'relay-first' });
    await openStores(scene);
    const store = new Store(scene);
    const relayed = await burst(store);
    await everythingIsStored(server);
    await server.kill();
    await server.start();
    const contents = await store.contents();
    isTheBurst(contents);
    assert.deepEqual(contents, relayed);
  });

  test('SD9: SIGTERM closes with 1012 and loses nothing, values and chunks neither', { needs: ['apps'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer();
    await openStores(scene);
    const store = new Store(scene);
    const writer = await store.join();
    const signaller = await store.signaller();
    const large = randomBytes(3_000_000);
    const hash = hashOf('large');
    const values = [value(hashOf('v'), 'v'), value(hash, large)];
    const chunks = [0, 1, 2].map((index) => chunk(hash, index, 3, large.subarray(index * 1_000_000, (index + 1) * 1_000_000)));
    writer.send(patch('1'), ...values.slice(0, 1), ...chunks, patch('2'), presence({}));
    await store.has(writer);
    const { exits } = await server.stop();
    for (const exit of exits) assert.deepEqual(exit, { code: 0, signal: null });
    assert.equal((await writer.closed()).code, 1012);
    assert.equal((await signaller.closed()).code, 1012);
    await server.start();
    const contents = await store.contents();
    assert.deepEqual(contents.toSorted(), readable([...values, patch('1'), patch('2')]).toSorted());
    assert.deepEqual(contents.slice(-2), readable([patch('1'), patch('2')]));
  });

  test('SD9: many rounds of writing and killing neither lose nor repeat', { needs: ['apps'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer({ durability: 'write-first' });
    await openStores(scene);
    const store = new Store(scene);
    /** @type {string[]} */
    const wanted = [];
    for (let round = 0; round < 4; round += 1) {
      assert.deepEqual(await store.contents(), wanted, `in round ${round}`);
      const writer = await store.join();
      await writer.take(wanted.length);
      const patches = numbered(`round ${round}`, 50);
      writer.send(...patches);
      await store.has(writer);
      wanted.push(...readable(patches));
      await server.kill();
      await server.start();
    }
    assert.deepEqual(await store.contents(), wanted);
    const { sds } = await scene.admin.expect(200, 'GET', '/api/settings');
    assert.deepEqual(sds, { configured: true, issuer: null, persist: true, store_bytes: null, retention_days: null });
    assert.ok(!server.output.includes(SECRET), 'the secret is never logged');
  });

  if (mode.name.includes('sidecar')) {
    test('SD9: when one of the processes restarts, members are closed with 1012 and nothing is lost', { needs: ['apps'], within: WITHIN }, async (scene) => {
      const server = await scene.ownServer();
      await openStores(scene);
      const store = new Store(scene);
      const writer = await store.join();
      writer.send(patch('1'));
      await store.has(writer);
      await everythingIsStored(server);
      await server.restartOnly(0);
      assert.equal((await writer.closed()).code, 1012);
      assert.deepEqual(await contentsOnceLinked(store), readable([patch('1')]));
      await server.restartOnly(1);
      assert.deepEqual(await contentsOnceLinked(store), readable([patch('1')]));
    });
  }
});

/**
 * Tries again while the gateway isn't linked, as clients do.
 *
 * @param {Store} store
 * @returns {Promise<string[]>}
 */
async function contentsOnceLinked(store) {
  const { server } = store.scene;
  while ((await exchange(`${server.http}/health`)).json?.link !== 'up');
  return await store.contents();
}
