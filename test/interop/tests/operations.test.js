// @ts-check
/** What whoever runs a server looks at: health, metrics, settings, the link, the log. */
import assert from 'node:assert/strict';
import { Api, logIn } from '../lib/api.js';
import { edit } from '../lib/edits.js';
import { exchange } from '../lib/http.js';
import { update } from '../lib/raw.js';
import { ADMIN_TOKEN, MASTER_TOKEN } from '../lib/server.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

/** A line of Prometheus's text format: a comment, or a name, labels and a number. */
const METRIC = /^(#.*|[a-z_:][\w:]*(\{[^}]*\})? [-+.\dA-Za-z]+)$/;

/**
 * Does one of everything that involves a secret.
 *
 * @param {Scene} scene
 * @returns {Promise<Array<[what: string, secret: string]>>}
 */
async function everything(scene) {
  const { server } = scene;
  const app = await scene.app();
  const rotated = await scene.admin.expect(201, 'POST', `${app.path}/secrets`, {});
  const { token: issued } = await scene.admin.expect(201, 'POST', `${app.path}/tokens`, { sub: 'u', aud: '*' });
  const own = await app.token({ sub: 'user-of-the-log' });
  const wrong = 'a-token-that-is-wrong-0123456789';
  const forwarded = '203.0.113.77';

  const clients = [
    scene.raw(),
    scene.raw({ token: '', headers: { Authorization: `Bearer ${MASTER_TOKEN}` } }),
    scene.raw({ origin: null, token: own }),
    scene.raw({ origin: app.origin, token: issued }),
    scene.raw({ headers: { 'X-Forwarded-For': forwarded } }),
  ];
  /** @type {number[]} */
  const ports = [];
  for (const client of clients) {
    client.socket.on('upgrade', ({ socket }) => ports.push(socket.localPort ?? 0));
    await client.open();
    client.send(update(edit('words that nobody else may read')));
    await client.settle();
  }
  await scene.raw({ token: wrong }).refused();
  await scene.raw({ token: wrong, browser: true }).closed();
  await Api.withToken(server.http, wrong).call('GET', '/api/apps');
  await exchange(`${server.http}/metrics`, { headers: { 'X-Forwarded-For': forwarded } });

  const owner = await scene.owner();
  const { ticket } = await owner.expect(201, 'POST', '/api/tickets', {});
  const direct = scene.raw({ url: server.directWs, path: `/t/${ticket}/doc`, token: '' });
  await direct.open();
  await direct.settle();
  const { key } = await owner.expect(200, 'GET', '/api/link');
  const cookie = await logIn(server);

  await scene.admin.expect(200, 'DELETE', `${app.path}/secrets/1`);
  await scene.admin.expect(202, 'DELETE', `${app.path}?confirm=${app.id}`);
  return [
    ['the master token', MASTER_TOKEN],
    ['the admin token', ADMIN_TOKEN],
    ['the secret of an app', app.secret],
    ['a rotated secret', rotated.secret],
    ['a token that the API made', issued],
    ['the signature of a token', issued.split('.')[2] ?? ''],
    ["a token that the app's backend made", own],
    ['the name of a user in a token', 'user-of-the-log'],
    ['a wrong token', wrong],
    ['a ticket', ticket],
    ['the link key', key],
    ["the node's secret", cookie.split('=')[1] ?? ''],
    ['what is in a document', 'words that nobody else may read'],
    ['the address of a client behind a proxy', forwarded],
    ...ports.map((port) => /** @type {[string, string]} */ (['the port of a client', `:${port}`])),
  ];
}

suite(
  'Operations',
  (test) => {
    test('OP1: metrics are for the admin and for this machine', { needs: ['apps'] }, async (scene) => {
      const { server } = scene;
      const app = await scene.app();
      await scene.rawSettled({ origin: app.origin });
      for (const [base, headers] of /** @type {Array<[string, Record<string, string>]>} */ ([
        [server.http, {}],
        [server.http, { Authorization: `Bearer ${ADMIN_TOKEN}` }],
        [server.http, { Authorization: `Bearer ${ADMIN_TOKEN}`, 'X-Forwarded-For': '203.0.113.9' }],
        [server.direct, {}],
        [server.direct, { Authorization: `Bearer ${ADMIN_TOKEN}` }],
      ])) {
        const { status, headers: answered, text } = await exchange(`${base}/metrics`, { headers });
        assert.equal(status, 200, text);
        assert.match(answered['content-type'] ?? '', /^text\/plain/);
        const lines = text.split('\n').filter((line) => line !== '');
        for (const line of lines) assert.match(line, METRIC);
        assert.ok(lines.some((line) => line.startsWith('kraken_')));
        assert.ok(!text.includes(scene.room), 'no names of rooms');
      }
    });

    test('OP1: metrics are not for whoever comes through a proxy', { needs: ['apps'] }, async (scene) => {
      for (const header of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP']) {
        for (const value of ['203.0.113.9', '127.0.0.1', 'for=127.0.0.1', '']) {
          const { status } = await exchange(`${scene.server.http}/metrics`, { headers: { [header]: value } });
          assert.equal(status, 401, `${header}: ${value}`);
        }
      }
      const headers = { Authorization: `Bearer ${MASTER_TOKEN}`, 'X-Forwarded-For': '203.0.113.9' };
      assert.equal((await exchange(`${scene.server.http}/metrics`, { headers })).status, 403);
    });

    test('OP2: health is told to everybody', { needs: ['apps'] }, async (scene) => {
      await scene.rawSettled();
      const { status, headers, json, text } = await exchange(`${scene.server.http}/health`);
      assert.equal(status, 200);
      assert.match(headers['content-type'] ?? '', /^application\/json/);
      const { version, connections, rooms, stores, ...rest } = json;
      assert.deepEqual(rest, { status: 'ok', storage: 'ok', link: 'up', engine: 'off' });
      assert.match(version, /^\d+\.\d+\.\d+/);
      assert.ok(connections >= 1 && rooms >= 1);
      assert.equal(stores, 0);
      assert.ok(!text.includes(MASTER_TOKEN) && !text.includes(ADMIN_TOKEN));
    });

    test('OP5: settings can be changed while the server runs', { needs: ['apps'] }, async (scene) => {
      const before = await scene.admin.expect(200, 'GET', '/api/settings');
      assert.deepEqual([before.durability, before.tickets_for_everyone], ['relay-first', false]);
      await scene.admin.expect(200, 'PATCH', '/api/settings', { limits: { total_rooms: 5 } });
      const changed = await scene.admin.expect(200, 'PATCH', '/api/settings', { durability: 'write-first' });
      assert.equal(changed.limits.total_rooms, 5);
      const writer = await scene.rawSettled();
      const saved = edit('saved');
      writer.send(update(saved));
      assert.deepEqual(await writer.next(), { kind: 'update', body: saved });
      for (const wrong of [{ durability: 'sometimes' }, { surprise: 1 }, 'not json', { tickets_for_everyone: 'yes' }]) {
        await scene.admin.refuses(400, 'bad_request', 'PATCH', '/api/settings', wrong);
      }
      assert.deepEqual(await scene.admin.expect(200, 'GET', '/api/settings'), changed);
      const reset = { durability: 'relay-first', limits: {} };
      assert.deepEqual(await scene.admin.expect(200, 'PATCH', '/api/settings', reset), before);
    });

    // The last one, so that the log is that of all of them: it stops the shared server.
    test('OP3: no secret and no address of a client is ever logged', { needs: ['apps'] }, async (scene) => {
      const { server } = scene;
      const secrets = await everything(scene);
      await server.stop();
      const { output } = server;
      for (const [what, secret] of secrets) {
        assert.ok(secret.length > 3, what);
        const at = output.indexOf(secret);
        assert.ok(at < 0, `${what} is in the log: ${output.slice(Math.max(at - 300, 0), at + 100)}`);
      }
    });
  },
  { once: true, server: { log: 'trace', gateway: ['--trusted-proxy', '127.0.0.1/32'] } },
);
