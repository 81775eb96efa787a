// @ts-check
/** WebRTC signalling in the text frames of a document's socket. */
import assert from 'node:assert/strict';
import { logIn } from '../lib/api.js';
import { Signaller } from '../lib/signaller.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

/**
 * A peer in this test's room, announced.
 *
 * @param {Scene} scene
 * @param {string} id
 * @param {Record<string, unknown>} [fields] of its announcement
 */
async function peer(scene, id, fields = {}) {
  const signaller = await member(scene);
  signaller.signal({ type: 0, from: id, ...fields });
  const { peers } = await signaller.next(5);
  return { signaller, peers };
}

/** @param {Scene} scene */
async function member(scene) {
  const signaller = new Signaller(`${scene.server.ws}/doc/${scene.room}`);
  scene.cleanups.push(() => signaller.close());
  await signaller.open();
  return signaller;
}

suite('Signalling', (test) => {
  test('SI1: peers hear of each other, and nobody else is sent text', { needs: ['apps'] }, async (scene) => {
    const provider = await scene.joined();
    const silent = await scene.rawSettled();
    const alice = await peer(scene, 'alice', { name: 'Alice', metadata: { colour: 'red' } });
    assert.deepEqual(alice.peers, []);
    const bob = await peer(scene, 'bob');
    assert.deepEqual(bob.peers, [{ peerId: 'alice', name: 'Alice', metadata: { colour: 'red' } }]);
    const joined = await alice.signaller.next(6);
    assert.deepEqual(joined['peer'], { peerId: 'bob', name: null, metadata: null });

    provider.text.insert(0, 'a document as ever');
    await silent.nextOf('update');
  });

  test('SI2: an offer, its answer, candidates and a hangup reach their peer in order', { needs: ['apps'] }, async (scene) => {
    const { signaller: alice } = await peer(scene, 'alice');
    const { signaller: bob } = await peer(scene, 'bob');
    const { signaller: carol } = await peer(scene, 'carol');
    alice.signal({ type: 1, to: 'bob', sdp: 'v=0' });
    for (let index = 0; index < 20; index += 1) alice.signal({ type: 3, to: 'bob', candidate: { index } });
    assert.deepEqual(await bob.next(1), { type: 1, to: 'bob', sdp: 'v=0', from: 'alice' });
    for (let index = 0; index < 20; index += 1) {
      assert.deepEqual((await bob.next(3))['candidate'], { index });
    }
    bob.signal({ type: 2, to: 'alice', sdp: 'v=0', from: 'bob' });
    assert.equal((await alice.next(2))['from'], 'bob');
    bob.signal({ type: 4 });
    assert.equal((await alice.next(4))['from'], 'bob');
    assert.equal((await carol.next(4))['from'], 'bob');
  });

  test('SI3: what goes nowhere is told to its sender alone', { needs: ['apps'] }, async (scene) => {
    const { signaller: alice } = await peer(scene, 'alice');
    const { signaller: bob } = await peer(scene, 'bob');
    await alice.next(6);
    alice.signal({ type: 1, to: 'nobody', sdp: '' });
    assert.deepEqual(await alice.error(), { code: 'no_such_peer', to: 'nobody' });
    alice.signal({ type: 1, to: 'bob', from: 'carol' });
    assert.deepEqual(await alice.error(), { code: 'wrong_from' });
    alice.signal({ type: 1, to: 'bob', sdp: 'x'.repeat(70_000) });
    assert.deepEqual(await alice.error(), { code: 'too_large' });
    const stranger = await member(scene);
    stranger.signal({ type: 4, to: 'bob' });
    assert.deepEqual(await stranger.error(), { code: 'not_announced' });
    stranger.signal({ type: 0, from: 'bob' });
    assert.deepEqual(await stranger.error(), { code: 'peer_id_taken' });
    alice.signal({ type: 4, to: 'bob' });
    assert.equal((await bob.next(4))['from'], 'alice');
  });

  test('SI4: a peer whose connection breaks has left, and may come back', { needs: ['apps'] }, async (scene) => {
    const { signaller: alice } = await peer(scene, 'alice');
    const { signaller: bob } = await peer(scene, 'bob');
    await alice.next(6);
    bob.terminate();
    assert.deepEqual(await alice.next(7), { type: 7, from: 'bob', peerId: 'bob' });
    await peer(scene, 'bob');
    assert.equal((await alice.next(6))['from'], 'bob');
  });

  test('SI5: the same ids in another room are other peers', { needs: ['apps'] }, async (scene) => {
    const { signaller: alice } = await peer(scene, 'alice');
    scene.room += '-other';
    const other = await peer(scene, 'alice');
    assert.deepEqual(other.peers, []);
    alice.signal({ type: 1, to: 'bob' });
    assert.deepEqual(await alice.error(), { code: 'no_such_peer', to: 'bob' });
  });

  test('SI2: a socket of the node signals with one of the gateway', { needs: ['apps'] }, async (scene) => {
    const { signaller: alice } = await peer(scene, 'alice');
    const cookie = await logIn(scene.server);
    const answer = await fetch(`${scene.server.direct}/owner/api/tickets`, { method: 'POST', headers: { cookie } });
    const { ticket } = /** @type {{ ticket: string }} */ (await answer.json());
    const direct = scene.server.direct.replace(/^http/, 'ws');
    const bob = new Signaller(`${direct}/t/${ticket}/doc/${scene.room}`, { token: '' });
    scene.cleanups.push(() => bob.close());
    await bob.open();
    bob.signal({ type: 0, from: 'bob' });
    await bob.next(5);
    assert.equal((await alice.next(6))['from'], 'bob');
    alice.signal({ type: 1, to: 'bob', sdp: 'v=0' });
    assert.equal((await bob.next(1))['from'], 'alice');
  });
});
