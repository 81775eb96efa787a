// @ts-check
/**
 * A bad host for a server: its disk fails where the databases are, its clock jumps. It is between
 * the server and the system's library, so the server under test is the very binary that is shipped.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const fromHere = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const FOLDER = fromHere('../../../target/faults');

/** Where the wrongs are in the file that the server reads them from, in bytes. */
const PLACES = { write: 0, sync: 4, read: 8, clock: 12 };
const SIZE = 16;

/** @typedef {'ENOSPC' | 'EIO' | 'EROFS'} Failure */

/** Why there is no bad host on this machine; false if there is. */
export function lacksBadHost() {
  if (process.platform !== 'linux') return 'only on Linux';
  return spawnSync('cc', ['--version']).status === 0 ? false : 'not installed here: cc';
}

export class BadHost {
  constructor() {
    mkdirSync(FOLDER, { recursive: true });
    this.library = compiled();
    this.path = `${FOLDER}/wrongs-${process.pid}-${BadHost.count++}`;
    this.file = openSync(this.path, 'w');
    writeSync(this.file, Buffer.alloc(SIZE), 0, SIZE, 0);
  }

  static count = 0;

  /** For the server's environment. */
  get env() {
    return { LD_PRELOAD: this.library, KRAKEN_FAULTS: this.path };
  }

  /**
   * From now on, what databases do here fails so.
   *
   * @param {'write' | 'sync' | 'read'} what
   * @param {Failure} how
   */
  breaks(what, how) {
    this.#set(PLACES[what], constants.errno[how] ?? 5);
  }

  /** The disk is well again. */
  heals() {
    for (const place of [PLACES.write, PLACES.sync, PLACES.read]) this.#set(place, 0);
  }

  /** @param {number} seconds off the true time */
  clockIsOff(seconds) {
    this.#set(PLACES.clock, seconds);
  }

  /** When the server has ended. */
  dispose() {
    closeSync(this.file);
    rmSync(this.path);
  }

  /**
   * @param {number} place
   * @param {number} value
   */
  #set(place, value) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    writeSync(this.file, bytes, 0, bytes.length, place);
  }
}

function compiled() {
  const library = `${FOLDER}/host-${process.pid}.so`;
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-o', library, fromHere('host.c')]);
  if (status !== 0) throw new Error(`host.c: ${stderr}`);
  process.once('exit', () => rmSync(library, { force: true }));
  return library;
}
