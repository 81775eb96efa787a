// @ts-check
/** Edits made without a connection, and connections that come and go. */
import assert from 'node:assert/strict';
import { suite } from '../lib/suite.js';

/**
 * Until both have the same text, which holds all the given pieces.
 *
 * @param {import('../lib/client.js').Client[]} clients
 * @param {string[]} pieces
 */
async function converge(clients, pieces) {
  const length = pieces.join('').length;
  for (const client of clients) {
    await client.has(
      () => client.text.length === length && pieces.every((piece) => client.text.toString().includes(piece)),
      () => `${JSON.stringify(pieces)}, have ${JSON.stringify(client.text.toString())}`,
    );
  }
  const texts = new Set(clients.map((client) => client.text.toString()));
  assert.equal(texts.size, 1, [...texts].join(' / '));
}

suite('Offline', (test) => {
  test('edits made offline on both sides merge after the reconnect', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.text.insert(0, 'base|');
    await bob.hasText('base|');

    alice.provider.disconnect();
    bob.provider.disconnect();
    alice.text.insert(0, 'Alice offline|');
    bob.text.insert(bob.text.length, 'Bob offline|');
    alice.provider.connect();
    bob.provider.connect();

    await converge([alice, bob], ['base|', 'Alice offline|', 'Bob offline|']);
  });

  test('deletions made offline merge after the reconnect', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.text.insert(0, '0123456789');
    await bob.hasText('0123456789');
    alice.provider.disconnect();
    bob.provider.disconnect();
    alice.text.delete(0, 3);
    bob.text.delete(7, 3);
    alice.provider.connect();
    bob.provider.connect();
    await alice.hasText('3456');
    await bob.hasText('3456');
  });

  test('a document begun offline by two clients holds the work of both', {}, async (scene) => {
    const alice = scene.join();
    const bob = scene.join();
    alice.text.insert(0, 'Alice first|');
    bob.text.insert(0, 'Bob first|');
    await converge([alice, bob], ['Alice first|', 'Bob first|']);
  });

  test('a connection that breaks while typing loses nothing', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    for (let round = 0; round < 5; round += 1) {
      alice.text.insert(alice.text.length, `before ${round}|`);
      alice.socket.terminate();
      alice.text.insert(alice.text.length, `after ${round}|`);
      await alice.closed();
      await alice.synced();
    }
    await bob.hasText(alice.text.toString());
  });

  test('a client that missed edits while away gets them on its return', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    bob.provider.disconnect();
    for (let i = 0; i < 300; i += 1) alice.text.insert(0, `${i} `);
    bob.provider.connect();
    await bob.hasText(alice.text.toString());
  });
});
