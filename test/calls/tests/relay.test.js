// @ts-check
/** Calls of people who reach nothing but a TURN server. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { Stage } from '../lib/browser.js';
import { Service } from '../lib/service.js';
import { ServerProcess } from '../lib/process.js';

const COTURN = '/usr/bin/turnserver';
const skip = existsSync(COTURN) ? false : 'install coturn to test relays: apt-get install coturn';

test('EN55: media takes the way over the TURN server that `turn` names', { skip }, async () => {
  const port = await freePort();
  const turn = new ServerProcess(COTURN, [
    '-n', '-a', '--no-tls', '--no-dtls', '--no-cli', '--log-file=stdout', '--simple-log',
    '--pidfile=/dev/null', '--allow-loopback-peers', '--realm=kraken', '--use-auth-secret',
    '--static-auth-secret=secret', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1',
    `--listening-port=${port}`,
  ]);
  const config = `[turn]\nhost = "turn:127.0.0.1:${port}"\nsecret = "secret"\n`;
  const engine = await Service.engine({ config });
  const stage = await Stage.open();
  const a = await stage.join(engine.api, 'a', ['relay']);
  const b = await stage.join(engine.api, 'b', ['relay']);
  await a.hears('b');
  await b.hears('a');
  assert.equal((await a.path()).local, 'relay');
  await stage.close();
  await engine.end();
  await turn.end('SIGKILL');
});

/** @returns {Promise<number>} */
async function freePort() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
