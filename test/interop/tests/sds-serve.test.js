// @ts-check
/** `kraken serve` in the place of the original server: its variables, and what is wrong with them. */
import assert from 'node:assert/strict';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServerProcess } from '../lib/process.js';
import { freePort } from '../lib/programs.js';
import { patch, presence } from '../lib/sds/frames.js';
import { Member, readable } from '../lib/sds/member.js';
import { SECRET, storeToken } from '../lib/sds/tokens.js';
import { CACHE, KRAKEN } from '../lib/server.js';

const WITHIN = 60_000;
const LISTENING = /listening on http:\/\/([\d.]+:\d+)/;

/** @typedef {Record<string, string>} Variables */

/**
 * Gives a folder that is gone afterwards.
 *
 * @param {(folder: string) => Promise<void>} play
 */
async function inFolder(play) {
  const folder = await mkdtemp(join(tmpdir(), 'kraken-interop-'));
  try {
    await play(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @param {Variables} variables
 * @param {string[]} [args]
 */
function started(folder, variables, args = []) {
  return new ServerProcess(KRAKEN, ['serve', '--data-dir', join(folder, 'data'), ...args], {
    KRAKEN_CACHE_DIR: CACHE,
    ...variables,
  });
}

/**
 * Plays with a server, which ends afterwards.
 *
 * @param {string} folder
 * @param {Variables} variables
 * @param {string[]} args
 * @param {(address: string, server: ServerProcess) => Promise<void>} play
 */
async function serving(folder, variables, args, play) {
  const server = started(folder, variables, args);
  const [, address = ''] = await server.prints(LISTENING, WITHIN);
  try {
    await play(address, server);
  } finally {
    await server.end('SIGTERM');
  }
}

/**
 * @param {string} address
 * @param {import('../lib/sds/tokens.js').Claims} [claims]
 */
async function joined(address, claims = {}) {
  const member = new Member(`ws://${address}/ws/store?token=${storeToken('store', claims)}`);
  await member.open();
  return member;
}

/**
 * Writes a patch, and reads what somebody gets who comes then.
 *
 * @param {string} address
 * @param {string} name
 * @returns {Promise<string[]>}
 */
async function writesAndReads(address, name) {
  const [writer, witness] = [await joined(address), await joined(address)];
  writer.send(patch(name));
  await witness.takeUntil(patch(name));
  const late = await joined(address);
  writer.send(presence({ end: 1 }));
  const got = readable(await late.takeUntil(presence({ end: 1 })));
  for (const member of [writer, witness, late]) member.terminate();
  return got;
}

const free = ['--listen', '127.0.0.1:0'];

test('SD21: what the original refuses to start with is refused, and it is said what to do', async (context) => {
  /** @type {Array<[what: string, variables: Variables, says: RegExp]>} */
  const refused = [
    ['a port without a secret', { SDS_PORT: '3999' }, /SDS_JWT_SECRET/],
    ['a host without a secret', { SDS_HOST: '127.0.0.1' }, /SDS_JWT_SECRET/],
    ['an issuer without a secret', { SDS_ISSUER: 'house' }, /SDS_JWT_SECRET/],
    ['a folder without a secret', { SDS_PERSIST_DIR: '/nowhere' }, /SDS_JWT_SECRET/],
    ['a secret of 31 characters', { SDS_JWT_SECRET: 'x'.repeat(31) }, /SDS_JWT_SECRET.*32/s],
    ['a secret of 31 UTF-16 units', { SDS_JWT_SECRET: `${'😀'.repeat(15)}x` }, /SDS_JWT_SECRET.*32/s],
    ['a port in words', { SDS_JWT_SECRET: SECRET, SDS_PORT: 'http' }, /SDS_PORT/],
    ['a port with a unit', { SDS_JWT_SECRET: SECRET, SDS_PORT: '3000x' }, /SDS_PORT/],
    ['a port that there is not', { SDS_JWT_SECRET: SECRET, SDS_PORT: '65536' }, /SDS_PORT/],
  ];
  for (const [what, variables, says] of refused) {
    await context.test(what, () =>
      inFolder(async (folder) => {
        const server = started(folder, variables);
        const { code } = await server.exited;
        assert.notEqual(code, 0);
        assert.notEqual(code, null, server.log);
        assert.match(server.log, says);
        assert.ok(!server.log.includes(variables['SDS_JWT_SECRET'] || SECRET), 'no secret is shown');
      }),
    );
  }
});

test('SD21: a secret of 32 UTF-16 units is enough, of whatever they are', () =>
  inFolder(async (folder) => {
    await serving(folder, { SDS_JWT_SECRET: '😀'.repeat(16) }, free, async (address) => {
      const token = storeToken('store', {}, { secret: '😀'.repeat(16) });
      const member = new Member(`ws://${address}/ws/store?token=${token}`);
      await member.open();
      member.socket.close();
      assert.equal((await member.closed()).code, 1005);
    });
  }));

test('SD21: port and host are where it listens', () =>
  inFolder(async (folder) => {
    const port = await freePort();
    await serving(folder, { SDS_JWT_SECRET: SECRET, SDS_PORT: String(port) }, [], async (address) => {
      assert.equal(address, `127.0.0.1:${port}`);
      assert.deepEqual(await writesAndReads(address, 'p'), [], 'relay-only by default');
    });
    const host = '127.0.0.77';
    await serving(folder, { SDS_JWT_SECRET: SECRET, SDS_PORT: String(port), SDS_HOST: host }, [], async (address) => {
      assert.equal(address, `${host}:${port}`);
      (await joined(address)).terminate();
    });
    await serving(folder, { SDS_JWT_SECRET: SECRET, SDS_HOST: host }, [], async (address) => {
      assert.equal(address, `${host}:3000`);
    });
  }));

test('SD21: the persist folder is made, and keeps what is written; an empty one keeps nothing', () =>
  inFolder(async (folder) => {
    const persist = join(folder, 'deep', 'down');
    const variables = { SDS_JWT_SECRET: SECRET, SDS_PERSIST_DIR: persist };
    await serving(folder, variables, free, async (address) => {
      assert.deepEqual(await writesAndReads(address, '1'), readable([patch('1')]));
    });
    await access(join(persist, 'stores.db'));
    await rm(join(folder, 'data'), { recursive: true });
    await serving(folder, variables, free, async (address) => {
      assert.deepEqual(await writesAndReads(address, '2'), readable([patch('1'), patch('2')]));
    });
    await serving(folder, { ...variables, SDS_PERSIST_DIR: '' }, free, async (address) => {
      assert.deepEqual(await writesAndReads(address, '3'), []);
    });
  }));

test('SD21: the issuer is checked', () =>
  inFolder(async (folder) => {
    await serving(folder, { SDS_JWT_SECRET: SECRET, SDS_ISSUER: 'house' }, free, async (address) => {
      const member = await joined(address, { iss: 'house' });
      const other = await joined(address, { iss: 'another' });
      assert.deepEqual(await other.closed(), { code: 4001, reason: 'Unauthorized' });
      assert.equal(member.end, null);
      member.terminate();
    });
  }));

test('SD21: kraken.toml says the same, and variables win', () =>
  inFolder(async (folder) => {
    const config = join(folder, 'kraken.toml');
    const persist = join(folder, 'stores');
    await writeFile(config, [
      '[sds]',
      'jwt-secret = "a-secret-of-the-file-0123456789abcdef"',
      'issuer = "house"',
      `persist-dir = "${persist}"`,
      'store-bytes = 10000',
      'retention-days = 30',
      '',
    ].join('\n'));
    const args = [...free, '--config', config];
    await serving(folder, { SDS_JWT_SECRET: SECRET, SDS_ISSUER: 'other house' }, args, async (address) => {
      const writer = await joined(address, { iss: 'other house' });
      writer.send(patch('x'.repeat(20_000)));
      assert.equal((await writer.closed()).code, 4413);
    });
    await access(join(persist, 'stores.db'));
    await writeFile(config, '[sds]\njwt-secret = "short"\n');
    const server = started(folder, {}, args);
    assert.notEqual((await server.exited).code, 0);
    assert.match(server.log, /32/);
    assert.ok(!server.log.includes('"short"'));
  }));
