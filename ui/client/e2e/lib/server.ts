import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const MASTER_TOKEN = 'e2e-master-token-0123456789abcdef';
export const ADMIN_TOKEN = 'e2e-admin-token-0123456789abcdef';
const LISTENING = /listening on http:\/\/127\.0\.0\.1:(\d+)/;

const fromHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const KRAKEN = process.env['KRAKEN_BIN'] ?? fromHere('../../../../target/dist/kraken');
/** Compiled components, kept from run to run: compiling is most of a start. */
const CACHE = fromHere('../../../../target/interop-cache');

/** A media engine that nobody else's machine can reach, at ports that the system chooses. */
const ENGINE = `
[engine]
address = "127.0.0.1"
port = 0
tcp-port = 0
workers = 1

[rpc]
host = "127.0.0.1"
port = 0
`;

/** `kraken serve` with data of its own. It keeps its port over restarts. */
export class Server {
  readonly #dataDir: string;
  #process: ChildProcessWithoutNullStreams | null = null;
  #port = 0;

  protected constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** An empty folder for the data of one server. */
  protected static async makeFolder(): Promise<string> {
    await mkdir(CACHE, { recursive: true, mode: 0o700 });
    return mkdtemp(join(tmpdir(), 'kraken-e2e-'));
  }

  get port(): number {
    return this.#port;
  }

  /** What the node's owner logs in with. */
  ownersSecret(): Promise<string> {
    return readFile(join(this.#dataDir, 'http-secret'), 'utf8');
  }

  /** The API; the owner's, unless another token is named. */
  async api<T>(method: string, path: string, body?: unknown, token = ADMIN_TOKEN): Promise<T> {
    const answer = await fetch(`http://127.0.0.1:${String(this.#port)}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** Starts it, again after `stop`. */
  async start(): Promise<void> {
    const listen = `127.0.0.1:${String(this.#port)}`;
    const engine = join(this.#dataDir, 'engine.toml');
    await writeFile(engine, ENGINE);
    const args = ['serve', '--listen', listen, '--data-dir', this.#dataDir, '--cache-dir', CACHE];
    args.push('--engine', engine);
    this.#process = spawn(KRAKEN, args, {
      env: {
        ...process.env,
        KRAKEN_MASTER_TOKEN: MASTER_TOKEN,
        KRAKEN_ADMIN_TOKEN: ADMIN_TOKEN,
      },
    });
    this.#port = await listeningPort(this.#process);
  }

  /** As an operator does; or, with SIGKILL, a power cut. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (running?.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill(signal);
    await exited;
  }

  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}

async function listeningPort(server: ChildProcessWithoutNullStreams): Promise<number> {
  let errors = '';
  server.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  for await (const line of createInterface(server.stdout)) {
    const port = LISTENING.exec(line)?.[1];
    if (port !== undefined) {
      // What it prints from now on must not fill the pipe.
      server.stdout.resume();
      return Number(port);
    }
  }
  throw new Error(`the server ended before it listened:\n${errors}`);
}
