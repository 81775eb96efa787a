// @ts-check
/** A running `kraken serve`, with its engine. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './process.js';
import { KRAKEN } from './service.js';

const ADMIN_TOKEN = 'calls-admin-token-0123456789abcdef';
const SETTINGS = `master-token = "calls-master-token-0123456789abcdef"\nadmin-token = "${ADMIN_TOKEN}"\n`;
const ENGINE = `
[engine]
address = "127.0.0.1"
port = 0
workers = 1

[rpc]
host = "127.0.0.1"
port = 0
`;

/** Compiled components, kept from run to run: compiling is most of a start. */
const CACHE = fileURLToPath(new URL('../../../target/interop-cache', import.meta.url));

export class Kraken {
  /**
   * @param {ServerProcess} process
   * @param {string} folder
   * @param {string} url
   */
  constructor(process, folder, url) {
    this.process = process;
    this.folder = folder;
    this.url = url;
  }

  static async start() {
    const folder = await mkdtemp(join(tmpdir(), 'kraken-calls-'));
    const [config, engine] = [join(folder, 'kraken.toml'), join(folder, 'engine.toml')];
    await writeFile(config, SETTINGS);
    await writeFile(engine, ENGINE);
    const process = new ServerProcess(KRAKEN, [
      'serve', '--listen', '127.0.0.1:0', '--config', config, '--engine', engine,
      '--data-dir', join(folder, 'data'), '--cache-dir', CACHE,
    ]);
    const [, url = ''] = await process.prints(/listening on (http:\/\/127\.0\.0\.1:\d+)/);
    return new Kraken(process, folder, url);
  }

  /**
   * Asks as the owner.
   *
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<{ status: number, body: any }>}
   */
  async ask(method, path, body) {
    const response = await fetch(this.url + path, {
      method,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  /** @param {string} room @param {'read' | 'write' | 'admin'} [scope] */
  async token(room, scope = 'write') {
    const request = { sub: 'tester', aud: room, scope };
    const { body } = await this.ask('POST', '/api/apps/default/tokens', request);
    return /** @type {string} */ (body.token);
  }

  /** A call as the API shows it, if there is one. @param {string} room @returns {Promise<any>} */
  async call(room) {
    const { body } = await this.ask('GET', '/api/calls');
    return body.calls.find((/** @type {any} */ call) => call.room === room);
  }

  /** The peers of a call, with their tracks. @param {string} room @returns {Promise<any[]>} */
  async peers(room) {
    return (await this.call(room))?.peers ?? [];
  }

  async end() {
    await this.process.end();
    await rm(this.folder, { recursive: true });
  }
}
