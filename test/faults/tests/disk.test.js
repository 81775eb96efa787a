// @ts-check
/** A disk that fails, and a database that somebody else holds. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { exchange } from '../../interop/lib/http.js';
import { Database } from '../../interop/lib/packages.js';
import { edit, textOf } from '../../interop/lib/edits.js';
import { update } from '../../interop/lib/raw.js';
import { openStores, Store } from '../../interop/lib/sds/store.js';
import { suite } from '../../interop/lib/suite.js';
import { timePasses } from '../../interop/lib/wait.js';
import { BadHost, lacksBadHost } from '../lib/host.js';
import { DocumentLine, StoreLine } from '../lib/line.js';
import { becomes, linked, stored } from '../lib/ready.js';
import { MIB } from '../lib/memory.js';
import { diceOf, SEEDED } from '../lib/seed.js';

/** @typedef {import('../../interop/lib/suite.js').Scene} Scene */
/** @typedef {import('../../interop/lib/server.js').Durability} Durability */
/** @typedef {import('../lib/line.js').Line} Line */

const WITHIN = 60_000;
const skip = lacksBadHost();

/** Between two words of one line, in milliseconds. */
const PACE = 2;
/** How long writing goes on before, during and after a fault, in milliseconds. */
const WHILE = 300;
/** Each wait of the core before it tries again is longer than the last: this one at the most. */
const RETRIED_WITHIN = 20_000;

/** @type {Array<['write' | 'sync', import('../lib/host.js').Failure, string]>} */
const FAILURES = [
  ['write', 'ENOSPC', 'a full disk'],
  ['write', 'EIO', 'a disk that fails to write'],
  ['sync', 'EIO', 'a disk that fails to sync'],
];

/**
 * A server on a host that can be made bad, with stores.
 *
 * @param {Scene} scene
 * @param {Durability} durability
 */
async function onBadHost(scene, durability) {
  const host = new BadHost();
  scene.cleanups.push(() => host.dispose());
  const server = await scene.ownServer({ durability, env: host.env });
  await linked(server);
  await openStores(scene);
  return { host, server };
}

/**
 * Until whoever watches over the server can know that its storage fails.
 *
 * @param {import('../../interop/lib/server.js').Server} server
 */
async function failureIsTold(server) {
  const isTold = async () => (await exchange(`${server.http}/health`)).json?.storage === 'failing';
  await becomes(isTold, 'health saying that storage fails');
}

/**
 * kill -9, and all is there that was ever written.
 *
 * @param {import('../../interop/lib/server.js').Server} server
 * @param {Line[]} all
 */
async function allIsKept(server, all) {
  const moment = performance.now();
  await server.kill();
  await server.start();
  await linked(server);
  for (const line of all) {
    await line.keeps(moment);
    assert.equal(line.kept, line.written, `${line.name}: everything was seen, so everything is kept`);
  }
}

/** @param {Scene} scene */
async function lines(scene) {
  const all = [new DocumentLine(scene, scene.room), new StoreLine(scene, scene.room)];
  for (const line of all) await line.begin();
  return all;
}

/**
 * Writes on and on, until it is stopped.
 *
 * @param {Scene} scene
 * @param {Line[]} all
 */
function writing(scene, all) {
  const timer = setInterval(() => all.forEach((line) => line.write()), PACE);
  const stop = () => clearInterval(timer);
  scene.cleanups.push(stop);
  return stop;
}

/**
 * All that is written reaches the witness.
 *
 * @param {Line[]} all
 */
async function allIsSeen(all) {
  for (const line of all) {
    const isSeen = async () => line.kept + line.seen.length === line.written;
    await becomes(isSeen, `all ${line.written} words of ${line.name} being seen`, RETRIED_WITHIN);
  }
}

/** Each test has a server of its own, and mostly waits. */
const concurrency = 4;

suite('Disk', (test) => {
  for (const [what, how, name] of FAILURES) {
    test(`FA3: write-first: ${name} stops what is seen, loses nothing, and is over by itself`, { within: WITHIN, skip }, async (scene) => {
      const { host, server } = await onBadHost(scene, 'write-first');
      const all = await lines(scene);
      const stop = writing(scene, all);
      await timePasses(WHILE, 'writing goes on for a while');
      host.breaks(what, how);
      await failureIsTold(server);
      await timePasses(WHILE, 'what was under way is done');
      const seen = all.map((line) => line.seen.length);
      await timePasses(WHILE, 'writing goes on for a while');
      assert.deepEqual(all.map((line) => line.seen.length), seen, 'nothing is seen that is not stored');
      host.heals();
      await timePasses(WHILE, 'writing goes on for a while');
      stop();
      await allIsSeen(all);
      await allIsKept(server, all);
    });

    test(`FA3: relay-first: ${name} is noticed by nobody, and nothing is lost`, { within: WITHIN, skip }, async (scene) => {
      const { host, server } = await onBadHost(scene, 'relay-first');
      const all = await lines(scene);
      const stop = writing(scene, all);
      host.breaks(what, how);
      await timePasses(2 * WHILE, 'writing goes on for a while');
      const late = await scene.rawSettled();
      const { state } = await late.settle();
      assert.ok(textOf(state).length > 0, 'who joins a room that is there gets it');
      stop();
      await allIsSeen(all);
      host.heals();
      await stored(server, RETRIED_WITHIN);
      await allIsKept(server, all);
    });
  }

  test('FA4: who writes more than may wait for a broken disk is closed with 1013, and keeps it', { within: WITHIN, skip }, async (scene) => {
    const { host, server } = await onBadHost(scene, 'relay-first');
    const rooms = [1, 2, 3, 4].map((number) => `${scene.room}-${number}`);
    const writers = await Promise.all(rooms.map((room) => scene.joined({ room })));
    host.breaks('write', 'ENOSPC');
    const closed = Promise.race(writers.map((writer) => writer.closed(30_000)));
    const text = randomBytes(MIB / 2).toString('hex');
    for (let key = 0; key < 12; key += 1) for (const { map } of writers) map.set(`key ${key}`, text);
    assert.equal((await closed)?.code, 1013);
    await failureIsTold(server);
    host.heals();
    const isWhole = async (/** @type {string} */ room) => {
      const reader = scene.join({ room });
      const keys = () => reader.map.size;
      await reader.has(() => keys() === 12, () => `12 keys, have ${keys()}`, RETRIED_WITHIN);
      reader.destroy();
    };
    await Promise.all(rooms.map(isWhole));
    for (const writer of writers) {
      assert.deepEqual(writer.stops, [], 'nobody was told to stop for good');
      writer.destroy();
    }
    await stored(server, RETRIED_WITHIN);
    await server.kill();
    await server.start();
    await linked(server);
    await Promise.all(rooms.map(isWhole));
  });

  test('FA4: who joins what cannot be read is closed with 1013, and gets it when the disk is well', { within: WITHIN, skip }, async (scene) => {
    const { host, server } = await onBadHost(scene, 'relay-first');
    const writer = await scene.rawSettled();
    writer.send(update(edit('kept')));
    await writer.settle();
    await stored(server, RETRIED_WITHIN);
    await server.stop();
    await server.start();
    await linked(server);
    host.breaks('read', 'EIO');
    const reader = scene.join();
    assert.equal((await reader.closed())?.code, 1013);
    host.heals();
    await reader.hasText('kept', RETRIED_WITHIN);
  });

  test('FA4: who comes first while the disk fails is closed with 1013, and comes in when it is well', { within: WITHIN, skip }, async (scene) => {
    const { host } = await onBadHost(scene, 'relay-first');
    host.breaks('write', 'ENOSPC');
    const user = scene.join();
    const member = await new Store(scene).join();
    assert.equal((await user.closed())?.code, 1013);
    assert.equal((await member.closed()).code, 1013);
    host.heals();
    await user.synced();
    assert.deepEqual(await new Store(scene).contents(), []);
  });

  test('FA4: a disk that fails in every way, again and again, takes nothing ' + SEEDED, { within: WITHIN, skip }, async (scene) => {
    const roll = diceOf('disk');
    const { host, server } = await onBadHost(scene, 'write-first');
    const all = await lines(scene);
    const stop = writing(scene, all);
    for (let round = 0; round < 20; round += 1) {
      const [what, how] = FAILURES[roll(FAILURES.length)] ?? FAILURES[0] ?? assert.fail();
      await timePasses(roll(200), 'the fault comes at any moment');
      host.breaks(what, how);
      await timePasses(roll(200), 'and goes at any moment');
      host.heals();
    }
    stop();
    await allIsSeen(all);
    await allIsKept(server, all);
  });

  test('FA5: a database that another process holds is waited for', { within: WITHIN }, async (scene) => {
    const server = await scene.ownServer({ durability: 'write-first' });
    await linked(server);
    await openStores(scene);
    const all = await lines(scene);
    const stop = writing(scene, all);
    await timePasses(WHILE, 'writing goes on for a while');
    const held = ['documents-default', 'stores'].map((name) => {
      const database = new Database(join(server.dataDir, 'sqlite/kraken:template.os', name, `${name}.db`));
      database.exec('BEGIN IMMEDIATE');
      return database;
    });
    await timePasses(7_000, 'longer than SQLite itself waits for a lock: 5 s');
    for (const database of held) database.close();
    stop();
    await allIsSeen(all);
    await allIsKept(server, all);
  });
}, { concurrency });
