// @ts-check
/** What the owner of the server does with stores: look, and delete. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { hashOf, numbered, patch, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { everythingIsStored, openStores, Store } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

suite('Stores: what the owner sees', (test) => {
  test('SD23: stores in use are listed, and so are rooms', { needs: ['apps'] }, async (scene) => {
    await openStores(scene);
    const store = new Store(scene, `list/${randomUUID()}`);
    const writer = await store.join();
    const started = Date.now();
    writer.send(...numbered('p', 10));
    await store.has(writer);
    const { stores } = await scene.admin.expect(200, 'GET', '/api/stores');
    const listed = stores.find((/** @type {{ store: string }} */ { store: name }) => name === store.name);
    assert.deepEqual(Object.keys(listed).toSorted(), ['bytes', 'connections', 'last_change', 'messages', 'store']);
    assert.ok(listed.connections >= 1 && listed.bytes > 0 && listed.messages >= 10, JSON.stringify(listed));
    assert.ok(Math.abs(listed.last_change - started) < 30_000);

    const client = await scene.joined();
    client.text.insert(0, 'something');
    const { rooms } = await scene.admin.expect(200, 'GET', '/api/rooms');
    const room = rooms.find((/** @type {{ room: string }} */ { room: name }) => name === scene.room);
    assert.deepEqual(Object.keys(room).toSorted(), ['app', 'bytes', 'connections', 'last_change', 'messages', 'room']);
    assert.deepEqual([room.app, room.connections], ['default', 1]);
  });

  test('SD23: a store is deleted with its name, and only then', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const server = await scene.ownServer();
    await openStores(scene);
    const [store, neighbour] = [new Store(scene, `gone/${randomUUID()}`), new Store(scene)];
    const [member, signaller, bystander] = [await store.join(), await store.signaller(), await neighbour.join()];
    for (const [one, writer] of /** @type {Array<[Store, import('../lib/sds/member.js').Member]>} */ ([[store, member], [neighbour, bystander]])) {
      writer.send(patch('p'), value(hashOf('v'), 'v'));
      await one.has(writer);
    }
    const path = `/api/stores/${encodeURIComponent(store.name)}`;
    for (const confirm of ['', '?confirm=', '?confirm=another']) {
      await scene.admin.refuses(400, 'confirmation_required', 'DELETE', path + confirm);
    }
    assert.deepEqual([member.end, (await store.contents()).length], [null, 2]);
    const deleted = await scene.admin.expect(202, 'DELETE', `${path}?confirm=${encodeURIComponent(store.name)}`);
    assert.deepEqual(deleted, { deleted: store.name });
    assert.equal((await member.closed()).code, 4003);
    assert.equal((await signaller.closed()).code, 4003);
    assert.deepEqual(await store.contents(), []);
    await server.kill();
    await server.start();
    assert.deepEqual(await store.contents(), []);
    assert.equal((await neighbour.contents()).length, 2);
    assert.equal(bystander.end?.code === 4003, false);
  });

  test('SD23: a store that was deleted begins anew at once', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const server = await scene.ownServer();
    await openStores(scene);
    const store = new Store(scene);
    for (let round = 0; round < 4; round += 1) {
      const before = await store.join();
      before.send(...numbered('old', 200));
      if (round % 2 === 1) await store.has(before);
      await scene.admin.expect(202, 'DELETE', `/api/stores/${store.name}?confirm=${store.name}`);
      const after = await store.join();
      after.send(patch(`new in round ${round}`));
      await store.has(after);
      await everythingIsStored(server);
      await server.kill();
      await server.start();
      assert.deepEqual(await store.contents(), readable([patch(`new in round ${round}`)]));
      await scene.admin.expect(202, 'DELETE', `/api/stores/${store.name}?confirm=${store.name}`);
    }
  });
});
