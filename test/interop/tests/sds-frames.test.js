// @ts-check
/** What becomes of each message in a store, with persistence and without. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chunk, frame, hashOf, numbered, patch, presence, request, SYNC, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { openStores, Store } from '../lib/sds/store.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */
/** @typedef {import('../lib/sds/member.js').Member} Member */

const LARGEST = 104_857_600;

/** Every type that there is, and some that there aren't. */
const MATRIX = [
  { type: 0, name: 'unknown', readers: true },
  { type: 1, name: 'PATCH', readers: false },
  { type: 2, name: 'VALUE', readers: false },
  { type: 3, name: 'REQ_VALUE', readers: true },
  { type: 4, name: 'PRESENCE', readers: true },
  { type: 5, name: 'VALUE_CHUNK', readers: false },
  { type: 6, name: 'SYNC_REQ', readers: true },
  { type: 7, name: 'unknown', readers: true },
  { type: 255, name: 'unknown', readers: true },
];

/**
 * A store with somebody of each scope in it, who all get what comes: not those who are still being
 * sent what was kept, for whom chunks are joined.
 *
 * @param {Scene} scene
 */
async function trio(scene) {
  const store = new Store(scene);
  const [reader, writer, admin] = await Promise.all(['read', 'write', 'admin'].map((scope) => store.join({ scope })));
  assert.ok(reader !== undefined && writer !== undefined && admin !== undefined);
  await sends(writer, [reader, admin], [], []);
  await sends(reader, [writer, admin], [], []);
  return { store, reader, writer, admin };
}

/**
 * That all of `others` are sent exactly this, by way of a marker that `sender` sends after it.
 *
 * @param {Member} sender
 * @param {Member[]} others
 * @param {Array<Uint8Array | string>} messages
 * @param {Buffer[]} wanted
 */
async function sends(sender, others, messages, wanted) {
  const marker = presence({ marker: randomBytes(8).toString('hex') });
  sender.send(...messages, marker);
  for (const other of others) {
    assert.deepEqual(readable(await other.takeUntil(marker)), readable(wanted));
  }
}

for (const persist of [false, true]) {
  suite(
    `Stores: frames, ${persist ? 'persistent' : 'relayed only'}`,
    (test) => {
      for (const { type, name, readers } of MATRIX) {
        test(`SD6: frames of type ${type} (${name}) go to all others as they came`, { needs: ['apps'] }, async (scene) => {
          await openStores(scene, { persist });
          const { reader, writer, admin } = await trio(scene);
          const frames = [[], [0], randomBytes(31), randomBytes(32), randomBytes(41), randomBytes(300)].map((payload) =>
            frame(type, Uint8Array.from(payload)),
          );
          await sends(writer, [reader, admin], frames, frames);
          await sends(admin, [reader, writer], frames, frames);
          await sends(reader, [writer, admin], frames, readers ? frames : []);
          assert.equal(reader.end, null, 'who may not write stays all the same');
        });
      }

      test('SD6: text and empty messages are ignored', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const { reader, writer, admin } = await trio(scene);
        const good = patch('good');
        const ignored = ['', 'text', '{"type":1}', '\u0001', Uint8Array.of()];
        await sends(writer, [reader, admin], [...ignored, good, ...ignored], [good]);
        assert.equal(writer.end, null);
      });

      test('SD6: frames come in the order of their sender, and never back to it', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const store = new Store(scene);
        const names = ['ann', 'bob', 'cleo'];
        const members = await Promise.all(names.map(() => store.join()));
        const count = 300;
        for (let index = 0; index < count; index += 1) {
          members.forEach((member, at) => member.send(...numbered(`${names[at]}`, 1, index)));
        }
        for (const [at, member] of members.entries()) {
          const got = readable(await member.take(count * 2));
          for (const [other, name] of names.entries()) {
            const wanted = other === at ? [] : readable(numbered(name, count));
            assert.deepEqual(got.filter((text) => text.startsWith(`\u0001${name} `)), wanted, `of ${name} at ${names[at]}`);
          }
        }
      });

      test('SD6: one user who comes twice is two members', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const store = new Store(scene);
        const token = store.token();
        const [one, other] = [store.socket({ token }), store.socket({ token })];
        await Promise.all([one.open(), other.open()]);
        one.send(patch('from one'));
        assert.deepEqual(await other.take(1), [patch('from one')]);
        other.send(patch('from the other'));
        assert.deepEqual(await one.take(1), [patch('from the other')]);
      });

      test('SD6: a message in fragments arrives in one piece', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const { reader, writer, admin } = await trio(scene);
        const whole = patch(randomBytes(5_000));
        for (const [start, end] of /** @type {Array<[number, number]>} */ ([[0, 1], [1, 1], [1, 2_000], [2_000, 5_001]])) {
          writer.socket.send(whole.subarray(start, end), { binary: true, fin: end === whole.length });
        }
        await sends(writer, [reader, admin], [], [whole]);
      });

      test('SD6: what is sent right behind the handshake is not lost', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const store = new Store(scene);
        const reader = await store.join({ scope: 'read' });
        const writer = store.socket();
        writer.socket.on('upgrade', () => setImmediate(() => writer.send(patch('at once'))));
        assert.deepEqual(await reader.take(1), [patch('at once')]);
      });

      test('SD22: nobody in another store notices anything', { needs: ['apps'] }, async (scene) => {
        await openStores(scene, { persist });
        const store = new Store(scene);
        const [inside, neighbour, above] = await Promise.all([
          store.join(),
          new Store(scene, `${store.name}2`).join(),
          new Store(scene, store.name.slice(0, -1)).join(),
        ]);
        const hash = hashOf('a');
        inside.send(patch('p'), value(hash, 'v'), request(hash), SYNC, chunk(hash, 0, 1, 'c'), presence({}));
        for (let round = 0; round < 100; round += 1) inside.send(randomBytes(round));
        inside.send(...[0, 1, 0xffff_ffff].flatMap((one) => [0, 1, 0xffff_ffff].map((other) => chunk(hash, one, other, 'x'))));
        const witness = await store.join();
        inside.send(presence({ marker: 1 }));
        await witness.takeUntil(presence({ marker: 1 }));
        for (const member of [neighbour, above]) {
          assert.deepEqual([member.inbox, member.end], [[], null]);
        }
        assert.equal(inside.end, null);
      });
    },
    { concurrency: true },
  );
}

suite('Stores: sockets', (test) => {
  test('SD8: a message of 100 MiB is relayed, one more byte closes with 1009', { needs: ['apps'], within: 120_000 }, async (scene) => {
    await openStores(scene, { persist: false });
    const limits = { bytes_per_second: 0xffff_ffff };
    await scene.admin.expect(200, 'PATCH', '/api/settings', { limits });
    const { reader, writer } = await trio(scene);
    const largest = patch(Buffer.alloc(LARGEST - 1, 'k'));
    writer.send(largest);
    const [got] = await reader.take(1, 60_000);
    assert.ok(got !== undefined && largest.equals(Buffer.from(got)));
    writer.send(Buffer.alloc(LARGEST + 1, 1));
    assert.deepEqual(await writer.closed(60_000), { code: 1009, reason: '' });
    assert.equal(reader.end, null);
  });

  test('SD8: fragments count together', { needs: ['apps'] }, async (scene) => {
    await openStores(scene, { persist: false });
    const { reader, writer } = await trio(scene);
    writer.socket.send(Buffer.of(1), { binary: true, fin: false });
    // Only the head of the next fragment: what it says is enough.
    const head = Buffer.from([0x80, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    head.writeUInt32BE(LARGEST, 6);
    tcpOf(writer).write(head);
    assert.deepEqual(await writer.closed(), { code: 1009, reason: '' });
    assert.equal(reader.end, null);
  });

  test('SD2: the first sub-protocol is chosen, and nothing is compressed', { needs: ['apps'] }, async (scene) => {
    await openStores(scene, { persist: false });
    const store = new Store(scene);
    for (const path of ['ws', 'signal']) {
      const { socket } = await store.join({}, { path, protocols: ['sds.v1', 'other'], perMessageDeflate: true });
      assert.deepEqual([socket.protocol, socket.extensions], ['sds.v1', '']);
      const plain = await store.join({}, { path });
      assert.equal(plain.socket.protocol, '');
    }
  });

  test('SD2: a ping is answered, a close code echoed', { needs: ['apps'] }, async (scene) => {
    await openStores(scene, { persist: false });
    const member = await new Store(scene).join();
    member.socket.ping('are you there?');
    const [pong] = await once(member.socket, 'pong');
    assert.equal(pong.toString(), 'are you there?');
    member.socket.close(4321, 'enough');
    assert.equal((await member.closed()).code, 4321);
  });
});

/**
 * The connection below a member's socket.
 *
 * @param {Member} member
 * @returns {import('node:net').Socket}
 */
function tcpOf(member) {
  return Reflect.get(member.socket, '_socket');
}
