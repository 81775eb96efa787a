// @ts-check
/** The frames of stores, byte by byte: a type and a payload, in one binary message. */
import { createHmac } from 'node:crypto';

/** The types of frames, by their names in the protocol. */
export const TYPES = /** @type {const} */ ({
  PATCH: 1,
  VALUE: 2,
  REQ_VALUE: 3,
  PRESENCE: 4,
  VALUE_CHUNK: 5,
  SYNC_REQ: 6,
});

/** Bytes of a hash field. */
export const HASH = 32;

/**
 * @param {number} type
 * @param {...(Uint8Array | string)} parts of the payload
 */
export function frame(type, ...parts) {
  return Buffer.concat([Buffer.of(type), ...parts.map((part) => Buffer.from(part))]);
}

export const patch = (/** @type {Uint8Array | string} */ bytes) => frame(TYPES.PATCH, bytes);
export const presence = (/** @type {unknown} */ state) => frame(TYPES.PRESENCE, JSON.stringify(state));
export const request = (/** @type {Uint8Array} */ hash) => frame(TYPES.REQ_VALUE, hash);
export const SYNC = frame(TYPES.SYNC_REQ);

/**
 * @param {Uint8Array} hash
 * @param {Uint8Array | string} bytes
 */
export function value(hash, bytes) {
  return frame(TYPES.VALUE, hash, bytes);
}

/**
 * @param {Uint8Array} hash
 * @param {number} index
 * @param {number} total
 * @param {Uint8Array | string} bytes
 */
export function chunk(hash, index, total, bytes) {
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(index, 0);
  numbers.writeUInt32BE(total, 4);
  return frame(TYPES.VALUE_CHUNK, hash, numbers, bytes);
}

/**
 * A hash field that no other name has.
 *
 * @param {string} name
 */
export function hashOf(name) {
  return createHmac('sha256', 'a hash').update(name).digest();
}

/**
 * The frames `first` to `first + count - 1` of a writer who numbers its patches.
 *
 * @param {string} writer
 * @param {number} count
 * @param {number} [first]
 */
export function numbered(writer, count, first = 0) {
  return Array.from({ length: count }, (_, index) => patch(`${writer} ${first + index}`));
}
