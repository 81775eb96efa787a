// @ts-check
/** Stores by ticket, at the gateway and past it. */
import assert from 'node:assert/strict';
import { Api, inSeconds } from '../lib/api.js';
import { FORBIDDEN } from '../lib/sds/access.js';
import { hashOf, numbered, patch, presence, value } from '../lib/sds/frames.js';
import { Member, readable } from '../lib/sds/member.js';
import { everythingIsStored, openStores, Store } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */
/** @typedef {import('../lib/sds/tokens.js').Claims} Claims */

/**
 * Opens stores, and tickets for everybody.
 *
 * @param {Scene} scene
 */
async function open(scene) {
  await openStores(scene);
  await scene.admin.expect(200, 'PATCH', '/api/settings', { tickets_for_everyone: true });
  return new Store(scene);
}

/**
 * A socket with a ticket, which somebody with such a token has asked for.
 *
 * @param {Store} store
 * @param {string} base
 * @param {Claims} [claims]
 * @param {string} [path]
 */
async function withTicket(store, base, claims, path = `ws/${store.name}`) {
  const client = Api.withToken(store.scene.server.http, store.token(claims));
  const { ticket, ...rest } = await client.expect(201, 'POST', '/api/tickets', { store: store.name });
  assert.deepEqual(rest, { store: store.name, expires_in: 30 });
  const member = new Member(`${base}/t/${ticket}/${path}`);
  store.scene.cleanups.push(() => member.terminate());
  return member;
}

suite('Stores: tickets', (test) => {
  test('SD24: a ticket opens a store, at the gateway and at the node', { needs: ['apps'] }, async (scene) => {
    const store = await open(scene);
    const { ws, directWs } = scene.server;
    const atGateway = await store.join();
    for (const base of [ws, directWs]) {
      const member = await withTicket(store, base);
      await member.open();
      member.send(patch(base));
      assert.deepEqual(await atGateway.take(1), [patch(base)]);
      const back = presence({ to: base });
      atGateway.send(back);
      await member.takeUntil(back);
    }
    const signaller = await withTicket(store, directWs, {}, `signal/${store.name}`);
    await signaller.open();
    const other = await store.signaller();
    signaller.send('{"type":"hello","from":"direct"}');
    assert.deepEqual(await other.take(1), ['{"type":"hello","from":"direct"}']);
    other.send('{"type":"offer","to":"direct"}', patch('binary'));
    assert.deepEqual(readable(await signaller.take(2)), readable(['{"type":"offer","to":"direct"}', patch('binary')]));
  });

  test('SD24: a ticket is as good as the token that it was got with', { needs: ['apps'] }, async (scene) => {
    const store = await open(scene);
    const { ws, http } = scene.server;
    const writer = await store.join();
    const reader = await withTicket(store, ws, { scope: 'read' });
    await reader.open();
    reader.send(patch('no'), presence({ PeerId: 'reader' }));
    assert.deepEqual(await writer.take(1), [presence({ PeerId: 'reader' })]);

    const used = new Member(reader.socket.url);
    scene.cleanups.push(() => used.terminate());
    await assert.rejects(used.open(), /401/, 'it is good for once');
    const elsewhere = await withTicket(store, ws, {}, 'ws/another');
    assert.deepEqual(await elsewhere.closed(), FORBIDDEN, 'it is for its store');
    const client = Api.withToken(http, store.token());
    await client.refuses(403, 'forbidden', 'POST', '/api/tickets', { store: 'another' });
    await client.refuses(400, 'bad_request', 'POST', '/api/tickets', { store: store.name, room: 'a room' });
    const nobody = Api.withToken(http, 'nonsense');
    await nobody.refuses(401, 'unauthorized', 'POST', '/api/tickets', { store: store.name });
  });

  test("SD24: the node's owner gets tickets for any store", { needs: ['apps'] }, async (scene) => {
    const store = await open(scene);
    const owner = await scene.owner();
    const { ticket } = await owner.expect(201, 'POST', '/api/tickets', { store: store.name });
    const member = new Member(`${scene.server.directWs}/t/${ticket}/ws/${store.name}`);
    scene.cleanups.push(() => member.terminate());
    await member.open();
    const reader = await store.join({ scope: 'read' });
    member.send(patch('of the owner'));
    assert.deepEqual(await reader.take(1), [patch('of the owner')]);
  });

  test('SD24: at the node, too, whoever comes late gets everything', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const store = await open(scene);
    const writer = await store.join();
    const values = Array.from({ length: 30 }, (_, index) => value(hashOf(`${index}`), Buffer.alloc(500_000, index)));
    const patches = numbered('p', 5_000);
    writer.send(...patches, ...values);
    await store.has(writer);
    await everythingIsStored(scene.server);
    const late = await withTicket(store, scene.server.directWs, { scope: 'read' });
    const got = await late.take(values.length + patches.length, 30_000);
    assert.ok(values.every((bytes, index) => bytes.equals(Buffer.from(got[index] ?? ''))));
    assert.deepEqual(readable(got.slice(values.length)), readable(patches));
    const live = numbered('live', 2_000);
    writer.send(...live);
    assert.deepEqual(readable(await late.take(live.length)), readable(live));
  });

  test('SD24: at the node, whose token ends is told so and is out', { needs: ['apps'] }, async (scene) => {
    const store = await open(scene);
    const bystander = await store.join();
    const brief = await withTicket(store, scene.server.directWs, { exp: inSeconds(2) });
    await brief.open();
    const [told] = await brief.take(1);
    const { message, ...error } = JSON.parse(String(told));
    assert.deepEqual([error, message], [{ kraken: 'error', room: null, code: '4001' }, 'Unauthorized']);
    brief.send(patch('from outside'));
    bystander.send(patch('not for outsiders'));
    const witness = await withTicket(store, scene.server.directWs);
    await witness.open();
    witness.send(patch('end'));
    assert.deepEqual(await bystander.take(1), [patch('end')]);
    assert.deepEqual([brief.inbox, brief.end], [[], null]);
  });
});
