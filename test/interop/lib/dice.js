// @ts-check
/** Chance that can be repeated. */

/**
 * Numbers below `limit`, the same ones for the same seed (mulberry32).
 *
 * @param {number} seed
 * @returns {(limit: number) => number}
 */
export function dice(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
