// @ts-check
/**
 * The servers under test, all behind one shape: `kraken serve` in one process, `kraken node` and
 * `kraken sidecar` in two, and the reference server that the suite itself is checked against.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './process.js';

/** @typedef {import('./process.js').Exit} Exit */
/** @typedef {'relay-first' | 'write-first'} Durability */
/**
 * @typedef {object} Options
 * @property {Durability} [durability]
 * @property {string} [log] what to log, as `KRAKEN_LOG` has it
 * @property {boolean} [engine] whether there are group calls
 * @property {string[]} [gateway] further arguments of the process that clients connect to
 * @property {Record<string, string>} [env] further variables of all processes
 * @property {(node: number) => number} [link] the port at which the sidecar reaches the node, if not the node's own
 */

export const MASTER_TOKEN = 'interop-master-token-0123456789abcdef';
export const ADMIN_TOKEN = 'interop-admin-token-0123456789abcdef';

/** Below it the node serves what belongs to Kraken. */
export const PROCESS_PATH = '/kraken:kraken:template.os';

/** Start-up includes compiling the component, on a machine that may be busy. */
const START_WITHIN = 60_000;
const LISTENING = /listening on http:\/\/127\.0\.0\.1:(\d+)/;

const fromHere = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
export const KRAKEN = process.env['KRAKEN_BIN'] ?? fromHere('../../../target/dist/kraken');
const PACKAGE = process.env['KRAKEN_PKG'] ?? fromHere('../../../pkg');
/** Compiled components, kept from run to run: compiling is most of a start. */
export const CACHE = fromHere('../../../target/interop-cache');
/** How the engine of a server that has one is run. */
const ENGINE = fromHere('./engine.toml');
const REFERENCE = fromHere('../../../bench/peers/node_modules/@y/websocket-server/src/server.js');

/**
 * What a server can do beyond plain relaying. The reference lacks these; Kraken has them all.
 *
 * - `tokens`: refuses handshakes without a token
 * - `storage`: keeps documents over a restart
 * - `closeCodes`: answers bad input and shutdown with the documented close codes
 * - `queryAwareness`: answers message type 3
 * - `rawRelay`: relays an update's own bytes, a client's step 2 among them, and not to its writer
 * - `rooms`: `/doc/<room>` and `/<room>` are one room, names are percent-decoded
 * - `presence`: a quick reconnect keeps a user's presence
 * - `apps`: has apps, their tokens and limits, and an HTTP API for them
 *
 * @typedef {'tokens' | 'storage' | 'closeCodes' | 'queryAwareness' | 'rawRelay' | 'rooms' | 'presence' | 'apps'} Feature
 */

/** @type {ReadonlySet<Feature>} */
const ALL = new Set(['tokens', 'storage', 'closeCodes', 'queryAwareness', 'rawRelay', 'rooms', 'presence', 'apps']);

/**
 * A way to run a server.
 *
 * @typedef {object} Mode
 * @property {string} name
 * @property {ReadonlySet<Feature>} can
 * @property {(options?: Options) => Promise<Server>} start
 */

/**
 * One of the processes that make up a server. It keeps its port over restarts.
 */
class Part {
  port = 0;
  /** @type {ServerProcess | null} */
  process = null;

  /** @param {(port: number) => Launch} launch is given port 0 at first */
  constructor(launch) {
    this.launch = launch;
    /** @type {ServerProcess[]} */
    this.started = [];
  }

  /** What its processes logged as errors, of all its starts. */
  get errors() {
    return this.started.flatMap(({ errors }) => errors);
  }

  /** Everything that its processes printed, of all its starts. */
  get output() {
    return this.started.map(({ output }) => output).join('');
  }

  async start() {
    const { command, args, env, listening, port } = this.launch(this.port);
    this.process = new ServerProcess(command, args, env);
    this.started.push(this.process);
    const match = await this.process.prints(listening, START_WITHIN);
    this.port = port ?? Number(match[1]);
  }

  /**
   * @param {NodeJS.Signals} signal
   * @returns {Promise<Exit[]>} none if it was not running
   */
  async end(signal) {
    const exits = this.process === null ? [] : [await this.process.end(signal)];
    this.process = null;
    return exits;
  }
}

/**
 * How to start a process: `listening` matches what it prints when it is ready, with the port as
 * its first group unless `port` says it.
 *
 * @typedef {{ command: string, args: string[], env: Record<string, string>, listening: RegExp, port?: number }} Launch
 */

/**
 * A running server. It keeps its ports and its data over restarts, so clients find it again.
 */
export class Server {
  /**
   * @param {string} dataDir
   * @param {Part[]} parts in the order of their start; clients connect to the last
   */
  constructor(dataDir, parts) {
    this.dataDir = dataDir;
    this.parts = parts;
  }

  get port() {
    return this.parts.at(-1)?.port ?? 0;
  }

  get http() {
    return `http://127.0.0.1:${this.port}`;
  }

  get ws() {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The Kinode node's own HTTP server. */
  get node() {
    return `http://127.0.0.1:${this.parts[0]?.port}`;
  }

  /** Where the node serves Kraken itself, without the gateway. */
  get direct() {
    return this.node + PROCESS_PATH;
  }

  get directWs() {
    return this.direct.replace('http', 'ws');
  }

  /** Starts it, again after `stop` or `kill`. */
  async start() {
    for (const part of this.parts) await part.start();
  }

  /**
   * Ends it as an operator would: SIGTERM, clients' side first.
   *
   * @returns {Promise<{ exits: Exit[], milliseconds: number }>}
   */
  async stop() {
    const started = performance.now();
    /** @type {Exit[]} */
    const exits = [];
    for (const part of this.parts.toReversed()) exits.push(...(await part.end('SIGTERM')));
    return { exits, milliseconds: performance.now() - started };
  }

  /** Ends it as a crash would. */
  async kill() {
    await Promise.all(this.parts.map((part) => part.end('SIGKILL')));
  }

  /**
   * Kills one process of several and starts it again.
   *
   * @param {number} index
   */
  async restartOnly(index) {
    const part = this.parts[index];
    if (part === undefined) throw new Error(`there is no process ${index}`);
    await part.end('SIGKILL');
    await part.start();
  }

  /** Everything that it printed. */
  get output() {
    return this.parts.map(({ output }) => output).join('');
  }

  /** Ends it for good and removes its data. It must not have logged any error, nor its tokens. */
  async dispose() {
    await this.kill();
    await rm(this.dataDir, { recursive: true, force: true });
    const errors = this.parts.flatMap((part) => part.errors);
    if (errors.length > 0) throw new Error(`the server logged errors:\n${errors.join('\n')}`);
    const { output } = this;
    const leaked = [MASTER_TOKEN, ADMIN_TOKEN].filter((token) => output.includes(token));
    if (leaked.length > 0) throw new Error(`the server logged the tokens ${leaked.join(', ')}`);
  }

  /** The last output of every process, for error messages. */
  get log() {
    return this.parts.map(({ process }) => `--- ${process?.name}\n${process?.log}`).join('\n');
  }
}

/**
 * @param {(dataDir: string) => Part[]} parts
 * @returns {Promise<Server>}
 */
async function started(parts) {
  await mkdir(CACHE, { recursive: true, mode: 0o700 });
  const dataDir = await mkdtemp(join(tmpdir(), 'kraken-interop-'));
  const server = new Server(dataDir, parts(dataDir));
  try {
    await server.start();
  } catch (error) {
    await server.dispose();
    throw error;
  }
  return server;
}

/**
 * @param {Options} options
 * @returns {Record<string, string>}
 */
function environment({ durability = 'relay-first', log = 'info', engine = false, env = {} }) {
  return {
    KRAKEN_MASTER_TOKEN: MASTER_TOKEN,
    KRAKEN_ADMIN_TOKEN: ADMIN_TOKEN,
    KRAKEN_DURABILITY: durability,
    KRAKEN_LOG: log,
    KRAKEN_CACHE_DIR: CACHE,
    ...(engine ? { KRAKEN_ENGINE_CONFIG: ENGINE } : { KRAKEN_NO_ENGINE: 'true' }),
    ...env,
  };
}

/**
 * `kraken serve`: node and sidecar in one process, linked by a queue.
 *
 * @param {Options} [options]
 */
function startServe(options = {}) {
  const { gateway = [] } = options;
  return started((dataDir) => [
    kraken(options, (port) => ['serve', ...at(port), '--data-dir', dataDir, ...gateway]),
  ]);
}

/**
 * `kraken node` and `kraken sidecar`, linked by a WebSocket. Storage answers late and in any order.
 *
 * @param {Options} [options]
 */
function startSplit(options = {}) {
  const { gateway = [], link = (node) => node } = options;
  return started((dataDir) => {
    const key = join(dataDir, 'vfs', 'kraken:template.os', 'link', 'key');
    const node = kraken(options, (port) => [
      ...['node', '--package', PACKAGE, '--disorder'],
      ...at(port),
      ...['--data-dir', dataDir],
    ]);
    const sidecar = kraken(options, (port) => [
      'sidecar',
      ...['--node', `ws://127.0.0.1:${link(node.port)}`],
      ...['--link-key-file', key],
      ...at(port),
      ...gateway,
    ]);
    return [node, sidecar];
  });
}

/**
 * @param {Options} options
 * @param {(port: number) => string[]} args
 */
function kraken(options, args) {
  return new Part((port) => ({
    command: KRAKEN,
    args: args(port),
    env: environment(options),
    listening: LISTENING,
  }));
}

const at = (/** @type {number} */ port) => ['--listen', `127.0.0.1:${port}`];

/** The reference server of npm, for checking the suite itself. It can't choose a free port. */
function startReference() {
  return started(() => [
    new Part((before) => {
      const port = before === 0 ? 20_000 + Math.floor(Math.random() * 10_000) : before;
      const env = { HOST: '127.0.0.1', PORT: String(port) };
      return { command: process.execPath, args: [REFERENCE], env, listening: /running at/, port };
    }),
  ]);
}

/** @type {Mode} */
const serve = { name: 'kraken serve', can: ALL, start: startServe };
/** @type {Mode} */
const split = { name: 'kraken node + kraken sidecar', can: ALL, start: startSplit };
/** @type {Mode} */
const reference = { name: '@y/websocket-server', can: new Set(), start: startReference };

/**
 * The modes to test: `INTEROP_SERVER` is `serve`, `split` or `y-websocket-server`; by default
 * both of Kraken's.
 *
 * @returns {Mode[]}
 */
export function modes() {
  const wanted = process.env['INTEROP_SERVER'];
  switch (wanted) {
    case undefined:
    case '':
      return [serve, split];
    case 'serve':
      return [serve];
    case 'split':
      return [split];
    case 'y-websocket-server':
      return [reference];
    default:
      throw new Error(`INTEROP_SERVER is ${wanted}, not serve, split or y-websocket-server`);
  }
}
