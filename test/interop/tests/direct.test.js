// @ts-check
/** The way past the gateway: the node's own HTTP server, its login, tickets. */
import assert from 'node:assert/strict';
import { Api, assertRefusal, logIn } from '../lib/api.js';
import { edit, textOf } from '../lib/edits.js';
import { exchange } from '../lib/http.js';
import { NOTHING, step1, update } from '../lib/raw.js';
import { ADMIN_TOKEN, MASTER_TOKEN } from '../lib/server.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */
/** @typedef {import('../lib/raw.js').RawClient} RawClient */

/**
 * A ticket that the owner gives out.
 *
 * @param {Scene} scene
 * @param {Record<string, unknown>} [fields]
 * @returns {Promise<string>}
 */
async function ownersTicket(scene, fields = {}) {
  const owner = await scene.owner();
  const { ticket } = await owner.expect(201, 'POST', '/api/tickets', fields);
  return ticket;
}

/**
 * A bare socket at the node itself.
 *
 * @param {Scene} scene
 * @param {string} ticket
 * @param {string} [room]
 */
function withTicket(scene, ticket, room = scene.room) {
  return scene.raw({ url: scene.server.directWs, path: `/t/${ticket}/doc`, room, token: '' });
}

/**
 * That a socket of the direct way is told that it is refused, and from then on is neither answered
 * nor closed. Answers to others show that its messages have been dealt with.
 *
 * @param {Scene} scene
 * @param {RawClient} refused
 */
async function isToldAndIgnored(scene, refused) {
  await refused.open();
  const reason = await refused.denied();
  const witness = withTicket(scene, await ownersTicket(scene), `${scene.room}-witness`);
  await witness.open();
  refused.send(step1(NOTHING));
  refused.send(update(edit('ignored')));
  await witness.settle();
  await witness.settle();
  assert.deepEqual(refused.inbox, []);
  assert.equal(refused.socket.readyState, refused.socket.OPEN);
  return reason;
}

/** How much is written to rooms whose readers have stopped: more than a socket may have waiting. */
const FLOOD = { messages: 48, bytes: 512 * 1024 };

suite('Directly at the node', (test) => {
  test('TI1: the node serves the same API, for tokens', { needs: ['apps'] }, async (scene) => {
    const direct = Api.withToken(scene.server.direct, ADMIN_TOKEN);
    const viaGateway = await scene.admin.expect(200, 'GET', '/api/apps/default');
    assert.deepEqual(await direct.expect(200, 'GET', '/api/apps/default'), viaGateway);
    const anybody = new Api(scene.server.direct, {});
    await anybody.refuses(401, 'unauthorized', 'GET', '/api/apps');
    assert.equal((await anybody.expect(200, 'GET', '/health')).status, 'ok');
    assert.match((await direct.call('GET', '/metrics')).text, /^# TYPE kraken_/m);
  });

  test("TI1: the node's owner needs no token, everybody else gets the login page", { needs: ['apps'] }, async (scene) => {
    const owner = await scene.owner();
    const { apps } = await owner.expect(200, 'GET', '/api/apps');
    assert.ok(apps.length > 0);
    const cookie = await logIn(scene.server);
    /** @type {Array<Record<string, string>>} */
    const strangers = [
      {},
      { Cookie: `${cookie}x` },
      { Cookie: 'kinode-auth_kraken.os=' },
      { Cookie: cookie.replace('kraken.os', 'other.os') },
      { Authorization: `Bearer ${MASTER_TOKEN}` },
    ];
    for (const headers of strangers) {
      const answer = await exchange(`${scene.server.direct}/owner/api/apps`, { headers });
      assert.equal(answer.json, undefined, answer.text);
      assert.match(answer.headers['content-type'] ?? '', /^text\/html/);
    }
  });

  test("TI2: nobody but a page of the node itself may use the owner's login", { needs: ['apps'] }, async (scene) => {
    const owner = await scene.owner();
    const own = scene.server.node;
    const { host, port } = new URL(own);
    /** @type {Array<Record<string, string>>} */
    const ownPages = [
      { Origin: own },
      { Origin: `https://${host}` },
      { Origin: own, 'Sec-Fetch-Site': 'same-origin' },
      { 'Sec-Fetch-Site': 'none' },
    ];
    for (const headers of ownPages) await owner.expect(200, 'GET', '/api/settings', undefined, headers);
    /** @type {Array<Record<string, string>>} */
    const others = [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: `http://127.0.0.1:${Number(port) - 1}` },
      { Origin: `http://localhost:${port}` },
      { Origin: `http://${host}.evil.example` },
      { Origin: `http://evil.example@${host}` },
      { Origin: own, 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { Origin: 'http://localhost:3000' },
    ];
    for (const headers of others) {
      await owner.refuses(403, 'cross_site', 'GET', '/api/settings', undefined, headers);
      await owner.refuses(403, 'cross_site', 'POST', '/api/tickets', {}, headers);
      await owner.refuses(403, 'cross_site', 'DELETE', '/api/apps/default?confirm=default', undefined, headers);
    }
    await scene.admin.expect(200, 'GET', '/api/apps/default');
  });

  test('TI3: a ticket opens one document, once', { needs: ['apps'] }, async (scene) => {
    const owner = await scene.owner();
    const given = await owner.expect(201, 'POST', '/api/tickets', { room: scene.room });
    assert.match(given.ticket, /^[\w-]{22,}$/);
    assert.deepEqual(given, { ticket: given.ticket, expires_in: 30, app: 'default' });

    const first = withTicket(scene, given.ticket);
    await first.open();
    await first.settle();
    const second = withTicket(scene, given.ticket);

    assert.match(await isToldAndIgnored(scene, second), /ticket/);
    assert.equal(textOf((await first.settle()).state), '');
  });

  test('TI3: a ticket is good for the room that it names, and for its app', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    await isToldAndIgnored(scene, withTicket(scene, await ownersTicket(scene, { room: scene.room }), 'another'));
    const inApp = withTicket(scene, await ownersTicket(scene, { app: app.id }));
    await inApp.open();
    inApp.send(update(edit('in the app')));
    await inApp.settle();
    const viaGateway = await scene.joined({ origin: app.origin });
    assert.equal(viaGateway.text.toString(), 'in the app');
    const owner = await scene.owner();
    await owner.refuses(404, 'no_such_app', 'POST', '/api/tickets', { app: 'nobody' });
    await owner.refuses(400, 'bad_request', 'POST', '/api/tickets', { rooms: 'x' });
  });

  test('TI3: what is no ticket opens nothing', { needs: ['apps'] }, async (scene) => {
    const ticket = await ownersTicket(scene);
    const altered = (ticket.startsWith('A') ? 'B' : 'A') + ticket.slice(1);
    for (const wrong of [altered, 'x', `${ticket}x`, MASTER_TOKEN, ADMIN_TOKEN]) {
      await isToldAndIgnored(scene, withTicket(scene, wrong));
    }
    const right = withTicket(scene, ticket);
    await right.open();
    await right.settle();
  });

  test('TI4: tickets for others than the owner are off until the owner allows them', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    const stranger = Api.withToken(scene.server.direct, MASTER_TOKEN);
    const page = { Origin: app.origin };
    await stranger.refuses(403, 'tickets_off', 'POST', '/api/tickets', {}, page);
    const viaGateway = Api.withToken(scene.server.http, MASTER_TOKEN);
    const useless = await viaGateway.expect(201, 'POST', '/api/tickets', {}, page);
    await isToldAndIgnored(scene, withTicket(scene, useless.ticket));

    const owner = await scene.owner();
    const allow = async (/** @type {boolean} */ allowed) => {
      const settings = await owner.expect(200, 'PATCH', '/api/settings', { tickets_for_everyone: allowed });
      assert.equal(settings.tickets_for_everyone, allowed);
    };
    await allow(true);
    scene.cleanups.push(() => allow(false));

    const given = await stranger.expect(201, 'POST', '/api/tickets', { room: scene.room }, page);
    assert.equal(given.app, app.id);
    const client = withTicket(scene, given.ticket);
    await client.open();
    await client.settle();
    await stranger.refuses(403, 'origin_required', 'POST', '/api/tickets', {});
    await stranger.refuses(403, 'origin_not_registered', 'POST', '/api/tickets', {}, { Origin: 'https://evil.example' });
    await new Api(scene.server.direct, {}).refuses(401, 'invalid_token', 'POST', '/api/tickets', {}, page);

    const reader = Api.withToken(scene.server.direct, await app.token({ aud: scene.room, scope: 'read' }));
    await reader.refuses(403, 'room_not_allowed', 'POST', '/api/tickets', { room: 'another' });
    const readersTicket = await reader.expect(201, 'POST', '/api/tickets', { room: scene.room });
    const readOnly = withTicket(scene, readersTicket.ticket);
    await readOnly.open();
    readOnly.send(update(edit('scribbled')));
    await readOnly.denied();
    assert.equal(textOf((await client.settle()).state), '');
    await readOnly.settle();
  });

  test('TI5: y-websocket works through a ticket, together with clients of the gateway', { needs: ['apps'] }, async (scene) => {
    const ticket = await ownersTicket(scene);
    const alice = await scene.joined({ url: scene.server.directWs, path: `/t/${ticket}/doc`, token: '' });
    const bob = await scene.joined();
    alice.text.insert(0, 'past the gateway');
    await bob.hasText('past the gateway');
    bob.text.insert(0, 'through and ');
    await alice.hasText('through and past the gateway');
    alice.awareness.setLocalState({ name: 'Alice' });
    bob.awareness.setLocalState({ name: 'Bob' });
    await bob.sees((states) => states.get(alice.id)?.['name'] === 'Alice', 'Alice');
    await alice.sees((states) => states.get(bob.id)?.['name'] === 'Bob', 'Bob');
    alice.destroy();
    await bob.sees((states) => !states.has(alice.id), 'Alice gone');
  });

  test('TI5: a provider that loses its connection comes back with another ticket', { needs: ['apps'] }, async (scene) => {
    const serverUrl = async () => `${scene.server.directWs}/t/${await ownersTicket(scene)}/doc`;
    const alice = await scene.joined({ url: await serverUrl(), path: '', token: '' });
    const { provider } = alice;
    provider.on('connection-close', async () => {
      if (!provider.shouldConnect) return;
      provider.shouldConnect = false;
      provider.serverUrl = await serverUrl();
      provider.connect();
    });
    const bob = await scene.joined();
    const closed = alice.closed();
    alice.socket.terminate();
    await closed;
    alice.text.insert(0, 'typed meanwhile');
    await bob.hasText('typed meanwhile');
  });

  test('TI5: the name of a room is decoded as at the gateway', { needs: ['apps'] }, async (scene) => {
    const room = `${scene.room}/grüße an/100%25`;
    const direct = withTicket(scene, await ownersTicket(scene), room);
    await direct.open();
    direct.send(update(edit('one room')));
    await direct.settle();
    const bob = await scene.joined({ room });
    assert.equal(bob.text.toString(), 'one room');
  });

  test('TI9: a ticket is good at the gateway as well, where a used one is refused', { needs: ['apps'] }, async (scene) => {
    const ticket = await ownersTicket(scene, { room: scene.room });
    const path = `/t/${ticket}/doc`;
    const client = await scene.rawSettled({ path, origin: null, token: '' });
    client.send(update(edit('by ticket')));
    await client.settle();
    const bob = await scene.joined();
    assert.equal(bob.text.toString(), 'by ticket');
    const { status, code } = await scene.raw({ path, origin: null, token: '' }).refused();
    assert.deepEqual([status, code], [401, 'invalid_ticket']);
    const page = scene.join({ path, token: '', browser: true });
    assert.equal((await page.stopped()).code, 4401);
    const other = await ownersTicket(scene, { room: `${scene.room}-2` });
    const elsewhere = scene.raw({ path: `/t/${other}/doc`, origin: null, token: '' });
    assert.equal((await elsewhere.refused()).code, 'room_not_allowed');
  });

  test('TI7: who breaks the protocol is told, and then ignored but not closed', { needs: ['apps'] }, async (scene) => {
    const mate = await scene.rawSettled();
    const client = withTicket(scene, await ownersTicket(scene));
    await client.open();
    await client.settle();
    client.send(Uint8Array.of(0, 2, 5, 1));
    await isToldAndIgnored(scene, client);
    const { before, state } = await mate.settle();
    assert.deepEqual(before, []);
    assert.equal(textOf(state), '');
  });

  test('TI7: a change of the registry ends a direct connection, too', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    const client = withTicket(scene, await ownersTicket(scene, { app: app.id }));
    await client.open();
    await client.settle();
    await scene.admin.expect(202, 'DELETE', `${app.path}?confirm=${app.id}`);
    await isToldAndIgnored(scene, client);
  });

  test('TI8: sockets that never read are told so once they read, and harm nobody', { needs: ['apps'], within: 120_000 }, async (scene) => {
    const stalled = [];
    for (let socket = 0; socket < 5; socket += 1) {
      const client = withTicket(scene, await ownersTicket(scene));
      await client.open();
      await client.settle();
      client.socket.pause();
      stalled.push(client);
    }
    const writer = await scene.rawSettled();
    const reader = withTicket(scene, await ownersTicket(scene));
    await reader.open();
    await reader.settle();

    const flood = Array.from({ length: FLOOD.messages }, (_, n) => edit(String(n).padEnd(FLOOD.bytes, '.')));
    for (const bytes of flood) {
      writer.send(update(bytes));
      // One at a time, so that it is only the others who don't read.
      assert.deepEqual(await reader.nextOf('update'), bytes);
    }

    await scene.admin.expect(200, 'GET', '/api/apps');
    const late = withTicket(scene, await ownersTicket(scene), `${scene.room}-2`);
    await late.open();
    await late.settle();
    for (const client of stalled) {
      client.socket.resume();
      await client.denied(30_000);
      assert.equal(client.socket.readyState, client.socket.OPEN);
    }
    await reader.settle();
  });

  test('TI1: an upgrade to what only speaks HTTP is answered as HTTP', { needs: ['apps'] }, async (scene) => {
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    const answer = await exchange(`${scene.server.direct}/api/nothing`, {
      headers: { ...headers, Authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    assertRefusal(answer, 404, 'not_found', 'an upgrade');
  });
});
