// @ts-check
/** A socket that signals. */
import { Envelopes } from './envelopes.js';
import { handshakeHeaders } from './handshake.js';
import { MASTER_TOKEN } from './server.js';

/** @typedef {Record<string, unknown> & { type: number }} Signal */

export class Signaller extends Envelopes {
  /**
   * @param {string} address
   * @param {{ token?: string }} [options] no token if it is empty
   */
  constructor(address, { token = MASTER_TOKEN } = {}) {
    super(address, token, handshakeHeaders({}));
  }

  /** @param {Signal} signal */
  signal(signal) {
    this.send({ kraken: 'signal', signal });
  }

  /**
   * The next signal of this type. What comes before it is dropped, but for errors.
   *
   * @param {number} type
   * @returns {Promise<Record<string, any>>}
   */
  async next(type) {
    for (;;) {
      const envelope = await this.take();
      if (envelope['kraken'] === 'error') throw new Error(`an error: ${JSON.stringify(envelope)}`);
      if (envelope['signal'].type === type) return envelope['signal'];
    }
  }

  /** The next message, which must be an error, without its text for people. */
  async error() {
    const { kraken, message, ...error } = await this.take();
    if (kraken !== 'error' || message === '') throw new Error(`no error: ${JSON.stringify(error)}`);
    return error;
  }
}
