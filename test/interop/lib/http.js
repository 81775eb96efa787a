// @ts-check
/**
 * HTTP requests as bare as they can be: nothing is sent, cached or followed that the test didn't
 * say.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { text } from 'node:stream/consumers';
import { bounded } from './wait.js';

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {string} text
 * @property {any} json what the text is as JSON, undefined if it isn't
 */

/**
 * @typedef {object} Call
 * @property {string} [method]
 * @property {Record<string, string | string[]>} [headers]
 * @property {unknown} [body] a string or bytes go as they are, anything else as JSON
 * @property {string} [path] the path to send, if not the URL's: verbatim
 * @property {string} [ca] whose certificate is trusted
 */

/**
 * Sends one request over a connection of its own.
 *
 * @param {string} url
 * @param {Call} [call]
 * @returns {Promise<Answer>}
 */
export function exchange(url, { method = 'GET', headers = {}, body, path, ca } = {}) {
  const target = new URL(url);
  const { request } = target.protocol === 'https:' ? https : http;
  /** @type {Promise<Answer>} */
  const answer = new Promise((resolve, reject) => {
    const sent = request({
      hostname: target.hostname,
      port: target.port,
      path: path ?? target.pathname + target.search,
      method,
      headers: { ...contentType(body), ...headers },
      agent: false,
      ...(ca === undefined ? {} : { ca }),
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      read(response).then(resolve, reject);
    });
    sent.end(encoded(body));
  });
  return bounded(answer, `an answer to ${method} ${target.pathname}`);
}

/**
 * @param {import('node:http').IncomingMessage} response
 * @returns {Promise<Answer>}
 */
async function read(response) {
  const body = await text(response);
  return { status: response.statusCode ?? 0, headers: response.headers, text: body, json: parsed(body) };
}

/** @param {string} body */
function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** @param {unknown} body */
function encoded(body) {
  return isEncoded(body) ? body : JSON.stringify(body);
}

/**
 * @param {unknown} body
 * @returns {Record<string, string>}
 */
function contentType(body) {
  return isEncoded(body) ? {} : { 'Content-Type': 'application/json' };
}

/**
 * @param {unknown} body
 * @returns {body is string | Uint8Array | undefined}
 */
function isEncoded(body) {
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array;
}
