// @ts-check
/** Apps: registering, changing and deleting them, and what that does to who is connected. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Api } from '../lib/api.js';
import { edit, textOf } from '../lib/edits.js';
import { exchange } from '../lib/http.js';
import { update } from '../lib/raw.js';
import { MASTER_TOKEN } from '../lib/server.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

/** A name that no other test uses. */
const fresh = () => `t${randomUUID().slice(0, 13)}`;

/**
 * Registers an app whose predecessor of that name is still being deleted: as often as it takes.
 *
 * @param {Scene} scene
 * @param {Record<string, unknown>} registration
 */
async function registerAgain(scene, registration) {
  for (;;) {
    const answer = await scene.admin.call('POST', '/api/apps', registration);
    if (answer.json?.error?.code !== 'app_being_deleted') return answer;
    assert.equal(answer.status, 409);
  }
}

suite('Apps', (test) => {
  test('AP1: an app is registered with its origins, and its secret is shown once', { needs: ['apps'] }, async (scene) => {
    const id = fresh();
    const registration = {
      app_id: id,
      name: 'Field Notes',
      allowed_origins: [`https://${id}.example.com`],
      description: 'Notes from the field',
      owner_email: 'owner@example.com',
    };
    const before = Date.now();

    const { secret, ...app } = await scene.admin.expect(201, 'POST', '/api/apps', registration);

    assert.match(secret, /^[\w-]{43,}$/);
    assert.ok(Math.abs(app.created_at - before) < 60_000, 'created_at is in milliseconds');
    assert.deepEqual(app, {
      ...registration,
      require_app_token: false,
      durability: null,
      limits: {},
      created_at: app.created_at,
      secrets: [{ id: 1, created_at: app.created_at, expires_at: null }],
      connections: 0,
      rooms: 0,
      being_deleted: false,
    });
    assert.deepEqual(await scene.admin.expect(200, 'GET', `/api/apps/${id}`), app);
    const list = await scene.admin.call('GET', '/api/apps');
    assert.deepEqual(list.json.apps.find((/** @type {any} */ one) => one.app_id === id), app);
    assert.ok(!list.text.includes(secret));
  });

  test('AP1: the list of apps is sorted by their ids', { needs: ['apps'] }, async (scene) => {
    await scene.app();
    await scene.app();
    const { apps } = await scene.admin.expect(200, 'GET', '/api/apps');
    const ids = apps.map((/** @type {any} */ app) => app.app_id);
    assert.ok(ids.includes('default'));
    assert.deepEqual(ids, ids.toSorted());
  });

  test('AP1: an app knows how many connections and rooms it has', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    await scene.rawSettled({ origin: app.origin });
    await scene.rawSettled({ origin: app.origin });
    await scene.rawSettled({ origin: app.origin, room: `${scene.room}-2` });
    const { connections, rooms } = await scene.admin.expect(200, 'GET', app.path);
    assert.deepEqual({ connections, rooms }, { connections: 3, rooms: 2 });
  });

  test('AP2: pages of the machine itself have the app default from the start', { needs: ['apps'] }, async (scene) => {
    const { allowed_origins: origins } = await scene.admin.expect(200, 'GET', '/api/apps/default');
    assert.deepEqual(origins, ['http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*']);
    const alice = await scene.joined({ origin: 'http://localhost:5173' });
    alice.text.insert(0, 'one app');
    for (const origin of ['http://localhost', 'http://127.0.0.1:8080', 'http://[::1]:3000']) {
      const other = await scene.joined({ origin });
      await other.hasText('one app');
    }
    const refused = await scene.raw({ origin: 'https://localhost:5173' }).refused();
    assert.equal(refused.code, 'origin_not_registered');
  });

  test('AP3: a room of the same name is another document for each app', { needs: ['apps'] }, async (scene) => {
    const [one, other] = [await scene.app(), await scene.app()];
    const alice = await scene.joined({ origin: one.origin });
    const bob = await scene.joined({ origin: other.origin });
    alice.text.insert(0, 'of the one');
    bob.text.insert(0, 'of the other');
    const [carol, dave] = [scene.join({ origin: one.origin }), scene.join({ origin: other.origin })];
    await carol.hasText('of the one');
    await dave.hasText('of the other');
    assert.equal(alice.text.toString(), 'of the one');
    assert.equal(bob.text.toString(), 'of the other');
  });

  test('AP4: an origin belongs to one app, and so does whatever its pattern covers', { needs: ['apps'] }, async (scene) => {
    const name = fresh();
    const origins = [`https://${name}.example`, `https://*.${name}.test.example`, `http://${name}.example:*`];
    await scene.app({ allowed_origins: origins });
    const taken = [
      `https://${name}.example`,
      `https://${name}.example:443`,
      `HTTPS://${name.toUpperCase()}.EXAMPLE`,
      `https://*.${name}.test.example`,
      `https://a.${name}.test.example`,
      `https://a.b.${name}.test.example`,
      `https://*.b.${name}.test.example`,
      'https://*.test.example',
      `https://*.${name}.test.example:*`,
      `http://${name}.example`,
      `http://${name}.example:8080`,
      `https://${name}.example:*`,
    ];
    const free = [
      `https://${name}.example:8443`,
      `https://${name}.test.example`,
      `https://x${name}.test.example`,
      `http://a.${name}.test.example`,
      `https://${name}.example.org`,
    ];
    for (const origin of taken) {
      const registration = { app_id: fresh(), name: 'Late', allowed_origins: [`https://${fresh()}.example`, origin] };
      await scene.admin.refuses(409, 'origin_taken', 'POST', '/api/apps', registration);
    }
    const other = await scene.app();
    await scene.admin.refuses(409, 'origin_taken', 'PATCH', other.path, { allowed_origins: [taken[0]] });
    for (const origin of free) {
      await scene.admin.expect(201, 'POST', '/api/apps', { app_id: fresh(), name: 'Free', allowed_origins: [origin] });
    }
  });

  test('AP4: patterns let in exactly what they cover', { needs: ['apps'] }, async (scene) => {
    const name = fresh();
    const origins = [`https://*.${name}.example`, `http://${name}.example:*`, `https://${name}.example:8443`];
    await scene.app({ allowed_origins: origins });
    const covered = [
      `https://a.${name}.example`,
      `https://a.b.${name}.example`,
      `http://${name}.example`,
      `http://${name}.example:1`,
      `https://${name}.example:8443`,
    ];
    const others = [
      `https://${name}.example`,
      `https://a.${name}.example:8443`,
      `http://a.${name}.example`,
      `https://x${name}.example`,
      `https://a.${name}.example.org`,
    ];
    const first = await scene.rawSettled({ origin: covered[0] });
    first.send(update(edit('one app')));
    await first.settle();
    for (const origin of covered) {
      const { state } = await (await scene.rawSettled({ origin })).settle();
      assert.equal(textOf(state), 'one app', origin);
    }
    for (const origin of others) {
      assert.equal((await scene.raw({ origin }).refused()).code, 'origin_not_registered', origin);
    }
  });

  test('AP5: a registration that is not right is refused, and says what is wrong', { needs: ['apps'] }, async (scene) => {
    const existing = await scene.app();
    const right = { app_id: fresh(), name: 'App', allowed_origins: [`https://${fresh()}.example`] };
    /** @type {Array<[status: number, code: string, body: unknown]>} */
    const wrong = [
      [409, 'app_exists', { ...right, app_id: existing.id }],
      ...['', 'App', 'a_b', 'a:b', 'a/b', 'a b', 'ä', 'x'.repeat(65)].map(
        (id) => /** @type {[number, string, unknown]} */ ([400, 'invalid_app_id', { ...right, app_id: id }]),
      ),
      ...[
        ...['', '*', 'null', 'example.com', 'https://', 'https://*', 'https://*.com', 'https://a.*.example.com'],
        ...['https://a*.example.com', 'https://**.example.com', 'https://u@a.example', 'https://a.example/path'],
        ...['https://a.example?q', 'https://a.example#f', 'https://a.example:99999', '//a.example'],
      ].map(
        (origin) =>
          /** @type {[number, string, unknown]} */ ([400, 'invalid_origin', { ...right, allowed_origins: [origin] }]),
      ),
      [400, 'invalid_limit', { ...right, limits: { connections: 0 } }],
      [400, 'bad_request', { ...right, limits: { nonsense: 1 } }],
      [400, 'bad_request', { ...right, limits: { connections: 'many' } }],
      [400, 'bad_request', { ...right, durability: 'sometimes' }],
      [400, 'bad_request', { ...right, surprise: true }],
      [400, 'bad_request', { ...right, name: 7 }],
      [400, 'bad_request', { ...right, allowed_origins: 'https://a.example' }],
      [400, 'bad_request', { ...right, name: undefined }],
      [400, 'bad_request', { ...right, allowed_origins: undefined }],
      [400, 'bad_request', []],
      [400, 'bad_request', '{"app_id": "cut'],
      [400, 'bad_request', ''],
    ];
    for (const [status, code, body] of wrong) await scene.admin.refuses(status, code, 'POST', '/api/apps', body);
    await scene.admin.refuses(404, 'no_such_app', 'GET', `/api/apps/${right.app_id}`);
  });

  test('AP6: each field can be changed, and null takes an optional one back', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    const before = await scene.admin.expect(200, 'GET', app.path);
    const changes = {
      name: 'Another name',
      allowed_origins: [`https://${fresh()}.example`],
      description: 'About it',
      owner_email: 'new@example.com',
      require_app_token: true,
      durability: 'write-first',
      limits: { connections: 7, message_bytes: 1_000 },
    };
    for (const [field, value] of Object.entries(changes)) {
      const changed = await scene.admin.expect(200, 'PATCH', app.path, { [field]: value });
      assert.deepEqual(changed[field], value);
    }
    assert.deepEqual(await scene.admin.expect(200, 'GET', app.path), { ...before, ...changes });
    const cleared = { description: null, owner_email: null, require_app_token: null, durability: null, limits: null };
    const reset = await scene.admin.expect(200, 'PATCH', app.path, cleared);
    const { name, allowed_origins: origins } = changes;
    assert.deepEqual(reset, { ...before, name, allowed_origins: origins });
  });

  test('AP6: a change that is not right is refused and changes nothing', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    const before = await scene.admin.expect(200, 'GET', app.path);
    /** @type {Array<[status: number, code: string, body: unknown]>} */
    const wrong = [
      [400, 'bad_request', { app_id: 'another' }],
      [400, 'bad_request', { name: null }],
      [400, 'bad_request', { allowed_origins: null }],
      [400, 'bad_request', { name: 'fine', surprise: 1 }],
      [400, 'bad_request', 'not json'],
      [400, 'invalid_origin', { name: 'fine', allowed_origins: ['*'] }],
      [400, 'invalid_limit', { name: 'fine', limits: { rooms: 0 } }],
      [409, 'origin_taken', { name: 'fine', allowed_origins: ['http://localhost:3000'] }],
    ];
    for (const [status, code, body] of wrong) await scene.admin.refuses(status, code, 'PATCH', app.path, body);
    assert.deepEqual(await scene.admin.expect(200, 'GET', app.path), before);
    await scene.admin.refuses(404, 'no_such_app', 'PATCH', `/api/apps/${fresh()}`, { name: 'x' });
  });

  test('AP7: who came from an origin that is removed is closed with 4403, the others stay', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    const second = `https://second.${fresh()}.example`;
    await scene.admin.expect(200, 'PATCH', app.path, { allowed_origins: [app.origin, second] });
    const staying = await scene.rawSettled({ origin: app.origin });
    const leaving = await scene.joined({ origin: second });

    await scene.admin.expect(200, 'PATCH', app.path, { allowed_origins: [app.origin] });

    assert.equal((await leaving.stopped()).code, 4403);
    await staying.settle();
    assert.equal((await scene.raw({ origin: second }).refused()).code, 'origin_not_registered');
  });

  test('AP7: when an app begins to require app tokens, the master token ends with 4401', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    const withMaster = await scene.joined({ origin: app.origin });
    const withToken = await scene.rawSettled({ origin: app.origin, token: await app.token() });

    await scene.admin.expect(200, 'PATCH', app.path, { require_app_token: true });

    assert.equal((await withMaster.stopped()).code, 4401);
    await withToken.settle();
    assert.equal((await scene.raw({ origin: app.origin }).refused()).status, 401);
  });

  test('AP8: deleting an app wants its id twice, and closes its sockets with 4403', { needs: ['apps'] }, async (scene) => {
    const [app, bystander] = [await scene.app(), await scene.app()];
    const alice = await scene.joined({ origin: app.origin });
    const raw = await scene.rawSettled({ origin: app.origin, token: await app.token() });
    const other = await scene.rawSettled({ origin: bystander.origin });
    for (const query of ['', '?confirm=', '?confirm=yes', `?confirm=${bystander.id}`]) {
      await scene.admin.refuses(400, 'confirmation_required', 'DELETE', app.path + query);
    }
    await raw.settle();

    const deleted = await scene.admin.expect(202, 'DELETE', `${app.path}?confirm=${app.id}`);

    assert.deepEqual(deleted, { deleted: app.id });
    assert.equal((await alice.stopped()).code, 4403);
    assert.equal((await raw.closed()).code, 4403);
    await other.settle();
    await scene.admin.refuses(404, 'no_such_app', 'GET', app.path);
    assert.equal((await scene.raw({ origin: app.origin }).refused()).code, 'origin_not_registered');
    assert.equal((await scene.raw({ origin: null, token: await app.token() }).refused()).status, 401);
    const unknown = `/api/apps/${fresh()}`;
    await scene.admin.refuses(404, 'no_such_app', 'DELETE', `${unknown}?confirm=${unknown.split('/').at(-1)}`);
  });

  test('AP8: the documents of a deleted app are gone, for a new app of its id as well', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const app = await scene.app();
    const loaded = await scene.rawSettled({ origin: app.origin });
    loaded.send(update(edit('of the old app')));
    await loaded.settle();
    await scene.admin.expect(202, 'DELETE', `${app.path}?confirm=${app.id}`);

    const registration = { app_id: app.id, name: 'Again', allowed_origins: [app.origin] };
    const answer = await registerAgain(scene, registration);

    assert.equal(answer.status, 201);
    assert.notEqual(answer.json.secret, app.secret);
    const late = await scene.joined({ origin: app.origin });
    assert.equal(late.text.toString(), '');
    assert.equal((await scene.raw({ origin: null, token: await app.token() }).refused()).status, 401);
  });

  test('AP10: only the admin token opens the registry', { needs: ['apps'] }, async (scene) => {
    const anybody = new Api(scene.server.http, {});
    const answers = [
      await anybody.refuses(401, 'unauthorized', 'GET', '/api/apps'),
      await Api.withToken(scene.server.http, 'wrong').refuses(401, 'unauthorized', 'GET', '/api/apps'),
      await anybody.refuses(401, 'unauthorized', 'GET', '/api/apps/default'),
      await anybody.refuses(401, 'unauthorized', 'GET', '/api/settings'),
      await anybody.refuses(401, 'unauthorized', 'POST', '/api/link'),
      await anybody.refuses(401, 'unauthorized', 'POST', '/api/credentials', { renew: 'admin' }),
    ];
    for (const { headers } of answers) assert.match(headers['www-authenticate'] ?? '', /^Bearer/);
    const withMaster = Api.withToken(scene.server.http, MASTER_TOKEN);
    await withMaster.refuses(403, 'forbidden', 'GET', '/api/apps');
    await withMaster.refuses(403, 'forbidden', 'POST', '/api/apps', {});
  });

  test('AP10: an unknown path is 404, an unknown method 405 with what is allowed', { needs: ['apps'] }, async (scene) => {
    await scene.admin.refuses(404, 'not_found', 'GET', '/api/nothing');
    const allowed = async (/** @type {string} */ method, /** @type {string} */ path) => {
      const { headers } = await scene.admin.refuses(405, 'method_not_allowed', method, path);
      const methods = (headers.allow ?? '').split(',').map((one) => one.trim());
      return methods.filter((one) => !['HEAD', 'OPTIONS'].includes(one)).toSorted();
    };
    assert.deepEqual(await allowed('DELETE', '/api/apps'), ['GET', 'POST']);
    assert.deepEqual(await allowed('PUT', '/api/apps/default'), ['DELETE', 'GET', 'PATCH']);
    assert.deepEqual(await allowed('GET', '/api/apps/default/secrets'), ['POST']);
    assert.deepEqual(await allowed('GET', '/api/apps/default/tokens'), ['POST']);
    assert.deepEqual(await allowed('GET', '/api/tickets'), ['POST']);
    assert.deepEqual(await allowed('DELETE', '/api/settings'), ['GET', 'PATCH']);
    assert.deepEqual(await allowed('DELETE', '/api/link'), ['GET', 'POST']);
    assert.deepEqual(await allowed('POST', '/health'), ['GET']);
    assert.deepEqual(await allowed('POST', '/metrics'), ['GET']);
  });

  test('AP10: a body over a mebibyte is refused with 413', { needs: ['apps'] }, async (scene) => {
    // Only said to be so large: what is still on its way when the answer comes may break the connection.
    const answer = await scene.admin.call('POST', '/api/apps', '', { 'Content-Length': '1100000' });
    assert.equal(answer.status, 413);
    assert.notEqual(answer.json?.error?.code, undefined);
  });

  test('AP11: pages of registered origins may use the API, others may not', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app();
    const ask = (/** @type {string} */ path, /** @type {import('../lib/http.js').Call} */ call) =>
      exchange(scene.server.http + path, call);
    const preflight = {
      method: 'OPTIONS',
      headers: {
        Origin: app.origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type',
      },
    };

    const allowed = await ask('/api/tickets', preflight);
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers['access-control-allow-origin'], app.origin);
    assert.match(allowed.headers['access-control-allow-methods'] ?? '', /\bPOST\b/);
    assert.match(allowed.headers['access-control-allow-headers'] ?? '', /authorization, ?content-type/i);
    assert.equal(allowed.headers['access-control-max-age'], '600');
    assert.match(allowed.headers.vary ?? '', /origin/i);

    const foreign = { ...preflight, headers: { ...preflight.headers, Origin: 'https://elsewhere.example' } };
    assert.equal((await ask('/api/tickets', foreign)).headers['access-control-allow-origin'], undefined);

    for (const path of ['/health', '/api/apps', '/api/nothing']) {
      const { headers } = await ask(path, { headers: { Origin: app.origin } });
      assert.equal(headers['access-control-allow-origin'], app.origin, path);
      assert.match(headers.vary ?? '', /origin/i, path);
      const elsewhere = await ask(path, { headers: { Origin: 'https://elsewhere.example' } });
      assert.equal(elsewhere.headers['access-control-allow-origin'], undefined, path);
    }
  });

  test('AP12: an app may be write-first though the server is not', { needs: ['apps'] }, async (scene) => {
    const app = await scene.app({ durability: 'write-first' });
    const writer = await scene.rawSettled({ origin: app.origin });
    const saved = edit('saved');
    writer.send(update(saved));
    assert.deepEqual(await writer.next(), { kind: 'update', body: saved });
  });

  test('AP13: apps, their secrets, changes and deletions survive a restart, and so do settings', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const server = await scene.ownServer();
    const app = await scene.app({ description: 'kept' });
    await scene.admin.expect(201, 'POST', `${app.path}/secrets`, {});
    await scene.admin.expect(200, 'PATCH', app.path, { limits: { connections: 3 }, durability: 'write-first' });
    const before = await scene.admin.expect(200, 'GET', app.path);
    const changes = { tickets_for_everyone: true, limits: { total_rooms: 5 } };
    const settings = await scene.admin.expect(200, 'PATCH', '/api/settings', changes);
    const writer = await scene.rawSettled({ origin: app.origin });
    writer.send(update(edit('kept')));
    await writer.nextOf('update');
    await scene.admin.expect(202, 'DELETE', '/api/apps/default?confirm=default');
    assert.equal((await scene.raw().refused()).code, 'origin_not_registered');
    await server.kill();
    await server.start();

    assert.deepEqual(await scene.admin.expect(200, 'GET', app.path), before);
    assert.deepEqual(await scene.admin.expect(200, 'GET', '/api/settings'), settings);
    const reader = await scene.joined({ origin: null, token: await app.token() });
    assert.equal(reader.text.toString(), 'kept');
    // It is made at the very first start only.
    assert.equal((await scene.raw().refused()).code, 'origin_not_registered');
  });
});
