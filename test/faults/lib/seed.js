// @ts-check
/** A run may be repeated with the seed that stands in its tests' names. */
import { dice } from '../../interop/lib/dice.js';

export const SEED = Number(process.env['FAULTS_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

/** To be put behind the name of a test that rolls dice. */
export const SEEDED = `(FAULTS_SEED=${SEED})`;

/**
 * The dice of one test.
 *
 * @param {string} name tests that play at once don't roll each other's
 */
export function diceOf(name) {
  return dice([...name].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, SEED | 0));
}
