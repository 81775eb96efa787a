// @ts-check
/** The configurations in docs/deploy.md, run by the programs that they are for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as plainTest } from 'node:test';
import { blocks } from '../lib/examples.js';
import { exchange } from '../lib/http.js';
import { ServerProcess } from '../lib/process.js';
import { freePort, missing } from '../lib/programs.js';
import { ADMIN_TOKEN, MASTER_TOKEN } from '../lib/server.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

const READY_WITHIN = 30_000;

/** @param {string} name */
async function configuration(name) {
  const found = (await blocks('docs/deploy.md')).find(({ mark }) => mark === `config ${name}`);
  assert.ok(found !== undefined, `docs/deploy.md has no configuration for ${name}`);
  return found.text;
}

/**
 * A folder of this test's own.
 *
 * @param {Scene} scene
 */
async function folderOf(scene) {
  const folder = await mkdtemp(join(tmpdir(), 'kraken-deploy-'));
  scene.cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Runs a proxy until the test ends.
 *
 * @param {Scene} scene
 * @param {string} command
 * @param {string[]} args
 * @param {RegExp} ready what it prints when it listens
 * @param {Record<string, string>} [env]
 */
async function running(scene, command, args, ready, env = {}) {
  const proxy = new ServerProcess(command, args, env);
  scene.cleanups.push(async () => {
    await proxy.end('SIGTERM');
  });
  await proxy.prints(ready, READY_WITHIN);
}

/**
 * A certificate for this machine.
 *
 * @param {string} folder
 */
function certify(folder) {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
    ...['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-keyout', key, '-out', certificate],
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
  return { key, certificate };
}

/**
 * What must hold behind any proxy.
 *
 * @param {Scene} scene
 * @param {string} url of the proxy
 * @param {string} [ca]
 */
async function worksBehind(scene, url, ca) {
  const get = (/** @type {string} */ path, /** @type {Record<string, string>} */ headers = {}) =>
    exchange(url + path, { headers, ...(ca === undefined ? {} : { ca }) });
  assert.equal((await get('/health')).json.status, 'ok');
  assert.equal((await get('/metrics')).status, 401);
  assert.equal((await get('/metrics', { Authorization: `Bearer ${ADMIN_TOKEN}` })).status, 200);

  const room = `${scene.room}/with%2Fslash%20and%20space`;
  const behind = scene.raw({ url: url.replace('http', 'ws'), room, ...(ca === undefined ? {} : { ca }) });
  await behind.open();
  await behind.settle();
  const inside = await scene.joined({ room });
  inside.text.insert(0, 'through the proxy');
  await behind.nextOf('update');
  const refused = scene.raw({ url: url.replace('http', 'ws'), origin: null, ...(ca === undefined ? {} : { ca }) });
  assert.equal((await refused.refused()).code, 'origin_required');
}

const trusting = { gateway: ['--trusted-proxy', '127.0.0.1/32'] };

suite(
  'Deployment',
  (test, mode) => {
    const noNginx = missing(['nginx', 'openssl']);
    test('OP6: Kraken works behind nginx as documented', { needs: ['apps'], skip: noNginx }, async (scene) => {
      const folder = await folderOf(scene);
      const { key, certificate } = certify(folder);
      const port = await freePort();
      const log = join(folder, 'access.log');
      const site = (await configuration('nginx'))
        .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
        .replace('http://127.0.0.1:8080', scene.server.http)
        .replace('/etc/ssl/kraken/fullchain.pem', certificate)
        .replace('/etc/ssl/kraken/privkey.pem', key)
        .replace('/var/log/nginx/kraken.log', log);
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
      const main = [
        'daemon off; master_process off; error_log stderr notice;',
        `pid ${folder}/pid;`,
        'events {}',
        `http { ${temporary.join(' ')}\n${site} }`,
      ];
      await writeFile(join(folder, 'nginx.conf'), main.join('\n'));

      await running(scene, 'nginx', ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')], /start|epoll/);
      await worksBehind(scene, `https://localhost:${port}`, await readFile(certificate, 'utf8'));

      const logged = await readFile(log, 'utf8');
      assert.match(logged, /GET \/health/);
      assert.ok(!logged.includes(MASTER_TOKEN), 'the log of nginx holds no token');
    });

    const noCaddy = missing(['caddy']);
    test('OP6: Kraken works behind Caddy as documented', { needs: ['apps'], skip: noCaddy }, async (scene) => {
      const folder = await folderOf(scene);
      const port = await freePort();
      const site = (await configuration('caddy'))
        .replace('kraken.example.com', `http://127.0.0.1:${port}`)
        .replace('127.0.0.1:8080', new URL(scene.server.http).host);
      const file = join(folder, 'Caddyfile');
      await writeFile(file, `{\n\tadmin off\n}\n${site}`);

      const home = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
      await running(scene, 'caddy', ['run', '--config', file, '--adapter', 'caddyfile'], /serving initial configuration/, home);
      await worksBehind(scene, `http://127.0.0.1:${port}`);
    });

    const noServe = mode.name.includes('sidecar') ? 'a sidecar knows nothing of settings' : false;
    test('OP7: kraken.toml says what flags and environment leave open', { needs: ['apps'], skip: noServe }, async (scene) => {
      const file = join(await folderOf(scene), 'kraken.toml');
      await writeFile(file, await configuration('kraken.toml'));
      await scene.ownServer({ gateway: ['--config', file] });
      const { limits } = await scene.admin.expect(200, 'GET', '/api/settings');
      assert.deepEqual(limits, { connections: 1_000, document_bytes: 8_388_608, total_connections: 20_000 });
    });
  },
  { once: true, server: trusting },
);

const noSystemd = missing(['systemd-analyze']);
plainTest('OP6: the unit for systemd is valid', { skip: noSystemd }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kraken-deploy-'));
  try {
    const unit = join(folder, 'kraken.service');
    await writeFile(unit, (await configuration('kraken.service')).replace('/usr/local/bin/kraken', process.execPath));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit]);
    assert.equal(status, 0, stderr.toString());
    assert.ok(!stderr.toString().includes('kraken.service'), stderr.toString());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
