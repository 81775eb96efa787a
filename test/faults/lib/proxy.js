// @ts-check
/** What is between two ends of a TCP connection: it may cut it, anywhere, or fall silent. */
import { connect, createServer } from 'node:net';

/** @typedef {import('node:net').Socket} Socket */

export class Proxy {
  /** Where it leads. */
  target = 0;
  port = 0;
  isSilent = false;
  /** @type {((bytes: Buffer) => Buffer) | null} what becomes of the next bytes before all is cut */
  knife = null;
  /** @type {Set<Socket>} */
  sockets = new Set();
  /** @type {() => void} */
  hasCut = () => {};

  constructor() {
    this.server = createServer((near) => this.#join(near, connect(this.target, '127.0.0.1')));
  }

  async listen() {
    await new Promise((resolve) => {
      this.server.listen(0, '127.0.0.1', () => resolve(undefined));
    });
    const address = this.server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  /**
   * Cuts all connections in the middle of what comes next: of these bytes, some are passed on.
   *
   * @param {(length: number) => number} roll says how many
   * @returns {Promise<void>} when it has
   */
  cutsNext(roll) {
    return new Promise((resolve) => {
      this.hasCut = resolve;
      this.knife = (bytes) => bytes.subarray(0, 1 + roll(Math.max(1, bytes.length - 1)));
    });
  }

  /** From now on nothing gets through, and nobody is told. */
  fallsSilent() {
    this.isSilent = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** What was held back gets through. */
  speaks() {
    this.isSilent = false;
    for (const socket of this.sockets) socket.resume();
  }

  close() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  /**
   * @param {Socket} near
   * @param {Socket} far
   */
  #join(near, far) {
    this.#carry(near, far);
    this.#carry(far, near);
    if (this.isSilent) for (const socket of [near, far]) socket.pause();
  }

  /**
   * @param {Socket} from
   * @param {Socket} to
   */
  #carry(from, to) {
    this.sockets.add(from);
    from.on('data', (bytes) => {
      if (this.knife !== null && bytes.length > 1) this.#cut(to, this.knife(bytes));
      else if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => {
      if (!this.isSilent) from.resume();
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.sockets.delete(from);
      // Who is silent doesn't say either that the other side is gone.
      if (!this.isSilent) to.destroy();
    });
  }

  /**
   * @param {Socket} to
   * @param {Buffer} part
   */
  #cut(to, part) {
    this.knife = null;
    to.end(part, () => {
      for (const socket of this.sockets) socket.destroy();
      this.hasCut();
    });
  }
}
