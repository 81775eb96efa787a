// @ts-check
/**
 * Packages for the suites beside this one. Two copies of Yjs in one process don't know each
 * other's types; so there is one.
 */
export { default as Database } from 'better-sqlite3';
export * as decoding from 'lib0/decoding';
export * as encoding from 'lib0/encoding';
export * as Y from 'yjs';
