// @ts-check
/** A socket that takes part in its room's call. */
import { Envelopes } from './envelopes.js';
import { handshakeHeaders } from './handshake.js';
import { MASTER_TOKEN } from './server.js';

export class Caller extends Envelopes {
  /**
   * @param {string} address
   * @param {{ token?: string }} [options] an app token comes from no page
   */
  constructor(address, { token = MASTER_TOKEN } = {}) {
    super(address, token, handshakeHeaders(token === MASTER_TOKEN ? {} : { origin: null }));
  }

  /** @param {unknown} call */
  say(call) {
    this.send({ kraken: 'call', call });
  }

  /**
   * Joins the call.
   *
   * @param {string} peer
   * @param {Record<string, unknown>} [fields]
   */
  async join(peer, fields = {}) {
    this.say({ type: 'join', peer, ...fields });
    return await this.next('joined');
  }

  /**
   * The next message of this type. What comes before it is dropped, but for errors.
   *
   * @param {string} type
   * @returns {Promise<Record<string, any>>}
   */
  async next(type) {
    for (;;) {
      const call = await this.#call();
      if (call['type'] === type) return call;
      if (call['type'] === 'error') throw new Error(`an error: ${JSON.stringify(call)}`);
    }
  }

  /** The next error, without its text for people. What comes before it is dropped. */
  async error() {
    const { code, about, message } = await this.next('error');
    if (typeof message !== 'string' || message === '') throw new Error('an error without words');
    return about === undefined ? { code } : { code, about };
  }

  async #call() {
    const envelope = await this.take();
    if (envelope['kraken'] !== 'call') throw new Error(`no call: ${JSON.stringify(envelope)}`);
    return envelope['call'];
  }
}
