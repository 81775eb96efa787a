// @ts-check
/** Who gets in, and how the others are told. */
import assert from 'node:assert/strict';
import { exchange } from '../lib/http.js';
import { knocks } from '../lib/knocks.js';
import { ADMIN_TOKEN, MASTER_TOKEN } from '../lib/server.js';
import { suite } from '../lib/suite.js';

suite('Auth', (test) => {
  /** @type {Array<[what: string, token: string]>} */
  const wrong = [
    ['no token', ''],
    ['a wrong token', 'wrong'],
    ['a token that is too long by one', `${MASTER_TOKEN}x`],
    ['the admin token', ADMIN_TOKEN],
  ];
  for (const [what, token] of wrong) {
    for (const path of ['/doc', '']) {
      test(`a handshake with ${what} at ${path}/<room> is refused with 401`, { needs: ['tokens'] }, async (scene) => {
        const client = scene.raw({ token, path });
        assert.equal((await client.refused()).status, 401);
      });
    }

    test(`a browser's handshake with ${what} is accepted and closed with 4401`, { needs: ['tokens'] }, async (scene) => {
      const client = scene.raw({ token, browser: true });
      await client.open();
      const { code, reason } = await client.closed();
      assert.equal(code, 4401);
      assert.notEqual(reason, '');
      assert.deepEqual(client.inbox.filter(({ kind }) => kind !== 'denied'), []);
    });
  }

  test('a provider in a browser with a wrong token is told and stops trying', { needs: ['tokens'] }, async (scene) => {
    const alice = scene.join({ token: 'wrong', browser: true });
    assert.equal((await alice.stopped()).code, 4401);
    assert.equal(alice.provider.shouldConnect, false);
  });

  test('a provider in a browser with the token works', {}, async (scene) => {
    const alice = await scene.joined({ browser: true });
    const bob = await scene.joined();
    alice.text.insert(0, 'from a browser');
    await bob.hasText('from a browser');
  });

  test('the token may come as Authorization: Bearer', { needs: ['tokens'] }, async (scene) => {
    const client = scene.raw({ token: '', headers: { Authorization: `Bearer ${MASTER_TOKEN}` } });
    await client.open();
    await client.settle();
    const wrongBearer = scene.raw({ token: '', headers: { Authorization: 'Bearer wrong' } });
    assert.equal((await wrongBearer.refused()).status, 401);
  });

  test('a refused client sees and changes nothing', { needs: ['tokens'] }, async (scene) => {
    const alice = await scene.joined();
    alice.text.insert(0, 'secret');
    const intruder = scene.raw({ token: 'wrong', browser: true });
    intruder.socket.on('open', () => intruder.send(Uint8Array.of(0, 0, 1, 0)));
    await intruder.closed();
    assert.deepEqual(intruder.inbox.filter(({ kind }) => kind !== 'denied'), []);
  });

  test('AP9: who comes from no registered origin gets nothing without an app token', { needs: ['apps'] }, async (scene) => {
    const nowhere = scene.raw({ origin: null });
    const { status, code } = await nowhere.refused();
    assert.deepEqual([status, code], [403, 'origin_required']);

    const elsewhere = scene.raw({ origin: 'https://elsewhere.example' });
    const refusal = await elsewhere.refused();
    assert.deepEqual([refusal.status, refusal.code], [403, 'origin_not_registered']);

    const page = scene.join({ origin: 'https://elsewhere.example', browser: true });
    const stop = await page.stopped();
    assert.equal(stop.code, 4403);
    assert.match(stop.reason, /origin/i);
  });

  test('LI10: without a trusted proxy nobody believes what a client says about its address', { needs: ['apps'] }, async (scene) => {
    const answers = await knocks(scene.server, Array.from({ length: 800 }, () => '203.0.113.7'));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([401]));
  });

  test('plain HTTP to a document is answered with 426', { needs: ['tokens'] }, async (scene) => {
    for (const query of ['', `?token=${MASTER_TOKEN}`]) {
      const { status, headers } = await exchange(`${scene.server.http}/doc/${scene.room}${query}`);
      assert.equal(status, 426);
      assert.equal(headers.upgrade?.toLowerCase(), 'websocket');
    }
  });

  test("the node's own paths lead to the process as well", { needs: ['tokens'] }, async (scene) => {
    const { status, json } = await exchange(`${scene.server.direct}/health`);
    assert.equal(status, 200);
    assert.equal(json.status, 'ok');
  });
});
