// @ts-check
/**
 * A peer of a store over WebRTC: it signals as the protocol's browser provider does, with a real
 * peer connection behind it.
 */
import { randomUUID } from 'node:crypto';
import { RTCPeerConnection } from 'werift';
import { bounded, eventually } from '../wait.js';

/** @typedef {import('werift').RTCDataChannel} Channel */
/** @typedef {{ type: string, from: string, to?: string, sdp?: string, candidate?: import('werift').RTCIceCandidateInit }} Signal */

/** Opening a channel takes ICE, DTLS and SCTP, in milliseconds on a busy machine. */
const OPEN_WITHIN = 30_000;

/** One of two peers. Whoever hears another's hello makes the offer. */
export class Peer {
  id = randomUUID();
  connection = new RTCPeerConnection({ iceServers: [], iceAdditionalHostAddresses: ['127.0.0.1'] });
  /** @type {Buffer[]} */
  inbox = [];
  /** @type {Set<() => void>} */
  watchers = new Set();
  /** @type {Promise<void>} signals are dealt with one after the other */
  last = Promise.resolve();
  other = '';

  /** @param {import('./member.js').Member} signaller */
  constructor(signaller) {
    this.signaller = signaller;
    /** @type {(channel: Channel) => void} */
    this.isOpen = () => {};
    /** @type {Promise<Channel>} */
    this.whenOpen = new Promise((resolve) => {
      this.isOpen = resolve;
    });
    this.connection.onDataChannel.subscribe((channel) => this.#use(channel));
    this.connection.onIceCandidate.subscribe((candidate) => {
      if (candidate) this.#say({ type: 'candidate', candidate: candidate.toJSON() });
    });
    signaller.socket.on('message', (data, isBinary) => {
      if (isBinary) throw new Error('a browser cannot read a signal that is binary');
      const signal = JSON.parse(data.toString());
      this.last = this.last.then(() => this.#hear(signal));
    });
  }

  greet() {
    this.signaller.send(JSON.stringify({ type: 'hello', from: this.id }));
  }

  /** The channel, when it is open. */
  async channel() {
    return await bounded(this.whenOpen, 'an open data channel', OPEN_WITHIN);
  }

  /** The next frame from the other peer. */
  async next() {
    return await eventually({
      subscribe: (look) => {
        this.watchers.add(look);
        return () => this.watchers.delete(look);
      },
      check: () => this.inbox.shift() ?? null,
      describe: () => 'a frame from the other peer',
    });
  }

  async close() {
    await this.connection.close();
  }

  /** @param {Signal} signal */
  async #hear({ type, from, to, sdp = '', candidate }) {
    if (to !== undefined && to !== this.id) return;
    const { connection } = this;
    switch (type) {
      case 'hello':
        if (this.other !== '') return;
        this.other = from;
        this.#use(connection.createDataChannel('sds', { ordered: false, maxRetransmits: 0 }));
        await connection.setLocalDescription(await connection.createOffer());
        this.#say({ type: 'offer', sdp: connection.localDescription?.sdp });
        break;
      case 'offer':
        this.other = from;
        await connection.setRemoteDescription({ type, sdp });
        await connection.setLocalDescription(await connection.createAnswer());
        this.#say({ type: 'answer', sdp: connection.localDescription?.sdp });
        break;
      case 'answer':
        await connection.setRemoteDescription({ type, sdp });
        break;
      case 'candidate':
        if (connection.remoteDescription && candidate) await connection.addIceCandidate(candidate);
        break;
      default:
        throw new Error(`a signal of type ${type}`);
    }
  }

  /** @param {Omit<Signal, 'from' | 'to'>} signal */
  #say(signal) {
    this.signaller.send(JSON.stringify({ from: this.id, to: this.other, ...signal }));
  }

  /** @param {Channel} channel */
  #use(channel) {
    channel.onMessage.subscribe((data) => {
      this.inbox.push(Buffer.from(data));
      for (const watcher of this.watchers) watcher();
    });
    if (channel.readyState === 'open') this.isOpen(channel);
    channel.stateChanged.subscribe((state) => {
      if (state === 'open') this.isOpen(channel);
    });
  }
}
