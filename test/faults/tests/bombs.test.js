// @ts-check
/** Few bytes that stand for much: compressed, nested, announced, or simply very many of something. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { exchange } from '../../interop/lib/http.js';
import { edit, keystrokes } from '../../interop/lib/edits.js';
import { decoding, encoding } from '../../interop/lib/packages.js';
import { awareness, step1, update } from '../../interop/lib/raw.js';
import { openStores, Store } from '../../interop/lib/sds/store.js';
import { ADMIN_TOKEN, MASTER_TOKEN } from '../../interop/lib/server.js';
import { suite } from '../../interop/lib/suite.js';
import * as bombs from '../lib/bombs.js';
import { Bystanders } from '../lib/bystanders.js';
import { MIB } from '../lib/memory.js';
import { diceOf, SEEDED } from '../lib/seed.js';
import { head, Tcp, UPGRADE } from '../lib/tcp.js';

/** @typedef {import('../../interop/lib/suite.js').Scene} Scene */

const WITHIN = 60_000;
/** Who sends a bomb may wait this long for an answer, in milliseconds. */
const ANSWERED = 30_000;
/** What a bomb may cost, in bytes: the largest document a few times over. */
const LITTLE = 256 * MIB;
/** How deep what is nested is nested. */
const DEEP = 100_000;

/** What takes seconds to integrate. */
const SLOW = [{ what: '9,000 edits at one place', bytes: [bombs.crowd(1, 6_000), bombs.crowd(6_001, 3_000)] }];
/** How often others are answered meanwhile. */
const ROUNDS = 10;

const array = (/** @type {number} */ deep) => '['.repeat(deep) + ']'.repeat(deep);
const object = (/** @type {number} */ deep) => '{"a":'.repeat(deep) + '1' + '}'.repeat(deep);

const UPDATES = [
  { what: 'collected characters without end', bytes: bombs.longStruct('gc') },
  { what: '2^31 collected characters', bytes: bombs.longStruct('gc', 2 ** 31 - 1) },
  { what: 'skipped characters without end', bytes: bombs.longStruct('skip') },
  { what: '2^31 skipped characters', bytes: bombs.longStruct('skip', 2 ** 31 - 1) },
  { what: 'deleted characters without end', bytes: bombs.longDeletion() },
  { what: '2^31 deleted characters', bytes: bombs.longDeletion(2 ** 31 - 1) },
  { what: 'deletions of all there may ever be', bytes: bombs.wideDeletion() },
  { what: 'a million ranges of deletions', bytes: bombs.manyDeletions(1_000_000) },
  { what: '100,000 clients', bytes: bombs.manyClients(100_000) },
  { what: '8,000 edits that collide', bytes: bombs.collisions(8_000) },
  { what: '100,000 edits that collide', bytes: bombs.collisions(100_000) },
  { what: '100,000 deletions in one text', bytes: [...bombs.scattered(100_000)] },
  { what: '500,000 keystrokes', bytes: keystrokes(500_000) },
  { what: 'maps in maps, 1,000 deep, and deleted', bytes: bombs.deepTypes(1_000) },
  { what: 'maps in maps, 10,000 deep, and deleted', bytes: bombs.deepTypes(10_000) },
];

/** @param {string} target of which the files of the fuzzing corpus are wanted */
function corpus(target) {
  const folder = new URL(`../../fuzz/corpus/${target}/`, import.meta.url);
  return readdirSync(folder).map((file) => ({ file, bytes: readFileSync(new URL(file, folder)) }));
}

/** @param {Uint8Array} bytes a row of updates, each behind its length, of which the last may be cut off */
function rowOf(bytes) {
  const decoder = decoding.createDecoder(bytes);
  const row = [];
  try {
    while (decoding.hasContent(decoder)) row.push(decoding.readVarUint8Array(decoder));
  } catch {
    return row;
  }
  return row;
}

/**
 * A state vector of as many clients, none of which there is.
 *
 * @param {number} count
 * @param {(client: number) => number} clock
 */
function stateVector(count, clock) {
  return encoding.encode((out) => {
    encoding.writeVarUint(out, count);
    for (let client = 0; client < count; client += 1) {
      encoding.writeVarUint(out, client);
      encoding.writeVarUint(out, clock(client));
    }
  });
}

/**
 * A user whose state is this, as it stands here.
 *
 * @param {string} json
 */
function rawAwareness(json) {
  const body = encoding.encode((out) => {
    for (const number of [1, 5, 1]) encoding.writeVarUint(out, number);
    encoding.writeVarString(out, json);
  });
  return encoding.encode((out) => {
    encoding.writeVarUint(out, 1);
    encoding.writeVarUint8Array(out, body);
  });
}

/**
 * @param {Scene} scene
 * @param {string} body
 */
async function isRefusedByApi(scene, body) {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' };
  for (const [method, path] of /** @type {const} */ ([
    ['POST', '/api/apps'],
    ['PATCH', '/api/settings'],
    ['POST', '/api/tickets'],
    ['POST', '/api/token'],
  ])) {
    const { status } = await exchange(`${scene.server.http}${path}`, { method, headers, body });
    assert.ok(status >= 400 && status < 500, `${method} ${path}: ${status}`);
  }
}

/**
 * As the header of a token, and as what it claims.
 *
 * @param {Scene} scene
 * @param {string} json
 */
async function isRefusedAsToken(scene, json) {
  const part = (/** @type {string} */ text) => Buffer.from(text).toString('base64url');
  for (const [header, claims] of /** @type {const} */ ([['{"alg":"HS256"}', json], [json, '{}']])) {
    const refusal = await scene.raw({ token: `${part(header)}.${part(claims)}.x` }).refused();
    assert.equal(refusal.status, 401);
  }
}

suite(
  'Bombs',
  (test) => {
    for (const { what, bytes } of UPDATES) {
      test(`FA13: ${what} are taken or refused, and harm nobody`, { within: WITHIN }, async (scene, context) => {
        const bystanders = await Bystanders.of(scene);
        const client = await scene.rawSettled();
        for (const each of [bytes].flat()) client.send(update(each));
        const answered = client.settle(ANSWERED).then(() => ({ code: 0 }));
        const { code } = await Promise.race([answered, client.whenClosed]);
        assert.ok(code === 0 || code === 4400 || code === 4413, `closed with ${code}`);
        const late = await scene.rawSettled();
        late.send(update(edit('and on')));
        await late.settle(ANSWERED);
        await bystanders.areUnharmed(LITTLE, context);
      });
    }

    test('FA13: whatever fuzzing has been through is taken or refused by the component as well', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const rows = corpus('updates').map(({ file, bytes }) => ({ file, frames: rowOf(bytes).map(update) }));
      const messages = corpus('messages').map(({ file, bytes }) => ({ file, frames: [bytes] }));
      for (const { file, frames } of [...rows, ...messages]) {
        let client;
        for (const frame of frames) {
          client ??= await scene.rawSettled({ room: `${scene.room}-${file}` });
          client.send(frame);
          const answered = client.settle(ANSWERED).then(() => ({ code: 0 }));
          const { code } = await Promise.race([answered, client.whenClosed]);
          assert.ok(code === 0 || code === 4400 || code === 4413, `${file}: closed with ${code}`);
          if (code !== 0) client = undefined;
        }
        client?.terminate();
      }
      await bystanders.areUnharmed(LITTLE, context);
    });

    test('FA13: a thousand edits that wait for each other are integrated once the first is there', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const client = await scene.rawSettled();
      for (let clock = 1_023; clock >= 0; clock -= 1) client.send(update(bombs.keystroke(clock)));
      await client.settle(ANSWERED);
      const reader = await scene.joined();
      assert.equal(reader.text.length, 1_024);
      await bystanders.areUnharmed(LITTLE, context);
    });

    for (const { what, bytes } of SLOW) {
      test(`FA13: ${what} hold up their own room, and nobody else`, { within: WITHIN }, async (scene) => {
        await scene.ownServer();
        const client = await scene.rawSettled({ room: `${scene.room}-slow` });
        const bystander = await scene.rawSettled();
        for (const each of bytes) client.send(update(each));
        let isAnswered = false;
        const answered = client.settle(ANSWERED).then(() => (isAnswered = true));
        for (let round = 0; round < ROUNDS; round += 1) {
          await bystander.settle(ANSWERED);
          const newcomer = await scene.rawSettled({ room: `${scene.room}-${round}` });
          newcomer.terminate();
        }
        assert.equal(isAnswered, false, 'others had their turns meanwhile');
        await answered;
      });
    }

    test('FA14: compression is not spoken, so nothing can be blown up', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const bomb = deflateRawSync(Buffer.alloc(64 * MIB));
      const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' };
      const tcp = new Tcp(scene.server.port);
      scene.cleanups.push(() => tcp.destroy());
      tcp.send(head(`GET /doc/${scene.room}?token=${MASTER_TOKEN}`, { ...UPGRADE, ...offer, Origin: 'http://localhost:3000' }));
      await tcp.answered(ANSWERED);
      assert.equal(tcp.status, 101);
      assert.doesNotMatch(tcp.received, /permessage-deflate/i);
      // A binary frame that claims to be compressed, masked with zeros.
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(bomb.length));
      tcp.send(Buffer.concat([Buffer.of(0xc2, 0xff), length, Buffer.alloc(4), bomb]));
      await tcp.closed(ANSWERED);
      const body = deflateRawSync(Buffer.alloc(64 * MIB, ' '));
      const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Encoding': 'deflate', 'Content-Type': 'application/json' };
      const { status } = await exchange(`${scene.server.http}/api/apps`, { method: 'POST', headers, body });
      assert.equal(status, 400);
      await bystanders.areUnharmed(LITTLE / 4, context);
    });

    test('FA15: 10,000 users announced at once, or by one connection after the other, are too many', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const users = Array.from({ length: 10_000 }, (_, id) => ({ id: id + 1, clock: 1, state: { id } }));
      const atOnce = await scene.rawSettled();
      atOnce.send(awareness(users));
      assert.equal((await atOnce.closed()).code, 4413);
      const codes = [];
      for (let first = 0; first < users.length; first += 2_000) {
        const client = await scene.rawSettled();
        client.send(awareness(users.slice(first, first + 2_000)));
        const settled = client.settle().then(() => ({ code: 0 }));
        codes.push((await Promise.race([settled, client.whenClosed])).code);
      }
      assert.deepEqual(codes, [0, 0, 4413, 4413, 4413]);
      await bystanders.areUnharmed(LITTLE, context);
    });

    test('FA16: state vectors of a million clients, and of the largest clocks, are answered', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const client = await scene.rawSettled();
      client.send(update(edit('here')));
      for (const vector of [stateVector(1_000_000, () => 1), stateVector(1_000, () => 2 ** 31 - 1), stateVector(1_000, () => 2 ** 53 - 1)]) {
        client.send(step1(vector));
        const answered = client.nextOf('step2', [], ANSWERED).then(() => ({ code: 0 }));
        const { code } = await Promise.race([answered, client.whenClosed]);
        assert.ok(code === 0 || code === 4400, `closed with ${code}`);
        if (code !== 0) break;
      }
      await bystanders.areUnharmed(LITTLE, context);
    });

    test('FA17: JSON that is nested very deep is refused or passed on unread, and harms nobody', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      await openStores(scene);
      for (const nested of [array, object]) {
        await isRefusedByApi(scene, nested(DEEP));
        await isRefusedAsToken(scene, nested(1_000));
        const client = await scene.rawSettled();
        client.send(`{"kraken":"signal","signal":${nested(DEEP)}}`);
        client.send(`{"kraken":"signal","signal":{"type":1,"metadata":${nested(DEEP)}}}`);
        const user = await scene.rawSettled();
        user.send(rawAwareness(nested(5_000)));
        await user.settle();
        const signaller = await new Store(scene).signaller();
        signaller.send(`{"to":"x","from":${nested(DEEP)}}`, nested(DEEP));
      }
      await bystanders.areUnharmed(LITTLE, context);
    });

    test(`FA13: bombs that are cut, joined and bent are taken or refused ${SEEDED}`, { within: WITHIN }, async (scene, context) => {
      const roll = diceOf('bent');
      const bystanders = await Bystanders.of(scene);
      const small = [bombs.longStruct('gc'), bombs.longStruct('skip', 2 ** 31 - 1), bombs.longDeletion(), bombs.wideDeletion(), bombs.manyDeletions(20), bombs.manyClients(20), bombs.deepTypes(20), bombs.collisions(20), bombs.crowd(1, 20), ...bombs.scattered(20), keystrokes(20)];
      for (let round = 0; round < 300; round += 1) {
        const bytes = Uint8Array.from(small[roll(small.length)] ?? []);
        for (let bends = roll(4); bends > 0; bends -= 1) bytes[roll(bytes.length)] = roll(256);
        const client = await scene.rawSettled();
        client.send(update(bytes));
        const settled = client.settle(ANSWERED).then(() => ({ code: 0 }));
        const { code } = await Promise.race([settled, client.whenClosed]);
        assert.ok(code === 0 || code === 4400 || code === 4413, `round ${round}: closed with ${code}`);
        client.terminate();
      }
      await bystanders.areUnharmed(LITTLE, context);
    });
  },
  { concurrency: 3, once: true },
);
