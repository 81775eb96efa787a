// @ts-check
/** The largest that a store has to keep. */
import assert from 'node:assert/strict';
import { chunk, HASH, hashOf, numbered, patch, presence, request, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { everythingIsStored, openStores, Store } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

const MIB = 1024 * 1024;
const WITHIN = 120_000;

/**
 * A store on a server of its own, whose writer may send as fast as it can.
 *
 * @param {import('../lib/suite.js').Scene} scene
 * @param {boolean} [persist]
 */
async function unhurried(scene, persist = true) {
  await scene.ownServer();
  await openStores(scene, { persist });
  await scene.admin.expect(200, 'PATCH', '/api/settings', { limits: { bytes_per_second: 0xffff_ffff } });
  const store = new Store(scene);
  return { store, writer: await store.join() };
}

/**
 * That what came is what was sent, without printing either.
 *
 * @param {import('../lib/sds/member.js').Message | undefined} got
 * @param {Buffer} wanted
 */
function isSame(got, wanted) {
  assert.ok(got !== undefined && wanted.equals(Buffer.from(got)), `${got?.length} bytes in place of ${wanted.length}`);
}

suite('Stores: large values', (test) => {
  test('SD9: a value of 100 MiB is kept, in one message and in chunks', { needs: ['apps'], within: WITHIN }, async (scene) => {
    const { store, writer } = await unhurried(scene);
    const reader = await store.join({ scope: 'read' });
    const bytes = Buffer.alloc(100 * MIB - 1 - HASH, 'k');
    const whole = value(hashOf('whole'), bytes);
    writer.send(whole, patch('behind it'));
    const relayed = await reader.take(2, WITHIN);
    isSame(relayed[0], whole);
    await everythingIsStored(scene.server);

    const parts = Math.ceil(bytes.length / MIB);
    for (let index = 0; index < parts; index += 1) {
      writer.send(chunk(hashOf('parts'), index, parts, bytes.subarray(index * MIB, (index + 1) * MIB)));
      await reader.take(1);
    }
    await everythingIsStored(scene.server);
    writer.send(presence({ still: 'here' }));
    await reader.takeUntil(presence({ still: 'here' }));
    assert.equal(writer.end, null);

    await scene.server.kill();
    await scene.server.start();
    const late = await store.join({ scope: 'read' });
    const kept = await late.take(3, WITHIN);
    isSame(kept[0], whole);
    isSame(kept[1], value(hashOf('parts'), bytes));
    isSame(kept[2], patch('behind it'));
  });

  test('SD12: large values whose hashes begin alike are all handed out', { needs: ['apps'], within: WITHIN }, async (scene) => {
    const { store, writer } = await unhurried(scene);
    const asking = await store.join({ scope: 'read' });
    const values = [1, 2, 3, 4].map((number) => value(hashOf('alike').fill(number, 20), Buffer.alloc(20 * MIB, number)));
    for (const bytes of values) {
      writer.send(bytes);
      isSame((await asking.take(1, WITHIN))[0], bytes);
      await everythingIsStored(scene.server);
    }
    asking.send(request(hashOf('alike').subarray(0, 20)));
    const found = await asking.take(values.length, WITHIN);
    const numberOf = (/** @type {import('../lib/sds/member.js').Message} */ message) => Buffer.from(message).at(-1);
    assert.deepEqual(found.map(numberOf).toSorted(), [1, 2, 3, 4]);
    assert.ok(found.every(({ length }) => length === values[0]?.length));
  });

  for (const persist of [false, true]) {
    const how = persist ? 'persistent' : 'relayed only';
    test(`SD15: what follows a large value reaches whoever reads, ${how}`, { needs: ['apps'], within: WITHIN }, async (scene) => {
      const { store } = await unhurried(scene, persist);
      const [writer, reader] = [await store.join(), await store.join({ scope: 'read' })];
      for (let round = 0; round < 5; round += 1) {
        const large = value(hashOf(`in round ${round}`), Buffer.alloc(20 * MIB, round));
        const small = numbered(`in round ${round}`, 100);
        writer.send(large, ...small);
        const [first, ...rest] = await reader.take(1 + small.length, WITHIN);
        isSame(first, large);
        assert.deepEqual(readable(rest), readable(small));
      }
    });
  }
});
