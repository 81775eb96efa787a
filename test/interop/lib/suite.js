// @ts-check
/**
 * Suites that run once for each way to run a server, and the scene that each test plays in.
 */
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Client } from './client.js';
import { RawClient } from './raw.js';
import { MASTER_TOKEN, modes } from './server.js';

/** @typedef {import('./server.js').Feature} Feature */
/** @typedef {import('./server.js').Options} Options */
/** @typedef {import('./server.js').Server} Server */
/** @typedef {(scene: Scene) => Promise<void>} Play */

/** A test may take this long, in milliseconds, unless it says otherwise. */
const TEST_WITHIN = 30_000;

/** What one test has: a server, a room of its own, clients. All of it goes away with the test. */
class Scene {
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
   * @param {Partial<import('./client.js').ClientOptions> & { path?: string }} [options] `path` of the server URL
   * @returns {Client}
   */
  join({ path = '/doc', ...options } = {}) {
    const client = new Client({
      serverUrl: this.server.ws + path,
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
   * @param {{ room?: string, token?: string, path?: string } & import('ws').ClientOptions} [options]
   * @returns {RawClient}
   */
  raw({ room = this.room, token = MASTER_TOKEN, path = '/doc', ...options } = {}) {
    const query = token === '' ? '' : `?token=${encodeURIComponent(token)}`;
    const client = new RawClient(`${this.server.ws}${path}/${room}${query}`, options);
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

  async end() {
    for (const cleanup of this.cleanups.toReversed()) await cleanup();
  }
}

/**
 * @typedef {object} TestOptions
 * @property {Feature[]} [needs] skipped on a server without these
 * @property {number} [within] milliseconds
 */

/**
 * A suite of tests for each mode.
 *
 * @param {string} title
 * @param {(test: (name: string, options: TestOptions, play: Play) => void, mode: import('./server.js').Mode) => void} define
 * @param {{ concurrency?: boolean }} [options] with `concurrency` its tests run at once
 */
export function suite(title, define, { concurrency = false } = {}) {
  for (const mode of modes()) {
    describe(`${title} [${mode.name}]`, { concurrency }, () => {
      /** @type {Server} */
      let server;
      before(async () => {
        server = await mode.start();
      });
      after(() => server?.dispose());

      define((name, { needs = [], within = TEST_WITHIN }, play) => {
        const missing = needs.filter((feature) => !mode.can.has(feature));
        const skip = missing.length > 0 ? `${mode.name} lacks ${missing.join(', ')}` : false;
        it(name, { timeout: within, skip }, async (context) => {
          const scene = new Scene(server, mode.start);
          context.after(() => scene.end());
          try {
            await play(scene);
          } catch (error) {
            context.diagnostic(scene.server.log);
            throw error;
          }
        });
      }, mode);
    });
  }
}
