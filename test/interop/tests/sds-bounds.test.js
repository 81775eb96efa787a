// @ts-check
/** Quota, retention, and clients that do not read. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { hashOf, numbered, patch, presence, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { everythingIsStored, openStores, Store } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

/** Patches of 512 KiB each, more of them than waits for anybody who doesn't read. */
function blocks() {
  return Array.from({ length: 64 }, (_, index) => patch(Buffer.alloc(512 * 1_024, index)));
}

suite('Stores: bounds', (test) => {
  test('SD18: a store that has its quota takes no more, and loses nothing', { needs: ['apps'], within: 60_000 }, async (scene) => {
    await scene.ownServer();
    await openStores(scene, { store_bytes: 10_000 });
    const store = new Store(scene);
    const [writer, reader] = [await store.join(), await store.join({ scope: 'read' })];
    const first = patch(randomBytes(6_000));
    writer.send(first);
    await reader.take(1);
    writer.send(patch(randomBytes(6_000)));
    assert.equal((await writer.closed()).code, 4413);
    assert.equal(reader.end, null);
    assert.deepEqual(await store.contents(), readable([first]));
    const other = await new Store(scene).join();
    other.send(first);
    const again = await store.join();
    again.send(presence({ PeerId: 'ann' }));
    await reader.takeUntil(presence({ PeerId: 'ann' }));
    assert.equal(again.end, null, 'what is not kept costs nothing');
    again.send(value(hashOf('v'), randomBytes(6_000)));
    assert.equal((await again.closed()).code, 4413);
    await openStores(scene, { store_bytes: null });
    const free = await store.join();
    free.send(patch(randomBytes(50_000)));
    await reader.take(1);
    assert.equal((await store.contents()).length, 2);
    assert.equal(other.end, null);
  });

  test('SD18: what is older than its days is deleted, and nothing else', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const server = await scene.ownServer();
    await openStores(scene);
    const store = new Store(scene);
    const writer = await store.join();
    for (const frames of [[patch('old'), value(hashOf('old'), 'old')], [patch('young'), value(hashOf('young'), 'young')]]) {
      writer.send(...frames);
      await store.has(writer);
      await everythingIsStored(server);
    }
    await server.stop();
    const database = new Database(join(server.dataDir, 'sqlite/kraken:template.os/stores/stores.db'));
    const age = database.prepare("UPDATE records SET time = time - ? WHERE instr(data, 'old') > 0");
    assert.equal(age.run(49 * 3_600 * 1_000).changes, 2);
    database.close();
    await server.start();
    assert.equal((await store.contents()).length, 4, 'without a retention nothing is too old');

    const { sds } = await openStores(scene, { retention_days: 2 });
    assert.equal(sds.retention_days, 2);
    const young = readable([value(hashOf('young'), 'young'), patch('young')]);
    while ((await store.contents()).length > young.length);
    assert.deepEqual(await store.contents(), young);
  });

  for (const persist of [false, true]) {
    const how = persist ? 'persistent' : 'relayed only';
    test(`SD15: who does not read is closed with 1013 and delays nobody, ${how}`, { needs: ['apps'], within: 60_000 }, async (scene) => {
      await openStores(scene, { persist });
      const store = new Store(scene);
      const [writer, reader, slow] = [await store.join(), await store.join({ scope: 'read' }), await store.join({ scope: 'read' })];
      // Who is still being sent what was kept isn't closed: it is only sent less.
      writer.send(presence({ marker: 1 }));
      for (const member of [slow, reader]) await member.takeUntil(presence({ marker: 1 }));
      slow.socket.pause();
      for (const bytes of blocks()) {
        writer.send(bytes);
        const [got] = await reader.take(1);
        assert.ok(got !== undefined && bytes.equals(Buffer.from(got)));
      }
      slow.socket.resume();
      assert.equal((await slow.closed()).code, 1013);
      assert.equal(reader.end, null);
    });
  }

  test('SD15: who reads slowly what was kept gets all of it', { needs: ['apps'], within: 60_000 }, async (scene) => {
    await openStores(scene);
    const store = new Store(scene);
    const writer = await store.join();
    const quick = await store.join({ scope: 'read' });
    const patches = blocks();
    for (const bytes of patches) {
      writer.send(bytes);
      await quick.take(1);
    }
    const slow = await store.join({ scope: 'read' });
    slow.socket.pause();
    const second = await store.join({ scope: 'read' });
    await second.take(patches.length, 30_000);
    writer.send(...numbered('live', 100));
    for (const member of [quick, second]) await member.take(100);
    slow.socket.resume();
    const got = await slow.take(patches.length + 100, 30_000);
    assert.deepEqual(readable(got.slice(patches.length)), readable(numbered('live', 100)));
    assert.ok(patches.every((bytes, index) => bytes.equals(Buffer.from(got[index] ?? ''))));
  });
});
