// @ts-check
/** Updates of few bytes that stand for something huge. */
import { encoding } from '../../interop/lib/packages.js';

/** What a struct is, in the first byte of it. */
const INFO = { gc: 0, deleted: 1, string: 4, type: 7, skip: 10, hasOrigin: 0x80 };
/** A shared map, in a struct of a type. */
const MAP = 1;
const LARGEST = Number.MAX_SAFE_INTEGER;

/** @typedef {InstanceType<typeof encoding.Encoder>} Encoder */

/**
 * @param {Encoder} out
 * @param {...number} numbers
 */
function put(out, ...numbers) {
  for (const number of numbers) encoding.writeVarUint(out, number);
}

/**
 * At the start of the text.
 *
 * @param {Encoder} out
 * @param {number} info
 */
function putAtRoot(out, info) {
  encoding.writeUint8(out, info);
  put(out, 1);
  encoding.writeVarString(out, 'text');
}

/**
 * One keystroke behind so many others.
 *
 * @param {number} clock
 */
export function keystroke(clock) {
  return encoding.encode((out) => {
    put(out, 1, 1, 77, clock);
    if (clock === 0) {
      putAtRoot(out, INFO.string);
    } else {
      encoding.writeUint8(out, INFO.string | INFO.hasOrigin);
      put(out, 77, clock - 1);
    }
    encoding.writeVarString(out, 'x');
    put(out, 0);
  });
}

/** One struct that stands for as many characters as a number can say. */
export function longStruct(/** @type {'gc' | 'skip'} */ kind, length = LARGEST) {
  return encoding.encode((out) => put(out, 1, 1, 77, 0, INFO[kind], length, 0));
}

/** Characters that are deleted already. */
export function longDeletion(length = LARGEST) {
  return encoding.encode((out) => {
    put(out, 1, 1, 77, 0);
    putAtRoot(out, INFO.deleted);
    put(out, length, 0);
  });
}

/** One range of deletions over everything that there may ever be. */
export function wideDeletion() {
  return encoding.encode((out) => put(out, 0, 1, 77, 1, 0, LARGEST));
}

/**
 * As many ranges of deletions, of nothing that there is.
 *
 * @param {number} count
 */
export function manyDeletions(count) {
  return encoding.encode((out) => {
    put(out, 0, 1, 77, count);
    for (let range = 0; range < count; range += 1) put(out, 2 * range, 1);
  });
}

/**
 * As many clients, of which each has typed one character at the start.
 *
 * @param {number} count
 */
export function manyClients(count) {
  return encoding.encode((out) => {
    put(out, count);
    for (let client = count; client > 0; client -= 1) {
      put(out, 1, client, 0);
      putAtRoot(out, INFO.string);
      encoding.writeVarString(out, 'x');
    }
    put(out, 0);
  });
}

/**
 * Maps in maps, as deep as this, of which the outermost is deleted.
 *
 * @param {number} depth
 */
export function deepTypes(depth) {
  const client = 77;
  const hasKey = 0x20;
  return encoding.encode((out) => {
    put(out, 1, depth, client, 0);
    for (let clock = 0; clock < depth; clock += 1) {
      encoding.writeUint8(out, INFO.type | hasKey);
      if (clock === 0) {
        put(out, 1);
        encoding.writeVarString(out, 'map');
      } else {
        put(out, 0, client, clock - 1);
      }
      encoding.writeVarString(out, 'k');
      put(out, MAP);
    }
    put(out, 1, client, 1, 0, 1);
  });
}

/**
 * As many clients, of which each has typed at the start, in the order that makes most work: each
 * has seen the one before it, elsewhere.
 *
 * @param {number} count
 */
export function collisions(count) {
  return encoding.encode((out) => {
    put(out, count);
    for (let client = count; client > 0; client -= 1) {
      put(out, 2, client, 0);
      if (client === 1) {
        encoding.writeUint8(out, INFO.string);
        put(out, 1);
        encoding.writeVarString(out, 'other');
      } else {
        encoding.writeUint8(out, INFO.string | INFO.hasOrigin);
        put(out, client - 1, 0);
      }
      encoding.writeVarString(out, 'x');
      putAtRoot(out, INFO.string);
      encoding.writeVarString(out, 'x');
    }
    put(out, 0);
  });
}

/**
 * As many clients from `first` on, of which each has typed at the start and seen nobody. The later
 * they are, the more are there to be compared with.
 *
 * @param {number} first
 * @param {number} count
 */
export function crowd(first, count) {
  return encoding.encode((out) => {
    put(out, count);
    for (let client = first; client < first + count; client += 1) {
      put(out, 1, client, 0);
      putAtRoot(out, INFO.string);
      encoding.writeVarString(out, 'x');
    }
    put(out, 0);
  });
}

/**
 * A text of twice as many characters, of which every second one is then deleted, from its end on.
 *
 * @param {number} count
 */
export function* scattered(count) {
  const client = 1;
  yield encoding.encode((out) => {
    put(out, 1, 1, client, 0);
    putAtRoot(out, INFO.string);
    encoding.writeVarString(out, 'x'.repeat(2 * count));
    put(out, 0);
  });
  yield encoding.encode((out) => {
    put(out, 0, 1, client, count);
    for (let index = count - 1; index >= 0; index -= 1) put(out, 2 * index, 1);
  });
}
