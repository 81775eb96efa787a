// @ts-check
/**
 * Suites that run once for each way to run a server, and the scene that each test plays in.
 */
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Api, App, logIn } from './api.js';
import { Client } from './client.js';
import { handshakeHeaders } from './handshake.js';
import { RawClient } from './raw.js';
import { ADMIN_TOKEN, MASTER_TOKEN, modes } from './server.js';

/** @typedef {import('./server.js').Feature} Feature */
/** @typedef {import('./server.js').Options} Options */
/** @typedef {import('./server.js').Server} Server */
/** @typedef {(scene: Scene, context: import('node:test').TestContext) => Promise<void>} Play */

/**
 * @typedef {{ room?: string, token?: string, path?: string, url?: string } & import('./handshake.js').Sender
 *   & Omit<import('ws').ClientOptions, 'origin' | 'headers'>} RawOptions
 */

/** A test may take this long, in milliseconds, unless it says otherwise. */
const TEST_WITHIN = 30_000;

/** What one test has: a server, a room of its own, clients. All of it goes away with the test. */
export class Scene {
  room = `room-${randomUUID()}`;
  /** @type {Array<() => void | Promise<void>>} */
  cleanups = [];

  /**
   * @param {Server} server shared by the tests of a suite
   * @param {(options?: Options) => Promise<Server>} start
   */
  constructor(server, start) {
    this.server = server;
    this.start = start;
  }

  /**
   * A server of this test's own, which it may stop and kill. Clients that join later join here.
   *
   * @param {Options} [options]
   * @returns {Promise<Server>}
   */
  async ownServer(options) {
    this.server = await this.start(options);
    const { server } = this;
    this.cleanups.push(() => server.dispose());
    return server;
  }

  /**
   * A provider in this test's room.
   *
   * @param {Partial<import('./client.js').ClientOptions> & { url?: string, path?: string }} [options] `url` and `path` of
   *   the server URL; an origin of null for what is no page
   * @returns {Client}
   */
  join({ url = this.server.ws, path = '/doc', ...options } = {}) {
    const client = new Client({
      serverUrl: url + path,
      room: this.room,
      token: MASTER_TOKEN,
      ...options,
    });
    this.cleanups.push(() => client.destroy());
    return client;
  }

  /**
   * A provider that is in sync.
   *
   * @param {Parameters<Scene['join']>[0]} [options]
   * @returns {Promise<Client>}
   */
  async joined(options) {
    const client = this.join(options);
    await client.synced();
    return client;
  }

  /**
   * A bare socket in this test's room.
   *
   * @param {RawOptions} [options]
   * @returns {RawClient}
   */
  raw({ room = this.room, token = MASTER_TOKEN, path = '/doc', url = this.server.ws, ...options } = {}) {
    const { origin, browser, headers, ...socket } = options;
    const query = token === '' ? '' : `?token=${encodeURIComponent(token)}`;
    const client = new RawClient(`${url}${path}/${room}${query}`, {
      ...socket,
      headers: handshakeHeaders({ origin, browser, headers }),
    });
    this.cleanups.push(() => client.terminate());
    return client;
  }

  /**
   * A bare socket that has been told everything there is.
   *
   * @param {Parameters<Scene['raw']>[0]} [options]
   * @returns {Promise<RawClient>}
   */
  async rawSettled(options) {
    const client = this.raw(options);
    await client.open();
    await client.settle();
    return client;
  }

  /** The API as the admin uses it. */
  get admin() {
    return Api.withToken(this.server.http, ADMIN_TOKEN);
  }

  /**
   * The API as the node's owner uses it in a browser, past the gateway.
   *
   * @returns {Promise<Api>}
   */
  async owner() {
    const cookie = await logIn(this.server);
    return new Api(`${this.server.direct}/owner`, { Cookie: cookie });
  }

  /**
   * Registers an app with an origin of its own.
   *
   * @param {Record<string, unknown>} [fields] of the registration
   * @returns {Promise<App>}
   */
  async app(fields = {}) {
    const id = `app-${randomUUID().slice(0, 13)}`;
    const origin = `https://${id}.example`;
    const body = { app_id: id, name: 'An app', allowed_origins: [origin], ...fields };
    const { secret } = await this.admin.expect(201, 'POST', '/api/apps', body);
    return new App(id, origin, secret);
  }

  async end() {
    for (const cleanup of this.cleanups.toReversed()) await cleanup();
  }
}

/**
 * @typedef {object} TestOptions
 * @property {Feature[]} [needs] skipped on a server without these
 * @property {string | false} [skip] why it can't run on this machine
 * @property {number} [within] milliseconds
 */

/**
 * @typedef {object} SuiteOptions
 * @property {boolean | number} [concurrency] its tests run at once, or so many of them
 * @property {boolean} [once] it has nothing to do with how the server runs: the first mode is enough
 * @property {Options} [server] of the server that its tests share
 */

/**
 * A suite of tests for each mode.
 *
 * @param {string} title
 * @param {(test: (name: string, options: TestOptions, play: Play) => void, mode: import('./server.js').Mode) => void} define
 * @param {SuiteOptions} [options]
 */
export function suite(title, define, { concurrency = false, once = false, server: options } = {}) {
  for (const mode of once ? modes().slice(0, 1) : modes()) {
    describe(`${title} [${mode.name}]`, { concurrency }, () => {
      /** @type {Server} */
      let server;
      before(async () => {
        server = await mode.start(options);
      });
      after(() => server?.dispose());

      define((name, { needs = [], within = TEST_WITHIN, skip = false }, play) => {
        const missing = needs.filter((feature) => !mode.can.has(feature));
        const lacks = missing.length > 0 ? `${mode.name} lacks ${missing.join(', ')}` : false;
        it(name, { timeout: within, skip: skip || lacks }, async (context) => {
          const scene = new Scene(server, mode.start);
          context.after(() => scene.end());
          try {
            await play(scene, context);
          } catch (error) {
            context.diagnostic(scene.server.log);
            throw error;
          }
        });
      }, mode);
    });
  }
}
