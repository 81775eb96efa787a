// @ts-check
/** A running `kraken engine` or `kraken monitor`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './process.js';

const BUILT = fileURLToPath(new URL('../../../target/dist/kraken', import.meta.url));
export const KRAKEN = process.env.KRAKEN_BIN ?? BUILT;

/** What every engine here has: loopback, and ports that the system chooses. */
const LOOPBACK = '[engine]\naddress = "127.0.0.1"\nport = 0\n';

/** @type {Set<Service>} */
const running = new Set();

/** Ends all that are left of a test. */
export async function endAll() {
  for (const service of running) await service.end('SIGKILL');
}

export class Service {
  /**
   * @param {ServerProcess} process
   * @param {string} folder
   * @param {string} api
   */
  constructor(process, folder, api) {
    this.process = process;
    this.folder = folder;
    this.api = api;
    running.add(this);
  }

  /**
   * @param {{ config?: string, listen?: string }} [options] sections added to the file, and where
   *   the JSON-RPC listens
   */
  static async engine({ config = '', listen } = {}) {
    return await Service.start('engine', LOOPBACK + config, listen);
  }

  /** @param {{ config?: string, listen?: string }} [options] */
  static async monitor({ config = '', listen } = {}) {
    return await Service.start('monitor', config, listen);
  }

  /**
   * @param {string} command
   * @param {string} config
   * @param {string} [listen]
   */
  static async start(command, config, listen = '127.0.0.1:0') {
    return await Service.run(config, (file) => [command, '--config', file, '--listen', listen]);
  }

  /**
   * As the original is started.
   *
   * @param {string} service
   * @param {string} config
   */
  static async original(service, config) {
    return await Service.run(config, (file) => ['-c', file, '-s', service]);
  }

  /**
   * @param {string} config
   * @param {(file: string) => string[]} line
   */
  static async run(config, line) {
    const folder = await mkdtemp(join(tmpdir(), 'kraken-calls-'));
    const file = join(folder, 'engine.toml');
    await writeFile(file, config);
    const process = new ServerProcess(KRAKEN, line(file));
    const [, address = ''] = await process.prints(/listening on (http:\/\/\S+)/);
    const api = address.replace('0.0.0.0', '127.0.0.1');
    return new Service(process, folder, api);
  }

  /**
   * @param {string} method
   * @param {unknown[]} [params]
   */
  async call(method, params = []) {
    const body = JSON.stringify({ method, params });
    const answer = await fetch(this.api, { method: 'POST', body });
    return /** @type {any} */ (await answer.json());
  }

  /** @param {NodeJS.Signals} [signal] */
  async end(signal) {
    running.delete(this);
    await this.process.end(signal);
    await rm(this.folder, { recursive: true });
  }
}
