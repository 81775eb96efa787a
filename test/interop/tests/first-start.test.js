// @ts-check
/** The very first start of `kraken serve`, and the second. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { folderWithPackages, startScript } from '../lib/examples.js';
import { handshakeHeaders } from '../lib/handshake.js';
import { ServerProcess } from '../lib/process.js';
import { KRAKEN } from '../lib/server.js';

const WITHIN = 60_000;
const LISTENING = /listening on http:\/\/127\.0\.0\.1:(\d+)/;
const SNIPPET_END = /provider\.on\('status'.*\n/;

/**
 * @param {string} dataDir
 * @returns {Promise<{ server: ServerProcess, port: string }>}
 */
async function serve(dataDir) {
  const environment = { KRAKEN_MASTER_TOKEN: '', KRAKEN_ADMIN_TOKEN: '' };
  const server = new ServerProcess(KRAKEN, ['serve', '--listen', '127.0.0.1:0', '--data-dir', dataDir], environment);
  const match = await server.prints(LISTENING, WITHIN);
  return { server, port: match[1] ?? '' };
}

/**
 * @param {string} port
 * @param {string} token
 * @returns {Promise<boolean>} whether the token is let in
 */
function isLetIn(port, token) {
  return new Promise((resolve) => {
    const url = `ws://127.0.0.1:${port}/doc/room?token=${token}`;
    const socket = new WebSocket(url, { headers: handshakeHeaders({}) });
    socket.on('open', () => {
      socket.terminate();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/**
 * @param {string} folder
 * @returns {Promise<Buffer[]>} every file below it
 */
async function contents(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name))));
}

/**
 * The code that is printed for pasting.
 *
 * @param {string} printed
 */
function snippetIn(printed) {
  const start = printed.indexOf('  import * as Y');
  const end = SNIPPET_END.exec(printed);
  assert.ok(start >= 0 && end !== null, printed);
  return printed.slice(start, end.index + end[0].length);
}

/** @param {string} code of a page that says when it is connected */
async function worksInPage(code) {
  const folder = await folderWithPackages();
  try {
    const page = await startScript(folder, code, { PAGE: 'http://localhost:5173/' });
    await page.prints(/^connected$/m, WITHIN);
    await page.end('SIGKILL');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('CO6: tokens are made at the first start, shown once in code that works, and only hashes of them are kept', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'kraken-interop-'));
  try {
    const first = await serve(dataDir);
    await first.server.prints(SNIPPET_END, WITHIN);
    const token = /master token {2}(\S+)/.exec(first.server.log)?.[1] ?? '';
    const admin = /admin token {3}(\S+)/.exec(first.server.log)?.[1] ?? '';
    assert.match(token, /^[\w-]{43}$/);
    assert.match(admin, /^[\w-]{43}$/);
    assert.ok(first.server.log.includes(`'ws://127.0.0.1:${first.port}'`), 'the snippet names the server');
    assert.ok(await isLetIn(first.port, token));
    assert.ok(!(await isLetIn(first.port, admin)), 'the admin token opens no document');
    await worksInPage(snippetIn(first.server.log));
    assert.deepEqual(await first.server.end('SIGTERM'), { code: 0, signal: null });

    const second = await serve(dataDir);
    assert.ok(await isLetIn(second.port, token));
    await second.server.end('SIGTERM');
    assert.ok(!second.server.log.includes('token'), second.server.log);
    for (const content of await contents(dataDir)) {
      assert.ok(!content.includes(token) && !content.includes(admin));
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('CO7: a data folder belongs to one Kraken at a time', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'kraken-interop-'));
  try {
    const first = await serve(dataDir);
    const second = new ServerProcess(KRAKEN, ['serve', '--listen', '127.0.0.1:0', '--data-dir', dataDir], {});
    const { code } = await second.exited;
    assert.equal(code, 1);
    assert.match(second.log, /another Kraken uses the data folder/);
    await first.server.end('SIGTERM');
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
