// @ts-check
/** Tokens that end while their bearers are there: by their time, and by the owner. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Api, inSeconds } from '../lib/api.js';
import { askForToken, UNAUTHORIZED } from '../lib/sds/access.js';
import { patch } from '../lib/sds/frames.js';
import { openStores, Store } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

/**
 * @param {Scene} scene
 * @param {Record<string, unknown>} entry
 */
async function revoke(scene, entry) {
  return await scene.admin.expect(201, 'POST', '/api/revocations', entry);
}

suite(
  'Stores: the end of tokens',
  (test) => {
    test('SD4: who is in is closed when the token expires', { needs: ['apps'] }, async (scene) => {
      await openStores(scene);
      const store = new Store(scene);
      const exp = inSeconds(2);
      const [brief, signaller, other] = [await store.join({ exp }), await store.join({ exp }, { path: 'signal' }), await store.join()];
      assert.deepEqual(await brief.closed(), UNAUTHORIZED);
      assert.deepEqual(await signaller.closed(), UNAUTHORIZED);
      assert.ok(Date.now() >= exp * 1_000, 'not before it is over');
      assert.equal(other.end, null);
    });

    test('SD23: a token is revoked by its id, at once and for as long as it is said', { needs: ['apps'] }, async (scene) => {
      await openStores(scene);
      const store = new Store(scene);
      const jti = randomUUID();
      const [revoked, signaller] = [await store.join({ jti }), await store.join({ jti }, { path: 'signal' })];
      const others = [await store.join({ jti: randomUUID() }), await store.join()];
      const entry = await revoke(scene, { jti });
      assert.deepEqual(Object.keys(entry).toSorted(), ['created', 'id', 'jti']);
      assert.deepEqual(await revoked.closed(), UNAUTHORIZED);
      assert.deepEqual(await signaller.closed(), UNAUTHORIZED);
      assert.deepEqual(await store.socket({ token: store.token({ jti }) }).closed(), UNAUTHORIZED);
      assert.equal((await askForToken(scene, store.token({ jti, scope: 'admin' }))).status, 401);

      const { revocations } = await scene.admin.expect(200, 'GET', '/api/revocations');
      assert.ok(revocations.some((/** @type {{ id: number, jti?: string }} */ { id, jti: listed }) => id === entry.id && listed === jti));
      await scene.admin.expect(200, 'DELETE', `/api/revocations/${entry.id}`);
      await scene.admin.refuses(404, 'no_such_revocation', 'DELETE', `/api/revocations/${entry.id}`);
      const back = await store.join({ jti });
      back.send(patch('back'));
      for (const other of others) assert.deepEqual(await other.take(1), [patch('back')]);
    });

    test('SD23: a user is revoked with all tokens, or with those made before a time', { needs: ['apps'] }, async (scene) => {
      await openStores(scene);
      const store = new Store(scene);
      const sub = `user-${randomUUID()}`;
      const [one, other] = [await store.join({ sub }), await store.join({ sub, scope: 'read' })];
      const stranger = await store.join();
      const { id } = await revoke(scene, { sub });
      assert.deepEqual(await one.closed(), UNAUTHORIZED);
      assert.deepEqual(await other.closed(), UNAUTHORIZED);
      assert.deepEqual(await store.socket({ token: store.token({ sub }) }).closed(), UNAUTHORIZED);
      await scene.admin.expect(200, 'DELETE', `/api/revocations/${id}`);

      const now = inSeconds(0);
      const [early, late] = [await store.join({ sub, iat: now - 60 }), await store.join({ sub, iat: now })];
      const entry = await revoke(scene, { sub, issued_before: now - 10 });
      assert.equal(entry.issued_before, now - 10);
      assert.deepEqual(await early.closed(), UNAUTHORIZED);
      late.send(patch('still here'));
      assert.deepEqual(await stranger.take(1), [patch('still here')]);
      assert.deepEqual(await store.socket({ token: store.token({ sub, iat: now - 11 }) }).closed(), UNAUTHORIZED);
      assert.deepEqual(await store.socket({ token: store.token({ sub }) }).closed(), UNAUTHORIZED, 'without a time it may be any');
      await store.join({ sub, iat: now - 9 }).then((member) => member.terminate());
    });

    test('SD23: revocations are for the admin, and for what there is', { needs: ['apps'] }, async (scene) => {
      await openStores(scene);
      const nobody = new Api(scene.server.http, {});
      for (const path of ['/api/revocations', '/api/stores', '/api/rooms']) {
        await nobody.refuses(401, 'unauthorized', 'GET', path);
        const client = Api.withToken(scene.server.http, new Store(scene).token({ scope: 'admin' }));
        const { status } = await client.call('GET', path);
        assert.ok(status === 401 || status === 403, `${path} with a token of a store: ${status}`);
      }
      for (const wrong of [{}, { jti: 7 }, { jti: 'a', sub: 'b' }, { sub: 'a', issued_before: 'now' }, { jti: 'a', surprise: 1 }, 'no JSON']) {
        await scene.admin.refuses(400, 'bad_request', 'POST', '/api/revocations', wrong);
      }
      await scene.admin.refuses(404, 'no_such_revocation', 'DELETE', '/api/revocations/999999');
    });

    test('SD23: revocations survive a restart', { needs: ['apps'], within: 60_000 }, async (scene) => {
      const server = await scene.ownServer();
      await openStores(scene);
      const store = new Store(scene);
      await revoke(scene, { sub: 'mallory' });
      await server.stop();
      await server.start();
      assert.deepEqual(await store.socket({ token: store.token({ sub: 'mallory' }) }).closed(), UNAUTHORIZED);
      await store.contents();
    });
  },
  { concurrency: true },
);
