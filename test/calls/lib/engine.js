// @ts-check
/** A running `kraken engine`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './process.js';

const BUILT = fileURLToPath(new URL('../../../target/dist/kraken', import.meta.url));
export const KRAKEN = process.env.KRAKEN_BIN ?? BUILT;

/** What every engine here has: loopback, and ports that the system chooses. */
const LOOPBACK = '[engine]\naddress = "127.0.0.1"\nport = 0\n';

export class Engine {
  /**
   * @param {ServerProcess} process
   * @param {string} folder
   * @param {string} api
   */
  constructor(process, folder, api) {
    this.process = process;
    this.folder = folder;
    this.api = api;
  }

  /**
   * @param {{ config?: string, listen?: string }} [options] sections added to the file, and where
   *   the JSON-RPC listens
   */
  static async start({ config = '', listen = '127.0.0.1:0' } = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'kraken-engine-'));
    const file = join(folder, 'engine.toml');
    await writeFile(file, LOOPBACK + config);
    const process = new ServerProcess(KRAKEN, ['engine', '--config', file, '--listen', listen]);
    const [, api] = await process.prints(/listening on (http:\/\/\S+)/);
    return new Engine(process, folder, api ?? '');
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
    await this.process.end(signal);
    await rm(this.folder, { recursive: true });
  }
}
