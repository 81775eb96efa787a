// @ts-check
/** The examples of docs/engine.md and docs/monitor.md, with ports and addresses of this test. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterEach, test } from 'node:test';
import { promisify } from 'node:util';
import { Service, endAll } from '../lib/service.js';
import { until } from '../lib/wait.js';

const run = promisify(execFile);

afterEach(endAll);

/**
 * The block that a page marks with `config NAME`.
 *
 * @param {string} page
 * @param {string} name
 */
async function example(page, name) {
  const text = await readFile(new URL(`../../../docs/${page}`, import.meta.url), 'utf8');
  const [, block] = new RegExp(`<!-- config ${name} -->\n\`\`\`\\w+\n(.*?)^\`\`\`$`, 'ms').exec(text) ?? [];
  assert.ok(block !== undefined, `docs/${page} has no ${name}`);
  return block;
}

/** @param {string} command */
async function shell(command) {
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', command]);
  return JSON.parse(stdout);
}

/** @param {string} config */
function here(config) {
  return config.replace('address = ""', 'address = "127.0.0.1"').replaceAll('port = 7001', 'port = 0');
}

test('the examples of docs/engine.md work', async () => {
  const engine = await Service.start('engine', here(await example('engine.md', 'engine.toml')));
  const command = (await example('engine.md', 'call')).replace('http://127.0.0.1:7000', engine.api);
  assert.deepEqual(await shell(command), { id: '1', data: { peers: [] } });
  const { stdout } = await run('bash', ['-c', await example('engine.md', 'room-key')]);
  assert.equal(stdout.trim(), createHmac('sha256', 'YOUR_ENGINE_KEY').update('ROOM').digest('base64'));
  const { data } = await engine.call('turn', ['user']);
  assert.equal(data[0].urls, 'turn:turn.example.com:3478?transport=udp');
});

test('the examples of docs/monitor.md work', async () => {
  const monitor = await Service.start('monitor', await example('monitor.md', 'monitor.toml'));
  const named = await example('monitor.md', 'engine.toml');
  const config = named.replace('http://10.0.0.1:7000', monitor.api);
  await Service.engine({ config });
  await until('the engine is known', 10_000, async () => {
    const status = /** @type {any} */ (await (await fetch(`${monitor.api}/status`)).json());
    return status.engines.some((/** @type {any} */ known) => known.engine === 'http://10.0.0.5:7000');
  });
  const command = (await example('monitor.md', 'drain')).replace('http://127.0.0.1:7000', monitor.api);
  assert.deepEqual(await shell(command), {});
});

test('the command line of the original starts an engine', async () => {
  const engine = await Service.original('engine', here(await example('engine.md', 'engine.toml')).replace('port = 7000', 'port = 0'));
  assert.deepEqual((await engine.call('list', ['room'])).data, { peers: [] });
});
