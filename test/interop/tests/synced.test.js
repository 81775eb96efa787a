// @ts-check
/** What "synced" promises: at that moment the whole document is there. */
import assert from 'node:assert/strict';
import { on } from '../lib/client.js';
import { suite } from '../lib/suite.js';

/**
 * The text that a client has at the moment of its first sync event.
 *
 * @param {import('../lib/client.js').Client} client
 */
async function textWhenSynced(client) {
  /** @type {string | null} */
  let text = null;
  const stop = on(client.provider, 'sync', () => {
    text ??= client.text.toString();
  });
  await client.synced();
  stop();
  return text;
}

suite('Synced', (test) => {
  test('a joiner of an open room has all of it when it says synced', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.text.insert(0, 'x'.repeat(10_000));
    await bob.hasText('x'.repeat(10_000));

    assert.equal(await textWhenSynced(scene.join()), 'x'.repeat(10_000));
  });

  test('after a restart a joiner has all of it when it says synced', { needs: ['storage'] }, async (scene) => {
    const server = await scene.ownServer();
    const alice = await scene.joined();
    const bob = await scene.joined();
    const lines = Array.from({ length: 2_000 }, (_, line) => `line ${line}\n`);
    for (const line of lines) alice.text.insert(alice.text.length, line);
    await bob.hasText(lines.join(''));
    alice.destroy();
    bob.destroy();
    await server.stop();
    await server.start();

    const joiners = Array.from({ length: 5 }, () => scene.join());
    const texts = await Promise.all(joiners.map(textWhenSynced));

    for (const text of texts) assert.equal(text, lines.join(''));
  });

  test('an empty room is in sync at once', {}, async (scene) => {
    assert.equal(await textWhenSynced(scene.join()), '');
  });
});
