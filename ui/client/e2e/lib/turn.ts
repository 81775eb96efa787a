import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TURNSERVER = process.env['TURNSERVER'] ?? '/usr/bin/turnserver';

export const hasTurn = existsSync(TURNSERVER);

/** A TURN server (coturn) on this machine, for one user. */
export class TurnServer {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly url: string;

  private constructor(process: ChildProcess, folder: string, port: number) {
    this.#process = process;
    this.#folder = folder;
    this.url = `turn:127.0.0.1:${String(port)}`;
  }

  static async start(user: string, password: string): Promise<TurnServer> {
    const folder = await mkdtemp(join(tmpdir(), 'kraken-turn-'));
    const port = await freePort();
    const args = [
      ...['-n', '--no-tls', '--no-dtls', '--no-cli', '--lt-cred-mech', '--realm', 'kraken'],
      ...['--user', `${user}:${password}`, '--listening-port', String(port)],
      ...['--listening-ip', '127.0.0.1', '--relay-ip', '127.0.0.1', '--allow-loopback-peers'],
      ...['--log-file', join(folder, 'log'), '--simple-log'],
      ...['--userdb', join(folder, 'users'), '--pidfile', join(folder, 'pid')],
    ];
    const turn = new TurnServer(spawn(TURNSERVER, args, { stdio: 'ignore' }), folder, port);
    await answers(port);
    return turn;
  }

  async dispose(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A STUN binding request: type, length 0, magic cookie, transaction. */
const BINDING_REQUEST = Buffer.from('000100002112a442' + '00'.repeat(12), 'hex');
const ASK_EVERY_MS = 50;

/** Until it listens, it says nothing: so it is asked until it answers. */
async function answers(port: number): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  const asking = setInterval(() => {
    socket.send(BINDING_REQUEST, port, '127.0.0.1');
  }, ASK_EVERY_MS);
  await once(socket, 'message');
  clearInterval(asking);
  socket.close();
}

/** It can't be asked to choose a port of its own. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
