// @ts-check
/** A store of a test's own, on its server, and ways to join it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { exchange } from '../http.js';
import { presence } from './frames.js';
import { Member, readable } from './member.js';
import { SECRET, storeToken } from './tokens.js';

/** @typedef {import('../suite.js').Scene} Scene */
/** @typedef {import('./tokens.js').Claims} Claims */

/**
 * @typedef {object} Settings
 * @property {string} [secret]
 * @property {string | null} [issuer]
 * @property {boolean} [persist]
 * @property {number | null} [store_bytes]
 * @property {number | null} [retention_days]
 */

/**
 * Opens this server's stores; with persistence unless it is said otherwise. Where nothing changes,
 * nobody notices.
 *
 * @param {Scene} scene
 * @param {Settings} [settings]
 */
export async function openStores(scene, settings = {}) {
  const sds = { secret: SECRET, issuer: null, persist: true, store_bytes: null, retention_days: null, ...settings };
  return await scene.admin.expect(200, 'PATCH', '/api/settings', { sds });
}

/**
 * Asks until everything that came is on disk.
 *
 * @param {import('../server.js').Server} server
 */
export async function everythingIsStored(server) {
  for (;;) {
    const { status, text } = await exchange(`${server.http}/metrics`);
    // What others send at the moment may leave no room for a question.
    if (status === 503) continue;
    const [, bytes] = /^kraken_unstored_bytes (\d+)$/m.exec(text) ?? [];
    assert.ok(bytes !== undefined, text);
    if (bytes === '0') return;
  }
}

/**
 * A store of this test's own, with a way to join it. What is joined leaves with the test.
 */
export class Store {
  /**
   * @param {Scene} scene
   * @param {string} [name]
   */
  constructor(scene, name = `store-${randomUUID()}`) {
    this.scene = scene;
    this.name = name;
  }

  /** @param {Claims} [claims] */
  token(claims) {
    return storeToken(this.name, claims);
  }

  /**
   * A socket that isn't open yet.
   *
   * @param {{ path?: string, token?: string, query?: string } & ConstructorParameters<typeof Member>[1]} [options]
   * `path` in place of `ws`, `query` in place of the token
   */
  socket({ path = 'ws', token = this.token(), query = `?token=${token}`, ...options } = {}) {
    const member = new Member(`${this.scene.server.ws}/${path}/${encodeURIComponent(this.name)}${query}`, options);
    this.scene.cleanups.push(() => member.terminate());
    return member;
  }

  /**
   * A member of the store.
   *
   * @param {Claims} [claims]
   * @param {Parameters<Store['socket']>[0]} [options]
   */
  async join(claims, options = {}) {
    const member = this.socket({ token: this.token(claims), ...options });
    await member.open();
    return member;
  }

  /**
   * A member of the store's signalling.
   *
   * @param {Claims} [claims]
   */
  async signaller(claims) {
    return await this.join(claims, { path: 'signal' });
  }

  /**
   * Until the server has dealt with all that this member has sent: somebody else has heard the
   * last of it.
   *
   * @param {Member} member
   */
  async has(member) {
    const witness = await this.join({ scope: 'read' });
    const marker = presence({ marker: randomUUID() });
    member.send(marker);
    await witness.takeUntil(marker);
    witness.terminate();
  }

  /**
   * What somebody gets who comes when all is stored, while nobody writes. It ends where something
   * begins that was sent after the coming.
   *
   * @returns {Promise<string[]>}
   */
  async contents() {
    await everythingIsStored(this.scene.server);
    const writer = await this.join({ scope: 'read' });
    const joiner = await this.join({ scope: 'read' });
    const marker = presence({ end: randomUUID() });
    writer.send(marker);
    const all = readable(await joiner.takeUntil(marker));
    writer.terminate();
    joiner.terminate();
    return all;
  }
}

/**
 * A store that keeps what comes, with somebody in it.
 *
 * @param {Scene} scene
 */
export async function withWriter(scene) {
  await openStores(scene);
  const store = new Store(scene);
  return { store, writer: await store.join() };
}
