// @ts-check
/** Which tokens open a store, and how they are made. */
import assert from 'node:assert/strict';
import { inSeconds } from '../lib/api.js';
import { exchange } from '../lib/http.js';
import { askForToken, knock, LET_IN, outcome, tokens, UNAUTHORIZED } from '../lib/sds/access.js';
import { openStores, Store } from '../lib/sds/store.js';
import { claimsOf, SECRET, storeToken } from '../lib/sds/tokens.js';
import { suite } from '../lib/suite.js';

suite('Stores: tokens', (test) => {
  for (const path of ['ws', 'signal']) {
    test(`SD3: /${path} takes tokens that hold, and no others`, { needs: ['apps'] }, async (scene) => {
      await openStores(scene, { persist: false });
      const store = new Store(scene);
      for (const [what, token, wanted] of tokens(store.name)) {
        assert.deepEqual(await outcome(store, { path, token }), wanted, `a token ${what}`);
      }
    });
  }

  test('SD3: the issuer counts once it is set', { needs: ['apps'] }, async (scene) => {
    await scene.ownServer();
    await openStores(scene, { issuer: 'the house', persist: false });
    const store = new Store(scene);
    const ours = { iss: 'the house', scope: 'admin' };
    assert.deepEqual(await store.socket({ token: store.token() }).closed(), UNAUTHORIZED);
    assert.deepEqual(await store.socket({ token: store.token({ iss: 'another' }) }).closed(), UNAUTHORIZED);
    const inside = await store.join(ours);
    const { status, json } = await askForToken(scene, store.token(ours));
    assert.equal(status, 200);
    assert.equal(claimsOf(json.token).payload.iss, 'the house');
    const made = await store.join(ours, { token: json.token });

    await openStores(scene, { issuer: 'another house', persist: false });
    assert.deepEqual(await inside.closed(), UNAUTHORIZED, 'a new issuer closes who came by the old one');
    assert.deepEqual(await made.closed(), UNAUTHORIZED);
    assert.deepEqual(await store.socket({ token: store.token(ours) }).closed(), UNAUTHORIZED);
    assert.equal((await askForToken(scene, store.token(ours))).status, 401);
  });

  test('SD3: a new secret closes who came by the old one', { needs: ['apps'] }, async (scene) => {
    await scene.ownServer();
    await openStores(scene);
    const store = new Store(scene);
    const inside = await store.join();
    const secret = 'another-sds-secret-0123456789abcdefgh';
    const { sds } = await openStores(scene, { secret });
    assert.deepEqual(sds, { configured: true, issuer: null, persist: true, store_bytes: null, retention_days: null });
    assert.deepEqual(await inside.closed(), UNAUTHORIZED);
    assert.deepEqual(await store.socket().closed(), UNAUTHORIZED);
    const fresh = store.socket({ token: storeToken(store.name, {}, { secret }) });
    await fresh.open();
    await scene.admin.expect(200, 'PATCH', '/api/settings', { sds: null });
    await fresh.closed();
    assert.equal((await knock(scene, `/ws/${store.name}`)).status, 503);
  });

  test('SD3: settings that are wrong change nothing', { needs: ['apps'] }, async (scene) => {
    await openStores(scene);
    const before = await scene.admin.expect(200, 'GET', '/api/settings');
    assert.ok(!JSON.stringify(before).includes(SECRET), 'the secret is never shown');
    for (const sds of [
      { secret: 'too short' },
      { secret: 'x'.repeat(31) },
      { secret: 7 },
      { persist: 'yes' },
      { issuer: 7 },
      { store_bytes: -1 },
      { retention_days: 'long' },
      { surprise: 1 },
      'on',
    ]) {
      const { status, json } = await scene.admin.call('PATCH', '/api/settings', { sds });
      assert.equal(status, 400, JSON.stringify(sds));
      assert.ok(json.error.message.length > 0);
    }
    assert.deepEqual(await scene.admin.expect(200, 'GET', '/api/settings'), before);
    await openStores(scene, { secret: '😀'.repeat(16) });
    await openStores(scene);
  });

  test('SD5: tokens are made for whoever shows one of scope admin', { needs: ['apps'] }, async (scene) => {
    await openStores(scene);
    const store = new Store(scene);
    const admin = store.token({ scope: 'admin' });
    for (const [scope, exp, seconds] of /** @type {Array<[string, string | undefined, number]>} */ ([
      ['read', undefined, 86_400],
      ['write', '90s', 90],
      ['admin', '5m', 300],
      ['read', '2h', 7_200],
      ['read', '7d', 604_800],
      ['read', '1w', 604_800],
      ['read', '1.5h', 5_400],
      ['read', '2 days', 172_800],
      ['read', '0s', 0],
    ])) {
      const { status, json, text, headers } = await askForToken(scene, admin, { sub: 'bob', scope, exp, aud: 'another' });
      assert.equal(status, 200, `${exp}: ${text}`);
      assert.match(headers['content-type'] ?? '', /^application\/json/);
      assert.deepEqual(Object.keys(json), ['token']);
      const { header, payload } = claimsOf(json.token);
      assert.deepEqual(header, { alg: 'HS256' });
      assert.deepEqual(Object.keys(payload), ['sub', 'aud', 'scope', 'iat', 'exp']);
      assert.deepEqual([payload.sub, payload.aud, payload.scope], ['bob', store.name, scope]);
      assert.equal(payload.exp - payload.iat, seconds, exp);
      assert.ok(Math.abs(payload.iat - inSeconds(0)) <= 5);
      assert.deepEqual(await outcome(store, { token: json.token }), seconds === 0 ? UNAUTHORIZED : LET_IN);
    }
    assert.equal((await askForToken(scene, admin, { sub: '', scope: 'read' })).status, 200);
  });

  test('SD5: tokens are refused in the words of the original', { needs: ['apps'] }, async (scene) => {
    await openStores(scene);
    const store = new Store(scene);
    const admin = store.token({ scope: 'admin' });
    const good = { sub: 'bob', scope: 'read' };
    /** @type {Array<[authorization: string | undefined, body: unknown, status: number, error: string]>} */
    const refused = [
      [undefined, good, 401, 'missing token'],
      ['', good, 401, 'missing token'],
      [admin, good, 401, 'missing token'],
      [`bearer ${admin}`, good, 401, 'missing token'],
      [`Basic ${admin}`, good, 401, 'missing token'],
      ['Bearer nonsense', good, 401, 'invalid token'],
      [`Bearer ${store.token()}`, good, 403, 'admin scope required'],
      [`Bearer ${store.token({ scope: 'read' })}`, '', 403, 'admin scope required'],
      [`Bearer ${admin}`, '', 400, 'invalid JSON body'],
      [`Bearer ${admin}`, '{', 400, 'invalid JSON body'],
      ...[{}, [], '7', 'true', 'null', { sub: 'bob' }, { scope: 'read' }, { sub: 7, scope: 'read' }].map(
        (body) => /** @type {[string, unknown, number, string]} */ ([`Bearer ${admin}`, body, 400, 'sub and scope required']),
      ),
    ];
    for (const [authorization, body, status, error] of refused) {
      /** @type {Record<string, string>} */
      const headers = authorization === undefined ? {} : { Authorization: authorization };
      const answer = await exchange(`${scene.server.http}/api/token`, { method: 'POST', headers, body });
      const what = `${authorization?.slice(0, 12)} ${JSON.stringify(body)}`;
      assert.deepEqual([answer.status, answer.json], [status, { error }], `${what}: ${answer.text}`);
      assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
    }
    for (const body of [
      { sub: 'bob', scope: 'superuser' },
      { sub: 'bob', scope: 'READ' },
      { sub: 'bob', scope: 'read', exp: 'soon' },
      { sub: 'bob', scope: 'read', exp: '-1h' },
    ]) {
      const { status, json } = await askForToken(scene, admin, body);
      assert.equal(status, 400, JSON.stringify(body));
      assert.equal(typeof json.error, 'string');
    }
    const large = await askForToken(scene, admin, { ...good, sub: 'x'.repeat(65_536) });
    assert.equal(large.status, 413);
    assert.equal(typeof large.json.error, 'string');
  });

  test('SD5: the maker of tokens looks at them as sockets do', { needs: ['apps'] }, async (scene) => {
    await openStores(scene);
    const store = new Store(scene);
    for (const [what, token, , wanted] of tokens(store.name)) {
      const { status, text } = await askForToken(scene, token);
      assert.equal(status, wanted, `a token ${what}: ${text}`);
    }
  });
});
