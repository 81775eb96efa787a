// @ts-check
/** Who gets in, and how the others are told. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { BROWSER_HEADERS, on } from '../lib/client.js';
import { ADMIN_TOKEN, MASTER_TOKEN } from '../lib/server.js';
import { suite } from '../lib/suite.js';
import { bounded, eventually } from '../lib/wait.js';

/**
 * @param {string} url
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: string }>}
 */
function get(url) {
  /** @type {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: string }>} */
  const answer = new Promise((resolve, reject) => {
    const sent = request(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
  return bounded(answer, `an answer to ${url}`);
}

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
        assert.equal(await bounded(client.refused, 'the refusal'), 401);
      });
    }

    test(`a browser's handshake with ${what} is accepted and closed with 4401`, { needs: ['tokens'] }, async (scene) => {
      const client = scene.raw({ token, headers: BROWSER_HEADERS });
      await client.open();
      const { code, reason } = await client.closed();
      assert.equal(code, 4401);
      assert.notEqual(reason, '');
      assert.deepEqual(client.inbox.filter(({ kind }) => kind !== 'denied'), []);
    });
  }

  test('a provider in a browser with a wrong token is told and stops trying', { needs: ['tokens'] }, async (scene) => {
    const alice = scene.join({ token: 'wrong', browser: true });
    /** @type {Array<{ code: number, reason: string }>} */
    const closed = [];
    await eventually({
      subscribe: (look) =>
        on(alice.provider, 'closed', (event) => {
          closed.push(event);
          look();
        }),
      check: () => closed.length > 0,
      describe: () => 'the closed event',
    });
    assert.equal(closed[0]?.code, 4401);
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
    assert.equal(await bounded(wrongBearer.refused, 'the refusal'), 401);
  });

  test('a refused client sees and changes nothing', { needs: ['tokens'] }, async (scene) => {
    const alice = await scene.joined();
    alice.text.insert(0, 'secret');
    const intruder = scene.raw({ token: 'wrong', headers: BROWSER_HEADERS });
    intruder.socket.on('open', () => intruder.send(Uint8Array.of(0, 0, 1, 0)));
    await intruder.closed();
    assert.deepEqual(intruder.inbox.filter(({ kind }) => kind !== 'denied'), []);
  });

  test('plain HTTP to a document is answered with 426', { needs: ['tokens'] }, async (scene) => {
    for (const query of ['', `?token=${MASTER_TOKEN}`]) {
      const { status, headers } = await get(`${scene.server.http}/doc/${scene.room}${query}`);
      assert.equal(status, 426);
      assert.equal(headers.upgrade?.toLowerCase(), 'websocket');
    }
  });

  test('health is told to everybody', { needs: ['tokens'] }, async (scene) => {
    const { status, headers, body } = await get(`${scene.server.http}/health`);
    assert.equal(status, 200);
    assert.match(headers['content-type'] ?? '', /^application\/json/);
    assert.equal(JSON.parse(body).status, 'ok');
    assert.ok(!body.includes(MASTER_TOKEN) && !body.includes(ADMIN_TOKEN));
  });

  test("the node's own paths lead to the process as well", { needs: ['tokens'] }, async (scene) => {
    const [node] = scene.server.parts;
    const url = `http://127.0.0.1:${node?.port}/kraken:kraken:template.os/health`;
    const { status, body } = await get(url);
    assert.equal(status, 200);
    assert.equal(JSON.parse(body).status, 'ok');
  });
});
