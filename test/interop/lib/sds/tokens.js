// @ts-check
/** The tokens of stores, good and bad ones, as anybody may make them. */
import { createHmac } from 'node:crypto';
import { inSeconds } from '../api.js';

export const SECRET = 'interop-sds-secret-0123456789abcdef';

/**
 * A JSON Web Token of any header and payload, rightly signed unless the secret is wrong.
 *
 * @param {unknown} payload
 * @param {{ header?: Record<string, unknown>, secret?: string, hash?: string }} [options]
 */
export function signed(payload, { header = { alg: 'HS256' }, secret = SECRET, hash = 'sha256' } = {}) {
  const part = (/** @type {unknown} */ json) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
}

/**
 * @typedef {Record<string, unknown> & { sub?: unknown, aud?: unknown, scope?: unknown, exp?: unknown }} Claims
 *
 * @param {string} store
 * @param {Claims} [claims] those that differ; undefined leaves one out
 * @param {Parameters<typeof signed>[1]} [options]
 */
export function storeToken(store, claims = {}, options = {}) {
  const all = { sub: 'alice', aud: store, scope: 'write', exp: inSeconds(3_600), ...claims };
  return signed(all, options);
}

/** @param {string} token */
export function claimsOf(token) {
  const [header = '', payload = ''] = token.split('.');
  const parsed = (/** @type {string} */ part) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header: parsed(header), payload: parsed(payload) };
}
