// @ts-check
/** The owner's own tokens, made anew. */
import assert from 'node:assert/strict';
import { Api } from '../lib/api.js';
import { suite } from '../lib/suite.js';

suite(
  'Credentials',
  (test) => {
    // The only one: afterwards the shared server knows none of the tokens that tests have.
    test('OP8: the owner and the admin can have the tokens made anew, which ends the earlier ones', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const alice = await scene.joined({ origin: app.origin });
      const withAppToken = await scene.rawSettled({ origin: null, token: await app.token() });
      const owner = await scene.owner();

      const { master_token: master, ...rest } = await owner.expect(201, 'POST', '/api/credentials', { renew: 'master' });

      assert.deepEqual(rest, {});
      assert.equal((await alice.stopped()).code, 4401);
      assert.equal((await scene.raw({ origin: app.origin }).refused()).status, 401);
      await scene.rawSettled({ origin: app.origin, token: master });
      await withAppToken.settle();

      const { admin_token: admin } = await scene.admin.expect(201, 'POST', '/api/credentials', { renew: 'admin' });
      await scene.admin.refuses(401, 'unauthorized', 'GET', '/api/apps');
      const withNew = Api.withToken(scene.server.http, admin);
      await withNew.expect(200, 'GET', '/api/apps');

      for (const body of [{}, { renew: 'everything' }, { renew: 'master', surprise: 1 }]) {
        await withNew.refuses(400, 'bad_request', 'POST', '/api/credentials', body);
      }
      const ofApp = Api.withToken(scene.server.http, await app.token({ scope: 'admin' }));
      await ofApp.refuses(403, 'forbidden', 'POST', '/api/credentials', { renew: 'admin' });
      await Api.withToken(scene.server.http, master).refuses(403, 'forbidden', 'POST', '/api/credentials', { renew: 'admin' });
    });
  },
  { once: true },
);
