// @ts-check
/** Who gets into a store: its paths, and where the token stands. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { exchange } from '../lib/http.js';
import { askForToken, FORBIDDEN, knock, LET_IN, outcome, UNAUTHORIZED } from '../lib/sds/access.js';
import { patch } from '../lib/sds/frames.js';
import { Member } from '../lib/sds/member.js';
import { openStores, Store } from '../lib/sds/store.js';
import { storeToken } from '../lib/sds/tokens.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

suite('Stores: access', (test) => {
  test('SD19: without a secret stores are closed, and it is said how to open them', { needs: ['apps'] }, async (scene) => {
    await scene.ownServer();
    const store = new Store(scene);
    for (const path of ['ws', 'signal']) {
      const { status, text } = await knock(scene, `/${path}/${store.name}?token=${store.token()}`);
      assert.equal(status, 503, text);
      assert.match(text, /secret/i);
    }
    const { status, text } = await askForToken(scene, storeToken(store.name, { scope: 'admin' }));
    assert.equal(status, 503, text);
    assert.match(text, /secret/i);
  });

  test('SD1: a store is one segment of the path, percent-decoded', { needs: ['apps'] }, async (scene) => {
    await openStores(scene);
    const own = randomUUID();
    /** @type {Array<[segment: string, name: string]>} */
    const names = [
      ['plain', 'plain'],
      ['a%2Fb', 'a/b'],
      ['a+b', 'a+b'],
      ['a%20b', 'a b'],
      ['%C3%A4', 'ä'],
      ['%F0%9F%98%80', '😀'],
      ['%E4', '%E4'],
      ['%E4%20', '%E4%20'],
    ['%E4x%20y', '%E4x y'],
      ['100%', '100%'],
      ['%zz', '%zz'],
      ['%3F%23%25', '?#%'],
      ['a.b~c-d_e', 'a.b~c-d_e'],
      ['x'.repeat(300), 'x'.repeat(300)],
    ];
    for (const [segment, name] of names) {
      const token = storeToken(own + name);
      const [one, other] = ['one', 'other'].map(() => member(scene, `/ws/${own}${segment}?token=${token}`));
      assert.ok(one !== undefined && other !== undefined);
      await Promise.all([one.open(), other.open()]);
      one.send(patch(name));
      assert.deepEqual(await other.take(1), [patch(name)], segment);
    }
    const long = 'x'.repeat(1_025);
    assert.equal((await knock(scene, `/ws/${long}?token=${storeToken(long)}`)).status, 400);
    const wrongCase = member(scene, `/ws/${own}Plain?token=${storeToken(`${own}plain`)}`);
    assert.deepEqual(await wrongCase.closed(), FORBIDDEN);
  });

  test('SD1: what is no path of a store is not found', { needs: ['apps'] }, async (scene) => {
    await openStores(scene);
    const token = storeToken('a');
    for (const path of ['/ws/', '/ws', '/ws/a/', '/ws/a/b', '/signal/', '/signal/a/b']) {
      const { status, text } = await knock(scene, `${path}?token=${token}`);
      assert.equal(status, 404, `${path}: ${text}`);
    }
    for (const path of ['/ws/a', '/signal/a', '/ws/a/b']) {
      const { status, text, headers } = await exchange(`${scene.server.http}${path}?token=${token}`);
      assert.deepEqual([status, text], [404, '404 Not Found'], path);
      assert.match(headers['content-type'] ?? '', /^text\/plain/i);
    }
  });

  for (const path of ['ws', 'signal']) {
    test(`SD2: /${path} lets everybody in, and closes who has no right to it`, { needs: ['apps'] }, async (scene) => {
      await openStores(scene, { persist: false });
      const store = new Store(scene);
      const good = store.token();
      const other = storeToken('another');
      const encoded = encodeURIComponent;
      /** @type {Array<[query: string, wanted: typeof LET_IN | typeof FORBIDDEN]>} */
      const queries = [
        [`?token=${good}`, LET_IN],
        [`?x=1&token=${good}&y`, LET_IN],
        [`?token=${good}&token=${other}`, LET_IN],
        [`?token=${encoded(good).replaceAll('.', '%2E')}`, LET_IN],
        [`?token=${other}`, FORBIDDEN],
        [`?token=${storeToken('another', { scope: 'admin' })}`, FORBIDDEN],
        [`?token=${storeToken(store.name.toUpperCase())}`, FORBIDDEN],
        ['', UNAUTHORIZED],
        ['?token=', UNAUTHORIZED],
        [`?token=&token=${good}`, UNAUTHORIZED],
        [`?Token=${good}`, UNAUTHORIZED],
      ];
      for (const [query, wanted] of queries) {
        assert.deepEqual(await outcome(store, { path, query }), wanted, query);
      }
      const headers = { Authorization: `Bearer ${good}` };
      assert.deepEqual(await outcome(store, { path, query: '', headers }), UNAUTHORIZED, 'the header does not count');
    });
  }
});

/**
 * A socket at a path that is sent as it stands here.
 *
 * @param {Scene} scene
 * @param {string} path
 */
function member(scene, path) {
  const found = new Member(scene.server.ws, {
    finishRequest: (request) => {
      request.path = path;
      request.end();
    },
  });
  scene.cleanups.push(() => found.terminate());
  return found;
}
