// @ts-check
/** Stores as files: `kraken store`, and the databases of the original server. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ServerProcess } from '../lib/process.js';
import { hashOf, numbered, patch, value } from '../lib/sds/frames.js';
import { readable } from '../lib/sds/member.js';
import { openStores, Store } from '../lib/sds/store.js';
import { KRAKEN } from '../lib/server.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

/**
 * Runs `kraken store`.
 *
 * @param {string[]} args
 */
async function krakenStore(...args) {
  const run = new ServerProcess(KRAKEN, ['store', ...args], {});
  const { code } = await run.exited;
  return { code, output: run.output };
}

/**
 * @param {string[]} args
 * @returns {Promise<string>} what it printed
 */
async function works(...args) {
  const { code, output } = await krakenStore(...args);
  assert.equal(code, 0, `kraken store ${args.join(' ')}: ${output}`);
  return output;
}

/**
 * A temporary folder of this test.
 *
 * @param {Scene} scene
 */
async function folderOf(scene) {
  const folder = await mkdtemp(join(tmpdir(), 'kraken-interop-'));
  scene.cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * The database that the original server leaves behind, when it is killed: what was written last is
 * still in the log beside it.
 *
 * @param {string} file
 * @param {Array<{ store: string, snapshot?: Buffer, patches: Array<[clock: number, data: Buffer]> }>} stores
 */
async function originalFile(file, stores) {
  const working = `${file}.working`;
  const database = new Database(working);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.exec(`
    CREATE TABLE IF NOT EXISTS snapshots (store_id TEXT PRIMARY KEY, data BLOB NOT NULL, clock INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS patches (store_id TEXT NOT NULL, clock INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (store_id, clock));
    CREATE TABLE IF NOT EXISTS blobs (hash TEXT PRIMARY KEY, data BLOB NOT NULL, ref_count INTEGER NOT NULL DEFAULT 0);
  `);
  for (const { store, snapshot, patches } of stores) {
    if (snapshot !== undefined) {
      database.prepare('INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)').run(store, snapshot, Date.now());
    }
    const insert = database.prepare('INSERT OR IGNORE INTO patches VALUES (?, ?, ?)');
    for (const [clock, data] of patches) insert.run(store, clock, data);
  }
  for (const suffix of ['', '-wal']) await copyFile(working + suffix, file + suffix);
  database.close();
}

/**
 * Stops the server, does something with its data, starts it again.
 *
 * @param {Scene} scene
 * @param {(data: string[]) => Promise<void>} play is given the arguments that say where the data are
 */
async function whileStopped({ server }, play) {
  await server.stop();
  await play(['--data-dir', server.dataDir]);
  await server.start();
}

suite('Stores: files', (test) => {
  test('SD20: a store goes into a file of the original schema, and back without loss', { needs: ['apps'], within: 120_000 }, async (scene) => {
    const folder = await folderOf(scene);
    const file = join(folder, 'export.db');
    await scene.ownServer();
    await openStores(scene);
    const [store, other] = [new Store(scene, 'plans/2026 ä'), new Store(scene, 'other')];
    const writer = await store.join();
    const values = [value(hashOf('1'), 'one'), value(hashOf('2'), Buffer.alloc(2_000_000, 2)), value(hashOf('3'), '')];
    const patches = [...numbered('p', 200), patch(''), patch(Buffer.alloc(70_000, 1))];
    writer.send(...patches.slice(0, 100), ...values, ...patches.slice(100));
    const bystander = await other.join();
    bystander.send(patch('of another store'));
    await store.has(writer);
    await other.has(bystander);
    const contents = await store.contents();
    assert.equal(contents.length, values.length + patches.length);

    await whileStopped(scene, async (data) => {
      const listed = await works('list', ...data);
      for (const name of [store.name, other.name]) assert.ok(listed.includes(name), listed);
      await works('export', store.name, file, ...data);
      assert.notEqual((await krakenStore('export', other.name, file, ...data)).code, 0, 'no file is overwritten');
      const { code, output } = await krakenStore('export', 'no such store', join(folder, 'none.db'), ...data);
      assert.notEqual(code, 0);
      assert.match(output, /no such store/);
    });

    const database = new Database(file, { readonly: true });
    const rows = /** @type {Array<{ clock: number, data: Buffer }>} */ (
      database.prepare('SELECT clock, data FROM patches WHERE store_id = ? ORDER BY clock').all(store.name)
    );
    assert.deepEqual(rows.map(({ data }) => patch(data).toString('latin1')), readable(patches));
    const [snapshot] = /** @type {Array<{ data: Buffer }>} */ (database.prepare('SELECT data FROM snapshots').all());
    assert.ok(snapshot !== undefined && values.some((bytes) => bytes.subarray(1).equals(snapshot.data)));
    assert.deepEqual(database.prepare('SELECT count(*) AS count FROM blobs').get(), { count: 0 });
    assert.deepEqual(database.prepare('SELECT DISTINCT store_id FROM patches').all(), [{ store_id: store.name }]);
    const kept = database.prepare('SELECT count(*) AS count FROM kraken_values').get();
    assert.deepEqual(kept, { count: values.length });
    database.close();

    await scene.ownServer();
    await openStores(scene);
    await whileStopped(scene, async (data) => {
      await works('import', file, ...data);
      await works('import', '--store', 'a copy', file, ...data);
    });
    assert.deepEqual(await new Store(scene, store.name).contents(), contents);
    assert.deepEqual(await new Store(scene, 'a copy').contents(), contents);
    assert.deepEqual(await new Store(scene, other.name).contents(), []);
  });

  test('SD20: databases of the original server are taken, a log beside them too', { needs: ['apps'], within: 120_000 }, async (scene) => {
    const folder = await folderOf(scene);
    const [shared, alone] = [join(folder, 'a_b.db'), join(folder, 'alone.db')];
    const snapshot = Buffer.concat([hashOf('snapshot'), Buffer.from('state')]);
    const clock = 1_773_300_000_000;
    await originalFile(shared, [
      { store: 'a/b', snapshot, patches: [[clock + 5, Buffer.from('second')], [clock, Buffer.from('first')]] },
      { store: 'a.b', patches: [[clock + 1, Buffer.from('of a.b')]] },
    ]);
    await originalFile(alone, [{ store: 'alone', snapshot: Buffer.from('short'), patches: [] }]);

    const { dataDir } = await scene.ownServer();
    await openStores(scene);
    // The server may run meanwhile, and have the store in memory.
    const store = new Store(scene, 'a/b');
    assert.deepEqual(await store.contents(), []);
    await works('import', shared, alone, '--data-dir', dataDir);
    await works('import', shared, alone, '--data-dir', dataDir);
    const wanted = readable([Buffer.concat([Buffer.of(2), snapshot]), patch('first'), patch('second')]);
    assert.deepEqual(await store.contents(), wanted);
    assert.deepEqual(await new Store(scene, 'a.b').contents(), readable([patch('of a.b')]));
    assert.deepEqual(await new Store(scene, 'alone').contents(), ['\u0002short']);
    assert.deepEqual(await new Store(scene, 'a_b').contents(), []);

    const writer = await store.join();
    await writer.take(3);
    writer.send(patch('third'));
    await store.has(writer);
    assert.deepEqual(await store.contents(), [...wanted, ...readable([patch('third')])]);
  });

  test("SD20: whatever else is in the folder, the original server's files in it are taken", { needs: ['apps'], within: 60_000 }, async (scene) => {
    const folder = await folderOf(scene);
    const { dataDir } = await scene.ownServer();
    await openStores(scene);
    const files = ['a.db', 'b.db', 'z.db'].map((name) => join(folder, name));
    const [first = '', wrong = '', last = ''] = files;
    await originalFile(first, [{ store: 'first', patches: [[1, Buffer.from('p')]] }]);
    new Database(wrong).exec('CREATE TABLE other (x)').close();
    await originalFile(last, [{ store: 'last', patches: [[1, Buffer.from('p')]] }]);
    const own = join(dataDir, 'sqlite/kraken:template.os/stores/stores.db');
    await works('import', first, own, last, '--data-dir', dataDir);
    const { code, output } = await krakenStore('import', wrong, last, '--store', 'behind it', '--data-dir', dataDir);
    assert.notEqual(code, 0);
    assert.ok(output.includes(wrong), output);
    for (const name of ['first', 'last', 'behind it']) {
      assert.deepEqual(await new Store(scene, name).contents(), readable([patch('p')]), name);
    }
  });

  test('SD20: a file that is none is refused, and nothing changes', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const folder = await folderOf(scene);
    const server = await scene.ownServer();
    await openStores(scene);
    await new Store(scene).contents();
    await server.stop();
    const empty = join(folder, 'empty.db');
    new Database(empty).exec('CREATE TABLE other (x)').close();
    for (const file of [join(folder, 'absent.db'), empty, KRAKEN]) {
      const { code, output } = await krakenStore('import', file, '--data-dir', server.dataDir);
      assert.notEqual(code, 0, file);
      assert.ok(output.includes(file), output);
    }
    const { code, output } = await krakenStore('list', '--data-dir', join(folder, 'nothing here'));
    assert.notEqual(code, 0);
    assert.ok(output.includes('nothing here'), output);
  });
}, { once: true });
