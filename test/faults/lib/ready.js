// @ts-check
/** When a server can be used, and when it has stored all. Nobody tells, so it is asked. */
import { setTimeout as delay } from 'node:timers/promises';
import { exchange } from '../../interop/lib/http.js';
import { SOON } from '../../interop/lib/wait.js';

/** @typedef {import('../../interop/lib/server.js').Server} Server */

/** Between two questions, in milliseconds. */
const PAUSE = 20;

/**
 * Asks again and again.
 *
 * @param {() => Promise<boolean>} isSo
 * @param {string} what
 * @param {number} [within] milliseconds
 */
export async function becomes(isSo, what, within = SOON) {
  const deadline = performance.now() + within;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await delay(PAUSE);
  }
}

/**
 * Until the gateway is linked to its process.
 *
 * @param {Server} server
 */
export async function linked(server) {
  await becomes(async () => (await exchange(`${server.http}/health`)).json?.link === 'up', 'a link');
}

/**
 * Until everything that came is on disk. A server that has much to do may not say.
 *
 * @param {Server} server
 * @param {number} [within] milliseconds
 */
export async function stored(server, within) {
  const isStored = async () => {
    const { text } = await exchange(`${server.http}/metrics`);
    return /^kraken_unstored_bytes 0$/m.test(text);
  };
  await becomes(isStored, 'everything being stored', within);
}
