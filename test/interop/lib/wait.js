// @ts-check
/**
 * Waiting for conditions by their events. Nothing here polls; everything has a deadline.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Longest wait for anything that should happen at once, in milliseconds. */
export const SOON = 10_000;

/**
 * Resolves as soon as `check()` gives something truthy, looking once now and once after each
 * event. Rejects with `describe()` at the deadline.
 *
 * @template T
 * @param {object} wait
 * @param {(look: () => void) => (() => void)} wait.subscribe calls `look` at each event; returns how to stop
 * @param {() => T | null | undefined | false} wait.check
 * @param {() => string} wait.describe what was awaited and what is there instead
 * @param {number} [wait.within] milliseconds
 * @returns {Promise<T>}
 */
export function eventually({ subscribe, check, describe, within = SOON }) {
  return new Promise((resolve, reject) => {
    let done = false;
    /** @type {() => void} */
    let unsubscribe = () => {};
    const finish = () => {
      done = true;
      clearTimeout(timer);
      unsubscribe();
    };
    const look = () => {
      if (done) return;
      try {
        const found = check();
        if (!found) return;
        finish();
        resolve(found);
      } catch (error) {
        finish();
        reject(error);
      }
    };
    const timer = setTimeout(() => {
      finish();
      reject(new Error(`not within ${within} ms: ${describe()}`));
    }, within);
    unsubscribe = subscribe(look);
    if (done) unsubscribe();
    look();
  });
}

/**
 * Rejects with `what` when the promise takes longer than `within` milliseconds.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @param {number} [within]
 * @returns {Promise<T>}
 */
export async function bounded(promise, what, within = SOON) {
  const stop = new AbortController();
  const late = delay(within, null, { signal: stop.signal, ref: true }).then(
    () => Promise.reject(new Error(`not within ${within} ms: ${what}`)),
    () => /** @type {never} */ (undefined),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}

/**
 * Lets real time pass. Only for what is itself a promise about time: a grace, an expiry, a flush
 * interval. Say in `_why` which.
 *
 * @param {number} milliseconds
 * @param {string} _why
 */
export async function timePasses(milliseconds, _why) {
  await delay(milliseconds);
}
