// @ts-check
/** The link between process and gateway, as its operator has to do with it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { on } from '../lib/client.js';
import { exchange } from '../lib/http.js';
import { suite } from '../lib/suite.js';
import { eventually } from '../lib/wait.js';

/** @typedef {import('../lib/server.js').Server} Server */

/** Clients come back by themselves within their back-off, which grows to 2.5 s. */
const BACK_WITHIN = 30_000;

/** @param {Server} server */
async function linkKey(server) {
  const key = await readFile(join(server.dataDir, 'vfs', 'kraken:template.os', 'link', 'key'), 'utf8');
  return key.trim();
}

/**
 * @param {import('../lib/client.js').Client} client
 * @param {number} code
 */
async function comesBackAfter(client, code) {
  /** @type {number[]} */
  const codes = [];
  on(client.provider, 'connection-close', (event) => codes.push(event?.code));
  let syncs = 0;
  await eventually({
    subscribe: (look) =>
      on(client.provider, 'sync', (synced) => {
        if (synced) syncs += 1;
        look();
      }),
    check: () => codes.includes(code) && syncs > 0,
    describe: () => `being closed with ${code} and back in sync, closed with ${codes}`,
    within: BACK_WITHIN,
  });
}

suite('Link', (test, mode) => {
  test('OP4: a new link key resets the gateway, which comes back with it', { needs: ['apps'] }, async (scene) => {
    const { server } = scene;
    const before = await scene.admin.expect(200, 'GET', '/api/link');
    assert.deepEqual(before, { key: await linkKey(server), connected: true });
    const alice = await scene.joined();
    alice.text.insert(0, 'before|');
    const owner = await scene.owner();
    const back = comesBackAfter(alice, 1012);

    const { key } = await owner.expect(200, 'POST', '/api/link');
    alice.text.insert(alice.text.length, 'after|');

    await back;
    assert.notEqual(key, before.key);
    assert.equal(await linkKey(server), key);
    assert.deepEqual(await owner.expect(200, 'GET', '/api/link'), { key, connected: true });
    const bob = scene.join();
    await bob.hasText('before|after|');
  });

  // The last one: it takes the shared server down.
  if (mode.name.includes('sidecar')) {
    test('OP2: without the process the gateway says 503', { needs: ['apps'] }, async (scene) => {
      const { server } = scene;
      const client = await scene.rawSettled();
      await server.parts[0]?.end('SIGKILL');
      assert.equal((await client.closed()).code, 1012);
      assert.equal((await exchange(`${server.http}/health`)).status, 503);
    });
  }
});
