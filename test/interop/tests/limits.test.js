// @ts-check
/** Limits: who reaches one is told so, and nobody else notices. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as Y from 'yjs';
import { edit, textOf } from '../lib/edits.js';
import { knocks } from '../lib/knocks.js';
import { awareness, update } from '../lib/raw.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

/**
 * An app with these limits, somebody in its room, and somebody in another app's.
 *
 * @param {Scene} scene
 * @param {Record<string, number>} limits
 */
async function limited(scene, limits) {
  const [app, other] = [await scene.app({ limits }), await scene.app()];
  const mate = await scene.rawSettled({ origin: app.origin });
  const stranger = await scene.rawSettled({ origin: other.origin });
  /** That neither has noticed anything. */
  const unharmed = async () => {
    for (const bystander of [mate, stranger]) assert.deepEqual((await bystander.settle()).before, []);
    stranger.send(update(edit('goes on')));
    assert.equal(textOf((await stranger.settle()).state), 'goes on');
  };
  return { app, other, unharmed };
}

/**
 * The updates of somebody who types words one after the other.
 *
 * @param {string[]} words
 */
function typed(words) {
  const doc = new Y.Doc();
  /** @type {Uint8Array[]} */
  const updates = [];
  doc.on('update', (/** @type {Uint8Array} */ bytes) => updates.push(bytes));
  for (const word of words) doc.getText('text').insert(doc.getText('text').length, word);
  return updates;
}

/**
 * A flood from one client: all of it arrives, in order, and later than what somebody else sends
 * after it.
 *
 * @param {Scene} scene
 * @param {Record<string, number>} limits
 * @param {string[]} words
 */
async function floods(scene, limits, words) {
  const { app, unharmed } = await limited(scene, limits);
  const room = `${scene.room}-flood`;
  const reader = await scene.rawSettled({ origin: app.origin, room });
  const flooding = await scene.rawSettled({ origin: app.origin, room });
  const other = await scene.rawSettled({ origin: app.origin, room });
  const flood = typed(words);
  for (const bytes of flood) flooding.send(update(bytes));
  const quick = edit('quick');
  other.send(update(quick));

  /** @type {Uint8Array[]} */
  const arrived = [];
  while (arrived.length <= flood.length) arrived.push(await reader.nextOf('update'));

  assert.ok(arrived.findIndex((bytes) => Buffer.compare(bytes, quick) === 0) < flood.length, 'the flood is slowed');
  assert.deepEqual(
    arrived.filter((bytes) => Buffer.compare(bytes, quick) !== 0),
    flood,
  );
  await unharmed();
}

suite(
  'Limits',
  (test) => {
    test('LI1: one connection too many of an app gets 429, or is closed with 1013 and comes back', { needs: ['apps'] }, async (scene) => {
      const [app, other] = [await scene.app({ limits: { connections: 2 } }), await scene.app()];
      const first = await scene.rawSettled({ origin: app.origin });
      const second = await scene.rawSettled({ origin: app.origin, room: `${scene.room}-2` });
      const { status, code } = await scene.raw({ origin: app.origin }).refused();
      assert.deepEqual([status, code], [429, 'too_many_connections']);
      const page = scene.join({ origin: app.origin, browser: true });
      assert.equal((await page.closed())?.code, 1013);
      await scene.rawSettled({ origin: other.origin });
      await second.settle();

      first.terminate();

      await page.synced();
      assert.deepEqual(page.stops, []);
    });

    test('LI2: one room too many of an app gets 503, or is closed with 1013', { needs: ['apps'] }, async (scene) => {
      const { app, unharmed } = await limited(scene, { rooms: 1 });
      const room = `${scene.room}-2`;
      const { status, code } = await scene.raw({ origin: app.origin, room }).refused();
      assert.deepEqual([status, code], [503, 'too_many_rooms']);
      const page = scene.join({ origin: app.origin, room, browser: true });
      assert.equal((await page.closed())?.code, 1013);
      await scene.rawSettled({ origin: app.origin });
      await unharmed();
    });

    test('LI3: a message over the limit of its app closes its sender with 4413', { needs: ['apps'] }, async (scene) => {
      const { app, other, unharmed } = await limited(scene, { message_bytes: 1_000 });
      const sender = await scene.rawSettled({ origin: app.origin });
      const large = update(edit('x'.repeat(2_000)));
      sender.send(large);
      assert.equal((await sender.closed()).code, 4413);
      await unharmed();
      const elsewhere = await scene.rawSettled({ origin: other.origin, room: `${scene.room}-2` });
      elsewhere.send(large);
      await elsewhere.settle();
    });

    test('LI4: an edit that would make a document too large closes its writer with 4413', { needs: ['apps'] }, async (scene) => {
      const { app, unharmed } = await limited(scene, { document_bytes: 10_000 });
      const room = `${scene.room}-large`;
      const writer = await scene.rawSettled({ origin: app.origin, room });
      writer.send(update(edit('x'.repeat(6_000))));
      await writer.settle();
      writer.send(update(edit('y'.repeat(6_000))));
      assert.equal((await writer.closed()).code, 4413);
      const reader = await scene.rawSettled({ origin: app.origin, room });
      assert.equal(textOf((await reader.settle()).state), 'x'.repeat(6_000));
      await unharmed();
    });

    test('LI4: a document of more than half of its limit goes on to be edited', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app({ limits: { document_bytes: 1_000_000 } });
      const writer = await scene.joined({ origin: app.origin });
      const reader = await scene.joined({ origin: app.origin });
      for (let key = 0; key < 14; key += 1) writer.map.set(`key ${key}`, randomBytes(25_000).toString('hex'));
      for (let round = 0; round < 10; round += 1) {
        const value = randomBytes(25_000).toString('hex');
        writer.map.set('key 0', value);
        await reader.has(
          () => reader.map.get('key 0') === value,
          () => `value ${round}; stopped with ${JSON.stringify(writer.stops)}`,
        );
      }
    });

    test('LI5: one user too many in a room closes who announces it with 4413', { needs: ['apps'] }, async (scene) => {
      const { app, unharmed } = await limited(scene, { awareness_states: 2 });
      const room = `${scene.room}-full`;
      const mate = await scene.rawSettled({ origin: app.origin, room });
      mate.send(awareness([{ id: 1, clock: 1, state: {} }, { id: 2, clock: 1, state: {} }]));
      await mate.nextOf('awareness');
      const sender = await scene.rawSettled({ origin: app.origin, room });
      sender.send(awareness([{ id: 3, clock: 1, state: {} }]));
      assert.equal((await sender.closed()).code, 4413);
      assert.deepEqual((await mate.settle()).before, []);
      await unharmed();
    });

    test('LI6: an awareness state over the limit closes its sender with 4413', { needs: ['apps'] }, async (scene) => {
      const { app, unharmed } = await limited(scene, { awareness_state_bytes: 100 });
      const sender = await scene.rawSettled({ origin: app.origin });
      sender.send(awareness([{ id: 1, clock: 1, state: { name: 'x'.repeat(100) } }]));
      assert.equal((await sender.closed()).code, 4413);
      await unharmed();
    });

    test('LI7: who sends too many messages is read more slowly, and loses none', { needs: ['apps'] }, async (scene) => {
      const words = Array.from({ length: 260 }, (_, word) => `${word} `);
      await floods(scene, { messages_per_second: 20 }, words);
    });

    test('LI7: who sends too many bytes is read more slowly, and loses none', { needs: ['apps'] }, async (scene) => {
      const words = Array.from({ length: 130 }, (_, word) => String(word).padEnd(1_000, '.'));
      await floods(scene, { bytes_per_second: 10_000 }, words);
    });

    test('LI8: a limit may be changed at any time, and null gives it back', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app({ limits: { connections: 1 } });
      await scene.rawSettled({ origin: app.origin });
      assert.equal((await scene.raw({ origin: app.origin }).refused()).status, 429);
      const { limits } = await scene.admin.expect(200, 'PATCH', app.path, { limits: { connections: 2 } });
      assert.deepEqual(limits, { connections: 2 });
      await scene.rawSettled({ origin: app.origin });
      assert.equal((await scene.raw({ origin: app.origin }).refused()).status, 429);
      await scene.admin.expect(200, 'PATCH', app.path, { limits: null });
      await scene.rawSettled({ origin: app.origin });
    });

    test('LI9: the limits of the whole server hold for all apps together', { needs: ['apps'], within: 60_000 }, async (scene) => {
      await scene.ownServer();
      const [one, other] = [await scene.app(), await scene.app({ limits: { connections: 5 } })];
      const limits = { total_connections: 3, total_rooms: 2, connections: 1 };
      const settings = await scene.admin.expect(200, 'PATCH', '/api/settings', { limits });
      for (const [name, value] of Object.entries(limits)) assert.equal(settings.limits[name], value);
      await scene.rawSettled({ origin: one.origin });
      const byDefault = await scene.raw({ origin: one.origin }).refused();
      assert.deepEqual([byDefault.status, byDefault.code], [429, 'too_many_connections']);
      await scene.rawSettled({ origin: other.origin });
      const rooms = scene.raw({ origin: other.origin, room: `${scene.room}-2` });
      assert.equal((await rooms.refused()).status, 503);
      await scene.rawSettled({ origin: other.origin });
      const page = scene.join({ origin: other.origin, browser: true });
      assert.equal((await page.closed())?.code, 1013);
      assert.equal((await scene.raw({ origin: other.origin }).refused()).status, 503);
      await scene.admin.refuses(400, 'invalid_limit', 'PATCH', '/api/settings', { limits: { total_rooms: 0 } });
    });

    test('LI10: one address may only shake hands so often; a trusted proxy says whose it is', { needs: ['apps'] }, async (scene) => {
      const greedy = await knocks(scene.server, Array.from({ length: 150 }, () => '203.0.113.7'));
      const refused = greedy.filter(({ status }) => status === 429);
      assert.ok(refused.length > 0, 'some are refused');
      assert.ok(greedy.length - refused.length >= 60, 'the burst is let through');
      for (const { headers } of refused) assert.match(headers['retry-after'] ?? '', /^\d+$/);

      const claimed = await knocks(scene.server, Array.from({ length: 50 }, (_, n) => `198.51.100.${n}, 203.0.113.7`));
      assert.ok(claimed.some(({ status }) => status === 429), 'what the client itself says is not believed');
      const [neighbour, local] = await knocks(scene.server, ['203.0.113.7, 203.0.113.8', '127.0.0.1']);
      assert.deepEqual([neighbour?.status, local?.status], [401, 401]);

      const block = await knocks(scene.server, Array.from({ length: 150 }, (_, n) => `2001:db8:1:2::${n.toString(16)}`));
      assert.ok(block.some(({ status }) => status === 429), 'an IPv6 network counts as one');
      const [nextBlock] = await knocks(scene.server, ['2001:db8:1:3::1']);
      assert.equal(nextBlock?.status, 401);
    });
  },
  {
    concurrency: true,
    once: true,
    server: { gateway: ['--trusted-proxy', '127.0.0.0/8', '--handshakes-per-minute', '60'] },
  },
);
