// @ts-check
/** What whoever comes to a store, or asks for something in it, is sent of what is kept. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { frame, hashOf, numbered, patch, presence, request, SYNC, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { everythingIsStored, withWriter } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/sds/member.js').Member} Member */

suite(
  'Stores: who comes later',
  (test) => {
    test('SD11: values come first, then patches, each once and in order', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const values = ['1', '2', '3'].map((name) => value(hashOf(name), name));
      writer.send(patch('1'), ...values.slice(0, 1), patch('2'), ...values.slice(1), patch('3'));
      await store.has(writer);
      await everythingIsStored(scene.server);
      const wanted = readable([...values, patch('1'), patch('2'), patch('3')]);
      for (const scope of ['read', 'write', 'admin']) {
        const member = await store.join({ scope });
        const got = readable(await member.take(wanted.length));
        assert.deepEqual(got.slice(0, 3).toSorted(), wanted.slice(0, 3).toSorted());
        assert.deepEqual(got.slice(3), wanted.slice(3));
      }
    });

    test('SD11: who comes while others write misses nothing and gets nothing twice', { needs: ['apps'] }, async (scene) => {
      const { store, writer: ann } = await withWriter(scene);
      const bob = await store.join();
      const total = 1_000;
      /** @type {Member[]} */
      const joiners = [];
      for (let at = 0; at < total; at += 1) {
        ann.send(...numbered('ann', 1, at));
        bob.send(...numbered('bob', 1, at));
        if (at % 50 === 25) joiners.push(await store.join({ scope: 'read' }));
      }
      for (const [at, joiner] of joiners.entries()) {
        const got = readable(await joiner.take(total * 2));
        for (const name of ['ann', 'bob']) {
          const own = got.filter((text) => text.startsWith(`\u0001${name} `));
          assert.deepEqual(own, readable(numbered(name, total)), `of ${name}, at the joiner ${at}`);
        }
      }
      const last = await store.join();
      const all = await last.take(total * 2);
      assert.equal(new Set(readable(all)).size, total * 2);
      const marker = presence({ marker: 1 });
      ann.send(marker);
      for (const joiner of [...joiners, last]) assert.deepEqual(await joiner.takeUntil(marker), [], 'nothing else comes');
    });

    test('SD11: many who come at once all get everything', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const [before, after] = [numbered('before', 5_000), numbered('after', 50)];
      writer.send(...before);
      await store.has(writer);
      const joiners = await Promise.all(Array.from({ length: 50 }, () => store.join({ scope: 'read' })));
      writer.send(...after);
      const wanted = readable([...before, ...after]).join();
      for (const joiner of joiners) {
        const got = readable(await joiner.take(before.length + after.length));
        assert.ok(got.join() === wanted);
      }
    });

    test('SD12: who asks for a value gets it with nobody else there', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const hash = hashOf('asked for');
      const sibling = Buffer.concat([hash.subarray(0, 20), randomBytes(12)]);
      const values = [value(hash, randomBytes(2_000_000)), value(sibling, 'sibling'), value(hashOf('another'), 'x')];
      writer.send(...values, patch('p'));
      await store.has(writer);
      writer.terminate();
      const asking = await store.join({ scope: 'read' });
      await asking.take(4);
      asking.send(request(hash.subarray(0, 7)), request(hashOf('unknown')), request(hash));
      assert.deepEqual(readable(await asking.take(1)), readable(values.slice(0, 1)));
      asking.send(request(hash.subarray(0, 10)));
      const both = readable(await asking.take(2));
      assert.deepEqual(both.toSorted(), readable(values.slice(0, 2)).toSorted());
      asking.send(request(Buffer.concat([hash, Buffer.from('more')])), request(sibling));
      assert.deepEqual(readable(await asking.take(1)), readable(values.slice(1, 2)));
    });

    test('SD12: who asks to be synced gets everything again', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      writer.send(...numbered('p', 20), value(hashOf('v'), 'v'));
      await store.has(writer);
      await everythingIsStored(scene.server);
      writer.terminate();
      const reader = await store.join({ scope: 'read' });
      const first = readable(await reader.take(21));
      reader.send(SYNC);
      assert.deepEqual(readable(await reader.take(21)), first);
      reader.send(frame(6, randomBytes(40)));
      assert.deepEqual(readable(await reader.take(21)), first);
    });

    test('SD12: both are relayed as well', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const reader = await store.join({ scope: 'read' });
      const messages = [request(hashOf('v')), SYNC, frame(6, 'cursor')];
      reader.send(...messages);
      assert.deepEqual(readable(await writer.take(3)), readable(messages));
    });
  },
  { concurrency: true },
);
