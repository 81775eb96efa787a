// @ts-check
/** Many clients, large updates, many rooms. */
import assert from 'node:assert/strict';
import * as Y from 'yjs';
import { converged } from '../lib/client.js';
import { keystrokes } from '../lib/edits.js';
import { update } from '../lib/raw.js';
import { suite } from '../lib/suite.js';

const MIB = 1024 * 1024;

suite('Load', (test) => {
  test('an update of 200,000 blocks is taken, and no other room notices', { within: 60_000 }, async (scene) => {
    const bystander = await scene.rawSettled({ room: `${scene.room}-other` });
    const writer = await scene.rawSettled();

    writer.send(update(keystrokes(200_000)));

    const { state } = await writer.settle(30_000);
    assert.deepEqual((await bystander.settle()).before, []);
    const doc = new Y.Doc();
    Y.applyUpdate(doc, state);
    assert.equal(doc.getText('text').length, 200_000);
  });

  test('20 clients at once begin a new room together', { within: 60_000 }, async (scene) => {
    const clients = Array.from({ length: 20 }, () => scene.join());
    for (const [index, client] of clients.entries()) {
      client.map.set(`key ${index}`, index);
      client.text.insert(0, `${index}|`);
    }
    await Promise.all(clients.map((client) => client.synced()));
    for (const client of clients) {
      await client.has(
        () => client.map.size === clients.length,
        () => `${clients.length} keys, have ${client.map.size}`,
      );
    }
    await converged(clients);
    const late = await scene.joined();
    assert.equal(late.map.size, clients.length);
    assert.equal(late.text.toString(), clients[0]?.text.toString());
  });

  test('an update of 5 MiB in one transaction arrives, and in a late joiner too', { within: 60_000 }, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    const text = 'five mebibytes, '.repeat((5 * MIB) / 16);
    alice.text.insert(0, text);
    await bob.hasText(text, 30_000);
    bob.text.insert(0, 'and on: ');
    await alice.hasText(`and on: ${text}`);
    const carol = await scene.joined();
    assert.equal(carol.text.toString() === `and on: ${text}`, true);
  });

  test('a thousand rooms come and go, and the last is as quick as the first', { within: 120_000 }, async (scene) => {
    const rooms = Array.from({ length: 1_000 }, (_, index) => `${scene.room}-${index}`);
    /** @param {string} room */
    const visit = async (room) => {
      const doc = new Y.Doc();
      doc.getText('text').insert(0, room);
      const raw = await scene.rawSettled({ room });
      raw.send(update(Y.encodeStateAsUpdate(doc)));
      const { state } = await raw.settle();
      const theirs = new Y.Doc();
      Y.applyUpdate(theirs, state);
      assert.equal(theirs.getText('text').toString(), room);
      raw.terminate();
    };
    for (let first = 0; first < rooms.length; first += 50) {
      await Promise.all(rooms.slice(first, first + 50).map(visit));
    }
    for (const room of [rooms[0], rooms[499], rooms[999]]) {
      assert.ok(room !== undefined);
      const client = await scene.joined({ room });
      assert.equal(client.text.toString(), room);
    }
  });

  test('a fast writer and a reader: nothing is lost or reordered', { within: 60_000 }, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    for (let i = 0; i < 5_000; i += 1) alice.text.insert(alice.text.length, String.fromCharCode(97 + (i % 26)));
    await bob.hasText(alice.text.toString(), 30_000);
  });
});
