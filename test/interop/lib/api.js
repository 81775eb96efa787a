// @ts-check
/**
 * Kraken's HTTP API, and an app that is registered with it: what an app's own backend knows.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { exchange } from './http.js';

/** @typedef {import('./http.js').Answer} Answer */

/** The API as somebody may use it. */
export class Api {
  /**
   * @param {string} base what the paths are below
   * @param {Record<string, string>} headers sent with each request: who it is
   */
  constructor(base, headers) {
    this.base = base;
    this.headers = headers;
  }

  /**
   * @param {string} base
   * @param {string} token
   */
  static withToken(base, token) {
    return new Api(base, { Authorization: `Bearer ${token}` });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {Record<string, string>} [headers]
   * @returns {Promise<Answer>}
   */
  async call(method, path, body, headers = {}) {
    return await exchange(this.base + path, { method, body, headers: { ...this.headers, ...headers } });
  }

  /**
   * A call that must be answered with `status`; gives the answer's JSON.
   *
   * @param {number} status
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {Record<string, string>} [headers]
   */
  async expect(status, method, path, body, headers) {
    const answer = await this.call(method, path, body, headers);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  /**
   * A call that must be refused with `status` and the error `code`, and say why.
   *
   * @param {number} status
   * @param {string} code
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {Record<string, string>} [headers]
   */
  async refuses(status, code, method, path, body, headers) {
    const answer = await this.call(method, path, body, headers);
    assertRefusal(answer, status, code, `${method} ${path} ${JSON.stringify(body) ?? ''}`);
    return answer;
  }
}

/**
 * @param {Answer} answer
 * @param {number} status
 * @param {string} code
 * @param {string} what
 */
export function assertRefusal(answer, status, code, what) {
  const error = answer.json?.error;
  assert.equal(`${answer.status} ${error?.code}`, `${status} ${code}`, `${what}: ${answer.text}`);
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  assert.deepEqual(Object.keys(answer.json), ['error']);
  assert.ok(typeof error.message === 'string' && error.message !== '', `${what}: no message`);
}

/**
 * What one who knows the node's secret does at its login page.
 *
 * @param {import('./server.js').Server} server
 * @returns {Promise<string>} the cookie
 */
export async function logIn(server) {
  const secret = await readFile(join(server.dataDir, 'http-secret'), 'utf8');
  const body = { password_hash: secret, subdomain: '' };
  const answer = await exchange(`${server.node}/login`, { method: 'POST', body });
  assert.equal(answer.status, 200);
  const [cookie] = answer.headers['set-cookie'] ?? [];
  assert.ok(cookie !== undefined, 'logging in sets a cookie');
  return cookie.split(';', 1)[0] ?? '';
}

/**
 * @typedef {object} Claims
 * @property {string} [iss]
 * @property {string} [sub]
 * @property {unknown} [aud]
 * @property {unknown} [scope]
 * @property {number} [exp]
 * @property {number} [nbf]
 */

/** A registered app. */
export class App {
  /**
   * @param {string} id
   * @param {string} origin one of its origins, without wildcards
   * @param {string} secret
   */
  constructor(id, origin, secret) {
    this.id = id;
    this.origin = origin;
    this.secret = secret;
  }

  get path() {
    return `/api/apps/${this.id}`;
  }

  /**
   * A token for one of the app's users, as the app's backend signs it: for an hour, for every
   * room, unless the claims say otherwise. A claim that is undefined is left out.
   *
   * @param {Claims} [claims]
   * @param {string} [secret]
   * @returns {Promise<string>}
   */
  async token(claims = {}, secret = this.secret) {
    const all = { iss: this.id, sub: 'user-1', aud: '*', scope: 'write', exp: inSeconds(3_600), ...claims };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    const key = new TextEncoder().encode(secret);
    return await new SignJWT(given).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(key);
  }
}

/** @param {number} seconds */
export function inSeconds(seconds) {
  return Math.floor(Date.now() / 1_000) + seconds;
}
