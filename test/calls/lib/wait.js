// @ts-check
/** Waiting for something that a browser will show. */
import { setTimeout as pause } from 'node:timers/promises';

/** Between two looks, in milliseconds. */
const LOOK = 100;

/**
 * Waits until `look` gives something that isn't `false`, and gives that.
 *
 * @template T
 * @param {string} what for the error
 * @param {number} within milliseconds
 * @param {() => Promise<T | false>} look
 * @returns {Promise<T>}
 */
export async function until(what, within, look) {
  const end = Date.now() + within;
  for (;;) {
    const seen = await look();
    if (seen !== false) return seen;
    if (Date.now() > end) throw new Error(`after ${within} ms, still not: ${what}`);
    await pause(LOOK);
  }
}
