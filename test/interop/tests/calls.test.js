// @ts-check
/** Group calls in the text frames of a document's socket, with the engine that Kraken brings. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { RTCPeerConnection } from 'werift';
import { Caller } from '../lib/caller.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

/**
 * Somebody in this test's room.
 *
 * @param {Scene} scene
 * @param {{ token?: string, room?: string }} [options]
 */
async function caller(scene, { room = scene.room, ...options } = {}) {
  const caller = new Caller(`${scene.server.ws}/doc/${room}`, options);
  scene.cleanups.push(() => caller.terminate());
  await caller.open();
  return caller;
}

/**
 * An offer to send a camera's picture.
 *
 * @param {Scene} scene
 */
async function offer(scene) {
  const connection = new RTCPeerConnection();
  scene.cleanups.push(() => connection.close());
  connection.addTransceiver('video', { direction: 'sendonly' });
  const { sdp } = await connection.createOffer();
  return { type: 'publish', sdp, tracks: [{ mid: '0', source: 'camera' }] };
}

suite(
  'Calls',
  (test) => {
    test('CA1: people join, hear of each other and of what they publish', { needs: ['apps'] }, async (scene) => {
      const silent = await scene.rawSettled();
      const alice = await caller(scene);
      const joined = await alice.join('alice', { name: 'Alice', metadata: { colour: 'red' } });
      assert.match(joined['session'], /^\S{16,}$/);
      const expected = { resumed: false, peers: [], mayPublish: true, mayModerate: false, locked: false, recorded: false };
      assert.deepEqual(joined, { type: 'joined', session: joined['session'], ...expected });

      const bob = await caller(scene);
      const { peers } = await bob.join('bob');
      assert.deepEqual(peers, [{ peer: 'alice', name: 'Alice', metadata: { colour: 'red' }, tracks: [] }]);
      assert.deepEqual(await alice.next('peer'), { type: 'peer', peer: 'bob', tracks: [] });

      alice.say(await offer(scene));
      const answer = await alice.next('answer');
      assert.match(answer['sdp'], /^v=0\r\n/);
      const [track] = answer['tracks'];
      assert.deepEqual({ ...track, track: '' }, { track: '', kind: 'video', source: 'camera', muted: false });
      const changed = await bob.next('peer');
      assert.deepEqual([changed['peer'], changed['tracks']], ['alice', [track]]);

      // Who says nothing is told nothing: the document goes on as ever.
      const provider = await scene.joined();
      provider.text.insert(0, 'a document');
      await silent.nextOf('update');
    });

    test('CA2: the scope of a token says what its bearer may do', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const publish = await offer(scene);
      const lock = { type: 'moderate', action: 'lock', locked: true };
      const reader = await caller(scene, { token: await app.token({ scope: 'read' }) });
      const asReader = await reader.join('reader');
      assert.deepEqual([asReader['mayPublish'], asReader['mayModerate']], [false, false]);
      reader.say(publish);
      assert.deepEqual(await reader.error(), { code: 'not_allowed', about: 'publish' });
      const writer = await caller(scene, { token: await app.token() });
      const asWriter = await writer.join('writer');
      assert.deepEqual([asWriter['mayPublish'], asWriter['mayModerate']], [true, false]);
      writer.say(lock);
      assert.deepEqual(await writer.error(), { code: 'not_allowed', about: 'moderate' });

      const admin = await caller(scene, { token: await app.token({ scope: 'admin' }) });
      const asAdmin = await admin.join('admin');
      assert.deepEqual([asAdmin['mayPublish'], asAdmin['mayModerate']], [true, true]);
      admin.say(lock);
      assert.equal((await writer.next('locked'))['locked'], true);
      const late = await caller(scene, { token: await app.token() });
      late.say({ type: 'join', peer: 'late' });
      assert.deepEqual(await late.error(), { code: 'locked', about: 'join' });
    });

    test('CA4: who loses its socket comes back by its session', { needs: ['apps'] }, async (scene) => {
      const alice = await caller(scene);
      const { session } = await alice.join('alice');
      const bob = await caller(scene);
      await bob.join('bob');
      const thief = await caller(scene);
      thief.say({ type: 'join', peer: 'alice' });
      assert.deepEqual(await thief.error(), { code: 'peer_taken', about: 'join' });
      alice.terminate();
      const again = await caller(scene);
      const joined = await again.join('alice', { session });
      assert.equal(joined['resumed'], true);
      assert.deepEqual(
        joined['peers'].map((/** @type {{ peer: string }} */ { peer }) => peer),
        ['bob'],
      );
      again.say({ type: 'leave' });
      assert.equal((await bob.next('peer-left'))['peer'], 'alice');
    });

    test('CA5: what is no message about a call is refused, and hurts nobody', { needs: ['apps'] }, async (scene) => {
      const alice = await caller(scene);
      alice.say({ type: 'leave' });
      assert.deepEqual(await alice.error(), { code: 'not_joined', about: 'leave' });
      await alice.join('alice');
      alice.say({ type: 'join', peer: 'alice' });
      assert.deepEqual(await alice.error(), { code: 'already_joined', about: 'join' });
      for (const call of [{ type: 'dance' }, null, { type: 'answer', offer: -1, sdp: '' }, { type: 'publish' }]) {
        alice.say(call);
        assert.equal((await alice.error())['code'], 'bad_call');
      }
      alice.say({ type: 'answer', offer: 1, sdp: 'x'.repeat(256 * 1024) });
      assert.equal((await alice.error())['code'], 'too_large');
      alice.say({ type: 'publish', sdp: 'nonsense', tracks: [] });
      assert.deepEqual(await alice.error(), { code: 'bad_sdp', about: 'publish' });
      alice.say(await offer(scene));
      await alice.next('answer');
    });

    test('CA6: a room of the same name in another app has another call', { needs: ['apps'] }, async (scene) => {
      const [one, other] = [await scene.app(), await scene.app()];
      const alice = await caller(scene, { token: await one.token() });
      await alice.join('alice');
      const eve = await caller(scene, { token: await other.token() });
      assert.deepEqual((await eve.join('alice'))['peers'], []);
      const bob = await caller(scene, { token: await one.token() });
      await bob.join('bob');
      assert.equal((await alice.next('peer'))['peer'], 'bob');
      assert.deepEqual(eve.inbox, []);
    });

    test('CA7: a call has as many members as its app allows', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app({ limits: { call_peers: 1 } });
      const alice = await caller(scene, { token: await app.token() });
      await alice.join('alice');
      const bob = await caller(scene, { token: await app.token() });
      bob.say({ type: 'join', peer: 'bob' });
      assert.deepEqual(await bob.error(), { code: 'full', about: 'join' });
    });

    test('CA9, CA12: an admin sees a call by the API, and removes somebody', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const alice = await caller(scene, { token: await app.token({ sub: 'alice' }) });
      await alice.join('alice', { name: 'Alice' });
      const token = await app.token({ sub: 'mallory' });
      const mallory = await caller(scene, { token });
      await mallory.join('mallory');
      const { calls } = await scene.admin.expect(200, 'GET', '/api/calls');
      const own = calls.find((/** @type {{ room: string }} */ { room }) => room === scene.room);
      assert.deepEqual([own.app, own.locked, own.recorded], [app.id, false, false]);
      assert.deepEqual(
        own.peers.map((/** @type {{ peer: string }} */ { peer }) => peer).toSorted(),
        ['alice', 'mallory'],
      );
      const removal = { app: app.id, room: scene.room, action: 'remove', peer: 'mallory' };
      await scene.admin.expect(204, 'POST', '/api/calls', removal);
      assert.equal((await mallory.next('ended'))['reason'], 'removed');
      assert.equal((await alice.next('peer-left'))['peer'], 'mallory');
      const again = await caller(scene, { token });
      again.say({ type: 'join', peer: 'somebody else' });
      assert.deepEqual(await again.error(), { code: 'removed', about: 'join' });
      await scene.admin.refuses(404, 'no_such_peer', 'POST', '/api/calls', removal);
      const nowhere = { ...removal, room: randomUUID() };
      await scene.admin.refuses(404, 'no_such_room', 'POST', '/api/calls', nowhere);
      await scene.admin.refuses(400, 'bad_request', 'POST', '/api/calls', { room: scene.room, action: 'dance' });
    });

    test('CA14: health and metrics tell of the engine and its calls', { needs: ['apps'] }, async (scene) => {
      const alice = await caller(scene);
      await alice.join('alice');
      assert.equal((await scene.admin.expect(200, 'GET', '/health')).engine, 'on');
      const { text } = await scene.admin.call('GET', '/metrics');
      assert.match(text, /^kraken_engine_up 1$/m);
      assert.match(text, /^kraken_call_members [1-9]/m);
    });
  },
  { server: { engine: true } },
);

suite('Calls without an engine', (test) => {
  test('CA3: nobody joins, and is told why', { needs: ['apps'] }, async (scene) => {
    const alice = await caller(scene);
    alice.say({ type: 'join', peer: 'alice' });
    assert.deepEqual(await alice.error(), { code: 'no_engine', about: 'join' });
    assert.equal((await scene.admin.expect(200, 'GET', '/health')).engine, 'off');
    await scene.admin.refuses(503, 'no_engine', 'GET', '/api/calls');
  });
});
