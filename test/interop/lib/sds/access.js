// @ts-check
/** Attempts to get into a store, and the tokens that they are made with. */
import { randomUUID } from 'node:crypto';
import { inSeconds } from '../api.js';
import { exchange } from '../http.js';
import { patch } from './frames.js';
import { SECRET, signed, storeToken } from './tokens.js';

/** @typedef {import('../suite.js').Scene} Scene */
/** @typedef {import('./store.js').Store} Store */

export const UNAUTHORIZED = { code: 4001, reason: 'Unauthorized' };
export const FORBIDDEN = { code: 4003, reason: 'Forbidden' };
export const LET_IN = 'let in';

/**
 * Tokens for the store `name`, and what becomes of who shows them: at a socket, and at the API,
 * which asks for no store.
 *
 * @param {string} name
 * @returns {Array<[what: string, token: string, socket: typeof LET_IN | typeof UNAUTHORIZED, api: number]>}
 */
export function tokens(name) {
  const of = (/** @type {import('./tokens.js').Claims} */ claims) => storeToken(name, { scope: 'admin', ...claims });
  const as = (/** @type {Parameters<typeof signed>[1]} */ options) => storeToken(name, { scope: 'admin' }, options);
  /** @type {Array<[string, string]>} */
  const good = [
    ['as usual', of({})],
    ['without an end', of({ exp: undefined })],
    ['begun', of({ nbf: inSeconds(-5) })],
    ['made in the future', of({ iat: inSeconds(60) })],
    ['with a fraction of a second', of({ exp: inSeconds(60) + 0.5 })],
    ['for nobody', of({ sub: '' })],
    ['of any issuer', of({ iss: 'somebody' })],
    ['with a type and a key id', as({ header: { alg: 'HS256', typ: 'JWT', kid: '7' } })],
    ['with claims of its own', of({ admin: [{}], jti: 'one' })],
  ];
  /** @type {Array<[string, string]>} */
  const bad = [
    ['absent', ''],
    ['no token', 'nonsense'],
    ['of two parts', of({}).split('.').slice(0, 2).join('.')],
    ['cut short', of({}).slice(0, -1)],
    ['with another secret', as({ secret: `${SECRET}x` })],
    ['signed with HS384', as({ header: { alg: 'HS384' }, hash: 'sha384' })],
    ['signed with HS512', as({ header: { alg: 'HS512' }, hash: 'sha512' })],
    ['said to be signed with HS512', as({ header: { alg: 'HS512' } })],
    ['unsigned', `${as({ header: { alg: 'none' } }).split('.').slice(0, 2).join('.')}.`],
    ['without an algorithm', as({ header: {} })],
    ['with what must be understood', as({ header: { alg: 'HS256', crit: ['odd'], odd: 1 } })],
    ['of an array', signed([])],
    ['of null', signed(null)],
    ['of text', signed('text')],
    ['over', of({ exp: inSeconds(-1) })],
    ['over this second', of({ exp: inSeconds(0) })],
    ['with an end in words', of({ exp: String(inSeconds(60)) })],
    ['with null as its end', of({ exp: null })],
    ['not begun', of({ nbf: inSeconds(60) })],
    ['with a beginning in words', of({ nbf: '0' })],
    ['with a making in words', of({ iat: '0' })],
    ['without a subject', of({ sub: undefined })],
    ['with a number as its subject', of({ sub: 7 })],
    ['without an audience', of({ aud: undefined })],
    ['with an array as its audience', of({ aud: [name] })],
    ['without a scope', of({ scope: undefined })],
    ['of an unknown scope', of({ scope: 'superuser' })],
    ['of a scope in capitals', of({ scope: 'Admin' })],
    ['of several scopes', of({ scope: ['admin'] })],
    ['over, and for another store', of({ exp: inSeconds(-1), aud: 'another' })],
  ];
  return [
    ...good.map(([what, token]) => /** @type {[string, string, typeof LET_IN, number]} */ ([what, token, LET_IN, 200])),
    ...bad.map(([what, token]) => /** @type {[string, string, typeof UNAUTHORIZED, number]} */ ([what, token, UNAUTHORIZED, 401])),
  ];
}

/**
 * What becomes of a socket: everybody gets 101, and whoever may not stay is closed.
 *
 * @param {Store} store
 * @param {Parameters<Store['socket']>[0]} options
 */
export async function outcome(store, options) {
  const member = store.socket(options);
  await member.open();
  const witness = await store.join(undefined, { path: options?.path ?? 'ws' });
  const mark = `"${randomUUID()}"`;
  witness.send(options?.path === 'signal' ? mark : patch(mark));
  const got = await member.messageOrEnd();
  witness.terminate();
  member.terminate();
  return typeof got === 'object' && 'code' in got ? got : LET_IN;
}

/**
 * The answer to a handshake that isn't accepted.
 *
 * @param {Scene} scene
 * @param {string} path
 */
export async function knock(scene, path) {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  return await exchange(scene.server.http, { path, headers });
}

/**
 * Asks the API for a token, with this one.
 *
 * @param {Scene} scene
 * @param {string} token
 * @param {unknown} [body]
 */
export async function askForToken(scene, token, body = { sub: 'bob', scope: 'read' }) {
  const headers = { Authorization: `Bearer ${token}` };
  return await exchange(`${scene.server.http}/api/token`, { method: 'POST', headers, body });
}
