// @ts-check
/** The signalling of a store: who is sent what, and a real data channel that comes of it. */
import assert from 'node:assert/strict';
import { hashOf, patch, presence, request, SYNC, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { Peer } from '../lib/sds/peer.js';
import { openStores, Store } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */
/** @typedef {import('../lib/sds/member.js').Member} Member */

const hello = (/** @type {string} */ from) => JSON.stringify({ type: 'hello', from });
const offer = (/** @type {string} */ from, /** @type {string} */ to) => JSON.stringify({ type: 'offer', from, to, sdp: 'v=0' });

/**
 * Members who have said hello and heard the others'.
 *
 * @param {Store} store
 * @param {string[]} names
 * @returns {Promise<Member[]>}
 */
async function acquainted(store, names) {
  const members = await Promise.all(names.map(() => store.signaller()));
  for (const [at, member] of members.entries()) {
    member.send(hello(`${names[at]}`));
    for (const other of members) if (other !== member) await other.take(1);
  }
  return members;
}

for (const persist of [false, true]) {
  suite(
    `Stores: signalling, ${persist ? 'persistent' : 'relayed only'}`,
    (test) => {
      test('SD16: text stays text, binary stays binary, and readers may send too', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const store = new Store(scene);
        const [one, other, third] = await Promise.all(['read', 'write', 'admin'].map((scope) => store.signaller({ scope })));
        assert.ok(one !== undefined && other !== undefined && third !== undefined);
        const messages = [hello('one'), 'no JSON', '{"to":', '[]', '7', 'ä', '{"from":7,"to":{}}', patch('p'), value(hashOf('v'), 'v'), SYNC];
        one.send(...messages, 'end');
        for (const member of [other, third]) {
          assert.deepEqual(readable(await member.takeUntil('end')), readable(messages));
        }
        other.send('answer');
        assert.deepEqual(await one.take(1), ['answer'], 'nobody hears himself');
      });

      test('SD16: an addressed message goes to its peer alone, once that has said who it is', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const store = new Store(scene);
        const [ann, bob, cleo] = await acquainted(store, ['ann', 'bob', 'cleo']);
        assert.ok(ann !== undefined && bob !== undefined && cleo !== undefined);
        ann.send(offer('ann', 'bob'), 'to all');
        assert.deepEqual(await bob.take(2), [offer('ann', 'bob'), 'to all']);
        assert.deepEqual(await cleo.take(1), ['to all']);

        ann.send(offer('ann', 'dora'), 'to all');
        for (const member of [bob, cleo]) {
          assert.deepEqual(await member.take(2), [offer('ann', 'dora'), 'to all'], 'nobody is known as dora');
        }

        bob.socket.close();
        await bob.closed();
        ann.send(offer('ann', 'bob'), 'end');
        assert.deepEqual(await cleo.takeUntil('end'), [offer('ann', 'bob')], 'bob is gone, so all others are sent it');
      });

      test('SD16: who speaks in the name of another takes nothing away from it', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const store = new Store(scene);
        const [ann, bob, thief] = await acquainted(store, ['ann', 'bob', 'thief']);
        assert.ok(ann !== undefined && bob !== undefined && thief !== undefined);
        thief.send(hello('bob'), 'said');
        await ann.takeUntil('said');
        await bob.takeUntil('said');
        ann.send(offer('ann', 'bob'));
        assert.deepEqual(await bob.take(1), [offer('ann', 'bob')]);
      });

      test('SD17: nothing of it is kept, or gets into the store', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const store = new Store(scene);
        const inStore = await store.join();
        const [ann, bob] = await acquainted(store, ['ann', 'bob']);
        assert.ok(ann !== undefined && bob !== undefined);
        ann.send(patch('not a patch'), 'end');
        await bob.takeUntil('end');
        const late = await store.signaller();
        ann.send('for the late');
        assert.deepEqual(await late.take(1), ['for the late']);
        assert.deepEqual(await store.contents(), []);
        assert.deepEqual(inStore.inbox.filter((message) => message.includes('not a patch')), []);
      });
    },
    { concurrency: true },
  );
}

suite('Stores: WebRTC', (test) => {
  test('SD16: two peers open a data channel, and patches go through it', { needs: ['apps'], within: 60_000 }, async (scene) => {
    await openStores(scene);
    const store = new Store(scene);
    const witness = await store.signaller();
    const ann = new Peer(await store.signaller());
    scene.cleanups.push(() => ann.close());
    ann.greet();
    await witness.take(1);
    const bob = new Peer(await store.signaller());
    scene.cleanups.push(() => bob.close());
    bob.greet();
    const [toBob, toAnn] = await Promise.all([ann.channel(), bob.channel()]);
    for (const bytes of [patch('through the channel'), request(hashOf('v')), presence({ PeerId: 'ann' })]) {
      toBob.send(bytes);
      assert.deepEqual(await bob.next(), bytes);
      toAnn.send(bytes);
      assert.deepEqual(await ann.next(), bytes);
    }
    assert.deepEqual(witness.inbox, [hello(bob.id)], 'what is addressed is between the two');
  });
});
