// @ts-check
/** App tokens: who signs them, what they open, and when that ends. */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { Api, inSeconds } from '../lib/api.js';
import { edit, textOf } from '../lib/edits.js';
import { awareness, EMPTY_UPDATE, step2, update } from '../lib/raw.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/api.js').App} App */

/** @param {unknown} value */
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * A token whose header and claims are anything at all, with an honest HS256 signature.
 *
 * @param {unknown} header
 * @param {unknown} claims
 * @param {string} secret
 */
function handmade(header, claims, secret) {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/**
 * The claims of a good token.
 *
 * @param {App} app
 */
function claimsOf(app) {
  return { iss: app.id, sub: 'user-1', aud: '*', scope: 'write', exp: inSeconds(600) };
}

/**
 * A token as the API makes it.
 *
 * @param {Api} api
 * @param {App} app
 * @param {Record<string, unknown>} claims
 * @returns {Promise<string>}
 */
async function issued(api, app, claims) {
  const { token } = await api.expect(201, 'POST', `${app.path}/tokens`, { sub: 'user-1', ...claims });
  return token;
}

suite(
  'App tokens',
  (test) => {
    test("TK1: a token that the app's backend signed opens its documents, without an origin too", { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const alice = await scene.joined({ origin: app.origin });
      alice.text.insert(0, 'from a page');
      const token = await app.token({ aud: scene.room });
      const backend = await scene.joined({ origin: null, token });
      await backend.hasText('from a page');
      backend.text.insert(0, 'from the backend, ');
      await alice.hasText('from the backend, from a page');
      const bearer = await scene.rawSettled({ origin: null, token: '', headers: { Authorization: `Bearer ${token}` } });
      assert.equal(textOf((await bearer.settle()).state), 'from the backend, from a page');
    });

    test('TK1: in a page the token needs an origin of its own app', { needs: ['apps'] }, async (scene) => {
      const [app, other] = [await scene.app(), await scene.app()];
      const token = await app.token();
      await scene.rawSettled({ origin: app.origin, token });
      for (const origin of [other.origin, 'https://elsewhere.example']) {
        assert.equal((await scene.raw({ origin, token }).refused()).status, 403);
        const page = scene.join({ origin, token, browser: true });
        assert.equal((await page.stopped()).code, 4403);
      }
    });

    test('TK2: the API makes tokens too', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const answer = await scene.admin.expect(201, 'POST', `${app.path}/tokens`, {
        sub: 'user-1',
        aud: [scene.room, 'other/*'],
        scope: 'write',
        expires_in: 600,
      });
      assert.deepEqual(Object.keys(answer).toSorted(), ['expires_at', 'token']);
      assert.ok(Math.abs(answer.expires_at - Date.now() - 600_000) < 60_000, 'expires_at is in milliseconds');
      await scene.rawSettled({ origin: null, token: answer.token });
      const elsewhere = scene.raw({ origin: null, token: answer.token, room: `${scene.room}-2` });
      assert.equal((await elsewhere.refused()).code, 'room_not_allowed');

      const byDefault = await issued(scene.admin, app, { aud: '*' });
      const claims = JSON.parse(Buffer.from(byDefault.split('.')[1] ?? '', 'base64url').toString());
      assert.equal(claims.iss, app.id);
      assert.equal(claims.sub, 'user-1');
      assert.equal(claims.scope, 'write');
      assert.ok(Math.abs(claims.exp - inSeconds(3_600)) < 60);
    });

    test('TK2: a wrong request for a token is refused, and says what is wrong', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const right = { sub: 'user-1', aud: '*' };
      const wrong = [
        { sub: 'user-1' },
        { aud: '*' },
        { ...right, aud: [] },
        { ...right, aud: [7] },
        { ...right, scope: 'everything' },
        { ...right, expires_in: 0 },
        { ...right, expires_in: 31_536_001 },
        { ...right, expires_in: '1h' },
        { ...right, surprise: true },
        'not json',
      ];
      for (const body of wrong) await scene.admin.refuses(400, 'bad_request', 'POST', `${app.path}/tokens`, body);
      await scene.admin.refuses(404, 'no_such_app', 'POST', '/api/apps/nobody/tokens', right);
    });

    /** @type {Array<[aud: unknown, opens: string[], closed: string[]]>} */
    const audiences = [
      ['notes', ['notes'], ['notes/1', 'note', 'Notes', 'other']],
      ['team/*', ['team/1', 'team/1/2'], ['team', 'team2', 'teams/1', 'other']],
      ['*', ['notes', 'team/1', '*'], []],
      [['notes', 'team/*'], ['notes', 'team/1'], ['other']],
      ['grüße/*', ['gr%C3%BC%C3%9Fe/1'], ['gru%C3%9Fe/1']],
    ];
    for (const [aud, opens, closed] of audiences) {
      test(`TK3: aud ${JSON.stringify(aud)} opens the rooms that it names and no others`, { needs: ['apps'] }, async (scene) => {
        const app = await scene.app();
        const token = await app.token({ aud });
        for (const room of opens) await scene.rawSettled({ origin: null, token, room });
        for (const room of closed) {
          const { status, code } = await scene.raw({ origin: null, token, room }).refused();
          assert.deepEqual([room, status, code], [room, 403, 'room_not_allowed']);
        }
        const [first] = closed;
        if (first === undefined) return;
        const page = scene.join({ origin: app.origin, token, room: first, browser: true });
        assert.equal((await page.stopped()).code, 4403);
      });
    }

    test('TK4: a token that is not exactly right opens nothing', { needs: ['apps'] }, async (scene) => {
      const [app, other] = [await scene.app(), await scene.app()];
      const good = await app.token();
      const [header = '', payload = '', signature = ''] = good.split('.');
      const hs256 = { alg: 'HS256', typ: 'JWT' };
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const rs256 = await new SignJWT(claimsOf(app)).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
      const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
      /** @type {Array<[what: string, token: string]>} */
      const wrong = [
        ['the secret of another app', await app.token({}, other.secret)],
        ['the name of another app', await app.token({ iss: other.id })],
        ['an unknown app', await app.token({ iss: 'nobody' })],
        ['no app', await app.token({ iss: undefined })],
        ['nobody it is for', await app.token({ sub: undefined })],
        ['no aud', await app.token({ aud: undefined })],
        ['an aud that is no text', await app.token({ aud: 7 })],
        ['no exp', await app.token({ exp: undefined })],
        ['a time that has passed', await app.token({ exp: inSeconds(-120) })],
        ['a time that has not come', await app.token({ nbf: inSeconds(600) })],
        ['a scope that there is not', await app.token({ scope: 'everything' })],
        ['alg none', `${part({ alg: 'none' })}.${payload}.`],
        ['alg none, signed all the same', handmade({ alg: 'none' }, claimsOf(app), app.secret)],
        ['alg hs256 in lower case', handmade({ alg: 'hs256' }, claimsOf(app), app.secret)],
        ['alg HS512 over an HS256 signature', handmade({ alg: 'HS512' }, claimsOf(app), app.secret)],
        ['an RS256 header over an HS256 signature', handmade({ alg: 'RS256' }, claimsOf(app), app.secret)],
        ['an RS256 signature', rs256],
        ['claims that were changed', `${header}.${part({ ...claimsOf(app), scope: 'admin' })}.${signature}`],
        ['a signature that was changed', `${header}.${payload}.${flipped}`],
        ['no signature', `${header}.${payload}.`],
        ['two parts', `${header}.${payload}`],
        ['four parts', `${good}.${signature}`],
        ['claims that are no object', handmade(hs256, [], app.secret)],
        ['a critical extension', handmade({ ...hs256, crit: ['b64'], b64: false }, claimsOf(app), app.secret)],
        ['a guessed secret', await app.token({}, 'secret')],
      ];
      await scene.rawSettled({ origin: null, token: good });
      for (const [what, token] of wrong) {
        for (const origin of [null, app.origin]) {
          const { status } = await scene.raw({ origin, token }).refused();
          assert.equal(status, 401, `${what}, from ${origin}`);
        }
      }
    });

    test('TK5: a reader gets everything, and its edits change nothing', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const writer = await scene.joined({ origin: app.origin });
      writer.text.insert(0, 'written');
      const reader = await scene.joined({ origin: null, token: await app.token({ scope: 'read' }) });
      await reader.hasText('written');
      writer.text.insert(0, 'well ');
      await reader.hasText('well written');

      reader.text.insert(0, 'scribbled: ');

      assert.match(await reader.denied(), /read-only/);
      const late = await scene.joined({ origin: app.origin });
      assert.equal(late.text.toString(), 'well written');
      assert.equal(writer.text.toString(), 'well written');
      writer.text.insert(writer.text.length, '!');
      await reader.hasText('scribbled: well written!');
    });

    test('TK5: a reader may be seen, and may come back as often as it likes', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const writer = await scene.joined({ origin: app.origin });
      const reader = await scene.joined({ origin: null, token: await app.token({ scope: 'read' }) });
      reader.awareness.setLocalState({ name: 'Reader' });
      await writer.sees((states) => states.get(reader.id)?.['name'] === 'Reader', 'the reader');
      for (let round = 0; round < 2; round += 1) {
        writer.text.insert(0, `${round} `);
        const closed = reader.closed();
        reader.socket.terminate();
        await closed;
        await reader.synced();
        await reader.hasText(writer.text.toString());
      }
      assert.deepEqual(reader.denials, []);
      // What it typed meanwhile is refused again each time it comes back, and that is all.
      reader.text.insert(0, 'mine ');
      await reader.denied();
      reader.socket.terminate();
      await reader.closed();
      await reader.synced();
      const late = await scene.joined({ origin: app.origin });
      assert.equal(late.text.toString(), '1 0 ');
    });

    test('TK5: only what would change something is refused a reader', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const writer = await scene.rawSettled({ origin: app.origin });
      const known = edit('known');
      writer.send(update(known));
      await writer.settle();
      const reader = await scene.rawSettled({ origin: null, token: await app.token({ scope: 'read' }) });
      for (const harmless of [step2(EMPTY_UPDATE), step2(known)]) {
        reader.send(harmless);
        assert.deepEqual((await reader.settle()).before, []);
      }
      for (const news of [step2(edit('news')), update(edit('more news'))]) {
        reader.send(news);
        const { before } = await reader.settle();
        assert.equal(before.length, 1);
        const [answer] = before;
        assert.ok(answer?.kind === 'denied');
        assert.match(answer.reason, /^read-only/);
      }
      reader.send(awareness([{ id: 5, clock: 1, state: { name: 'Reader' } }]));
      await writer.nextOf('awareness');
      const { before, state } = await writer.settle();
      assert.deepEqual(before, []);
      assert.equal(textOf(state), 'known');
    });

    test('TK6: a token that expires ends its connection with 4501', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const short = scene.raw({ origin: null, token: await app.token({ exp: inSeconds(2) }) });
      const long = await scene.rawSettled({ origin: null, token: await app.token() });
      const { code, reason } = await short.closed();
      assert.equal(code, 4501);
      assert.match(reason, /token.*expired/);
      await long.settle();
    });

    test('TK6: a provider comes back with the token that it has by then', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const alice = await scene.joined({ origin: app.origin, token: await app.token({ exp: inSeconds(3) }) });
      const expired = alice.closed();
      alice.provider.params['token'] = await app.token();
      alice.text.insert(0, 'before|');
      assert.equal((await expired)?.code, 4501);
      alice.text.insert(alice.text.length, 'between|');
      await alice.synced();
      const bob = await scene.joined({ origin: app.origin });
      await bob.hasText('before|between|');
      assert.deepEqual(alice.stops, []);
    });

    test('TK6: a provider that keeps its stale token is told for good', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const token = await app.token({ exp: inSeconds(2) });
      const alice = scene.join({ origin: app.origin, token, browser: true });
      assert.equal((await alice.stopped()).code, 4401);
    });

    test('TK7: after a rotation both secrets are good, until the overlap ends', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const withOld = await scene.rawSettled({ origin: null, token: await app.token() });
      const rotated = await scene.admin.expect(201, 'POST', `${app.path}/secrets`, { overlap_seconds: 3 });
      assert.equal(rotated.id, 2);
      assert.notEqual(rotated.secret, app.secret);
      await scene.rawSettled({ origin: null, token: await app.token() });
      const withNew = await scene.rawSettled({ origin: null, token: await app.token({}, rotated.secret) });

      const { code } = await withOld.closed();

      assert.equal(code, 4401);
      await withNew.settle();
      assert.equal((await scene.raw({ origin: null, token: await app.token() }).refused()).status, 401);
    });

    test('TK7: a rotation keeps the earlier secrets for a day unless it says otherwise', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      await scene.admin.expect(201, 'POST', `${app.path}/secrets`, {});
      const { secrets } = await scene.admin.expect(200, 'GET', app.path);
      const [first, second] = secrets;
      assert.deepEqual([first.id, second.id, second.expires_at], [1, 2, null]);
      assert.ok(Math.abs(first.expires_at - Date.now() - 86_400_000) < 60_000);
      await scene.admin.refuses(400, 'bad_request', 'POST', `${app.path}/secrets`, { overlap_seconds: -1 });
      await scene.admin.refuses(404, 'no_such_app', 'POST', '/api/apps/nobody/secrets', {});
    });

    test('TK7: a secret that is revoked ends at once what it let in, and nothing else', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const { secret } = await scene.admin.expect(201, 'POST', `${app.path}/secrets`, {});
      const leaked = await scene.joined({ origin: app.origin, token: await app.token(), browser: true });
      const good = await scene.rawSettled({ origin: null, token: await app.token({}, secret) });
      const withMaster = await scene.rawSettled({ origin: app.origin });

      const changed = await scene.admin.expect(200, 'DELETE', `${app.path}/secrets/1`);

      assert.deepEqual(changed.secrets.map((/** @type {any} */ one) => one.id), [2]);
      assert.equal((await leaked.stopped()).code, 4401);
      await good.settle();
      await withMaster.settle();
      assert.equal((await scene.raw({ origin: null, token: await app.token() }).refused()).status, 401);
      await scene.admin.refuses(404, 'no_such_secret', 'DELETE', `${app.path}/secrets/1`);
      await scene.admin.refuses(404, 'no_such_secret', 'DELETE', `${app.path}/secrets/99`);
    });

    test('TK7: an app has at most 8 secrets at a time', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      for (let id = 2; id <= 8; id += 1) await scene.admin.expect(201, 'POST', `${app.path}/secrets`, {});
      await scene.admin.refuses(409, 'too_many_secrets', 'POST', `${app.path}/secrets`, {});
      await scene.admin.expect(200, 'DELETE', `${app.path}/secrets/3`);
      const { id } = await scene.admin.expect(201, 'POST', `${app.path}/secrets`, {});
      assert.equal(id, 9);
    });

    test('TK8: an app that requires app tokens lets nobody in with the master token', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app({ require_app_token: true });
      assert.equal((await scene.raw({ origin: app.origin }).refused()).status, 401);
      const page = scene.join({ origin: app.origin, browser: true });
      assert.equal((await page.stopped()).code, 4401);
      await scene.rawSettled({ origin: app.origin, token: await app.token() });
    });

    test('TK9: a token of scope admin sees its own app and makes tokens for it, and no more', { needs: ['apps'] }, async (scene) => {
      const [app, other] = [await scene.app(), await scene.app()];
      const admin = Api.withToken(scene.server.http, await app.token({ scope: 'admin' }));
      assert.equal((await admin.expect(200, 'GET', app.path)).app_id, app.id);
      const token = await issued(admin, app, { aud: scene.room, scope: 'read' });
      await scene.rawSettled({ origin: null, token });
      const writes = await scene.rawSettled({ origin: null, token: await app.token({ scope: 'admin' }) });
      writes.send(update(edit('an admin writes, too')));
      assert.deepEqual((await writes.settle()).before, []);

      /** @type {Array<[method: string, path: string, body?: unknown]>} */
      const forbidden = [
        ['GET', '/api/apps'],
        ['POST', '/api/apps', { app_id: 'mine', name: 'Mine', allowed_origins: ['https://mine.example'] }],
        ['PATCH', app.path, { name: 'Mine' }],
        ['DELETE', `${app.path}?confirm=${app.id}`],
        ['POST', `${app.path}/secrets`, {}],
        ['DELETE', `${app.path}/secrets/1`],
        ['GET', other.path],
        ['POST', `${other.path}/tokens`, { sub: 'x', aud: '*' }],
        ['GET', '/api/settings'],
        ['PATCH', '/api/settings', {}],
        ['GET', '/api/link'],
        ['POST', '/api/link'],
      ];
      for (const [method, path, body] of forbidden) await admin.refuses(403, 'forbidden', method, path, body);
      for (const scope of ['read', 'write']) {
        const user = Api.withToken(scene.server.http, await app.token({ scope }));
        await user.refuses(403, 'forbidden', 'GET', app.path);
        await user.refuses(403, 'forbidden', 'POST', `${app.path}/tokens`, { sub: 'x', aud: '*' });
      }
    });
  },
  { concurrency: true, once: true },
);
