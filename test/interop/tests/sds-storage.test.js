// @ts-check
/** What a store keeps, and what it doesn't. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chunk, frame, hashOf, numbered, patch, presence, request, SYNC, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { everythingIsStored, openStores, Store, withWriter } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

suite(
  'Stores: what is kept',
  (test) => {
    test('SD9: whoever comes later gets every patch, in the order in which they came', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const patches = numbered('p', 500);
      writer.send(...patches, patch(''), patch(randomBytes(100_000)));
      await store.has(writer);
      writer.terminate();
      const contents = await store.contents();
      assert.deepEqual(contents.slice(0, 501), readable([...patches, patch('')]));
      assert.equal(contents[501]?.length, 100_001);
      assert.equal(contents.length, 502);
    });

    test('SD9: no value takes away a patch or another value', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const [one, other] = [value(hashOf('1'), 'one'), value(hashOf('2'), randomBytes(3_000_000))];
      const hostile = [
        chunk(hashOf('3'), 0, 0, 'of none'),
        chunk(hashOf('4'), 5, 2, 'beyond the last'),
        chunk(hashOf('5'), 0xffff_ffff, 0xffff_ffff, 'of very many'),
        chunk(hashOf('6'), 0, 2, 'never complete'),
        frame(5, 'short'),
        frame(2),
      ];
      writer.send(patch('1'), one, patch('2'), ...hostile, other, patch('3'));
      await store.has(writer);
      const contents = await store.contents();
      assert.deepEqual(contents.slice(-3), readable([patch('1'), patch('2'), patch('3')]));
      for (const kept of [one, other]) assert.ok(contents.includes(kept.toString('latin1')));
      assert.deepEqual(contents.filter((text) => text.includes('of very many')), []);
      assert.equal(writer.end, null);
    });

    test('SD9: a value is kept under its hash field, whatever is in it', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      // What the original's clients make of their ids: a few bytes, and the data right behind.
      const short = Buffer.concat([Buffer.of(15, 0, 10, 0, 222, 173, 190, 239, 0, 18), randomBytes(5_000)]);
      const values = [frame(2, short), value(hashOf('a'), ''), value(hashOf('b'), 'data')];
      writer.send(...values, ...values);
      await store.has(writer);
      const contents = await store.contents();
      for (const kept of readable(values)) {
        assert.ok(contents.filter((text) => text === kept).length >= 1, kept.slice(0, 40));
      }
      const asking = await store.join();
      await asking.take(contents.length);
      asking.send(frame(3, short.subarray(0, 10)));
      assert.deepEqual(readable(await asking.take(1)), readable([frame(2, short)]));
    });

    test('SD9: a value takes the place of the one with its hash field, and of no other', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const hash = hashOf('the same');
      writer.send(value(hash, 'first'), value(hashOf('another'), 'x'), patch('p'));
      await everythingIsStored(scene.server);
      writer.send(value(hash, 'second'));
      await store.has(writer);
      const wanted = readable([value(hashOf('another'), 'x'), value(hash, 'second'), patch('p')]);
      assert.deepEqual(await store.contents(), wanted);
    });

    test('SD9: whatever its name, a store is kept by itself', { needs: ['apps'] }, async (scene) => {
      await openStores(scene);
      const odd = ['\u0000', 'a\u0000b', ' ', '\n', '"; DROP TABLE records; --', "'", '%', '%2F', '\ufeff', '\u{10ffff}'];
      const alike = ['AAAA', 'aaaa', 'null', '1', '__proto__', 'signal:x', 'x'.repeat(1_024), 'ä'.repeat(512)];
      for (const name of [...odd, ...alike]) {
        const store = new Store(scene, name);
        const writer = await store.join();
        const frames = [value(hashOf(name), name), patch(name)];
        writer.send(...frames);
        await store.has(writer);
        assert.deepEqual(await store.contents(), readable(frames), JSON.stringify(name));
        const encoded = encodeURIComponent(name);
        const { deleted } = await scene.admin.expect(202, 'DELETE', `/api/stores/${encoded}?confirm=${encoded}`);
        assert.equal(deleted, name);
        assert.deepEqual(await store.contents(), []);
      }
    });

    test('SD9: what a client writes is kept to the byte', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      // What looks like something to those who hand it on: base64, JSON, the end of a text.
      const payloads = ['', 'AAAA', 'aGVsbG8=', 'null', '"x"', '\u0000', 'a\u0000', '\n'].map((text) => Buffer.from(text));
      payloads.push(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
      const frames = [
        ...payloads.map((bytes, index) => value(hashOf(`${index}`), bytes)),
        ...payloads.map((bytes) => patch(bytes)),
      ];
      writer.send(...frames);
      await store.has(writer);
      assert.deepEqual(await store.contents(), readable(frames));
    });

    test('SD10: chunks are joined, in whatever order they come', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const parts = ['0', '1', '2', '3'].map((digit) => Buffer.alloc(70_000, digit));
      const whole = Buffer.concat(parts);
      const of = (/** @type {string} */ name, /** @type {number} */ index) =>
        chunk(hashOf(name), index, parts.length, parts[index] ?? '');
      writer.send(...[0, 1, 2, 3].map((index) => of('in order', index)));
      writer.send(...[3, 1, 0, 2].map((index) => of('mixed', index)));
      writer.send(...[0, 0, 1, 2, 1, 2, 3].map((index) => of('twice', index)));
      writer.send(chunk(hashOf('one'), 0, 1, 'alone'));
      writer.send(...[0, 1, 2].map((index) => of('incomplete', index)));
      await store.has(writer);
      const wanted = [...['in order', 'mixed', 'twice'].map((name) => value(hashOf(name), whole)), value(hashOf('one'), 'alone')];
      assert.deepEqual((await store.contents()).toSorted(), readable(wanted).toSorted());
    });

    test('SD10: sets of several senders are not mixed', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      const other = await store.join();
      const hash = hashOf('shared');
      writer.send(patch('kept'), chunk(hash, 0, 2, 'a'));
      other.send(chunk(hash, 1, 2, 'B'));
      await store.has(writer);
      await store.has(other);
      assert.deepEqual(await store.contents(), readable([patch('kept')]), 'half a set of each is none');
      writer.send(chunk(hash, 1, 2, 'b'));
      await store.has(writer);
      assert.deepEqual(await store.contents(), readable([value(hash, 'ab'), patch('kept')]));
    });

    test('SD10: who begins sets without end harms nobody', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      for (let set = 0; set < 300; set += 1) {
        for (const index of [0, 1]) writer.send(chunk(hashOf(`endless ${set}`), index, 1_000_000, Buffer.alloc(10_000, set)));
      }
      writer.send(chunk(hashOf('good'), 0, 2, 'go'));
      const other = await store.join();
      other.send(chunk(hashOf('others'), 0, 2, 'al'), chunk(hashOf('others'), 1, 2, 'so'), patch('p'));
      await store.has(writer);
      await store.has(other);
      assert.deepEqual(await store.contents(), readable([value(hashOf('others'), 'also'), patch('p')]));
      assert.deepEqual([writer.end, other.end], [null, null]);
    });

    test('SD17: presence and whatever else is not kept', { needs: ['apps'] }, async (scene) => {
      const { store, writer } = await withWriter(scene);
      writer.send(presence({ PeerId: 'ann' }), frame(0, 'x'), frame(7, 'x'), frame(255, 'x'), SYNC, request(hashOf('v')), patch('p'));
      await store.has(writer);
      assert.deepEqual(await store.contents(), readable([patch('p')]));
    });

    test('SD7: nothing of whoever may only read is kept', { needs: ['apps'] }, async (scene) => {
      const { store } = await withWriter(scene);
      const reader = await store.join({ scope: 'read' });
      reader.send(patch('no'), value(hashOf('no'), 'no'), chunk(hashOf('no'), 0, 1, 'no'));
      await store.has(reader);
      assert.deepEqual(await store.contents(), []);
    });
  },
  { concurrency: true },
);

suite('Stores: nothing is kept', (test) => {
  test('SD14: without persistence there is no state', { needs: ['apps'] }, async (scene) => {
    await openStores(scene, { persist: false });
    const store = new Store(scene);
    const [ann, bob] = [await store.join(), await store.join()];
    const hash = hashOf('v');
    const messages = [patch('p'), value(hash, 'v'), chunk(hash, 0, 1, 'c'), presence({ PeerId: 'ann' })];
    ann.send(...messages);
    assert.deepEqual(readable(await bob.take(4)), readable(messages));
    const late = await store.join();
    late.send(SYNC, request(hash));
    assert.deepEqual(readable(await ann.take(2)), readable([SYNC, request(hash)]), 'the peers are asked');
    ann.send(patch('answer'));
    assert.deepEqual(readable(await late.take(1)), readable([patch('answer')]), 'nobody else answers');
    ann.send(SYNC, request(hash), presence({ end: 1 }));
    assert.deepEqual(readable(await late.takeUntil(presence({ end: 1 }))), readable([SYNC, request(hash)]));
  });

  test('SD14: turning persistence on or off closes everybody with 1012', { needs: ['apps'] }, async (scene) => {
    await openStores(scene, { persist: false });
    const store = new Store(scene);
    const before = await store.join();
    await openStores(scene, { persist: true });
    assert.equal((await before.closed()).code, 1012);
    const writer = await store.join();
    writer.send(patch('kept'));
    await store.has(writer);
    await openStores(scene, { persist: false });
    assert.equal((await writer.closed()).code, 1012);
    await openStores(scene, { persist: true });
    const reader = await store.join({ scope: 'read' });
    assert.deepEqual(readable(await reader.take(1)), readable([patch('kept')]), 'what was kept is there at once');
    await openStores(scene, { persist: false });
    assert.deepEqual(await store.contents(), []);
    await openStores(scene, { persist: true });
    assert.deepEqual(await store.contents(), readable([patch('kept')]), 'and later too');
  });
});
