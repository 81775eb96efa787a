// @ts-check
/** Stores whose peers write patches and come back, with what they have, whenever they are closed. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { patch } from '../../interop/lib/sds/frames.js';
import { Store } from '../../interop/lib/sds/store.js';
import { Scene } from '../../interop/lib/suite.js';
import { becomes } from '../lib/ready.js';

/** @typedef {import('../../interop/lib/sds/member.js').Member} Member */
/** @typedef {import('./load.js').Lane} Lane */

const PEERS = 3;
/** How long a store is in use, in seconds, and between two patches, in milliseconds. */
const [LIFE, PACE] = [20, 40];
/** Everybody has everything after this time, restarts or not, in milliseconds. */
const WITHIN = 60_000;

/** @param {Lane} lane */
export async function stores(lane) {
  for (let life = 0; !lane.clock.isOver; life += 1) {
    const scene = new Scene(lane.server, () => assert.fail());
    try {
      await live(lane, new Store(scene, `${lane.name}-${life}`));
    } finally {
      await scene.end();
    }
    lane.counts.stores += 1;
  }
}

/**
 * @param {Lane} lane
 * @param {Store} store
 */
async function live({ clock, counts, roll }, store) {
  const peers = Array.from({ length: PEERS }, (_, index) => new Peer(store, `peer ${index}`));
  const end = clock.now + LIFE;
  while (clock.now < end && !clock.isOver) {
    const peer = peers[roll(PEERS)] ?? assert.fail();
    if (roll(200) === 0) peer.leave();
    await peer.write();
    counts.patches += 1;
    await delay(roll(PACE));
  }
  const all = new Set(peers.flatMap(({ own }) => own));
  await becomes(
    async () => {
      for (const peer of peers) await peer.comesBack();
      const kept = await contents(store);
      for (const peer of peers) peer.repeats(kept);
      return kept.size === all.size && peers.every((peer) => peer.has(all));
    },
    `all ${all.size} patches of ${store.name} with everybody`,
    WITHIN,
  );
}

/**
 * What is stored; nothing while the server can't say.
 *
 * @param {Store} store
 * @returns {Promise<Set<string>>}
 */
async function contents(store) {
  try {
    return new Set((await store.contents()).map((frame) => frame.slice(1)));
  } catch {
    return new Set();
  }
}

/** A peer that keeps what it wrote, as local-first clients do. */
class Peer {
  /** @type {string[]} */
  own = [];
  /** @type {Set<string>} */
  known = new Set();
  /** @type {Member | null} */
  member = null;

  /**
   * @param {Store} store
   * @param {string} name
   */
  constructor(store, name) {
    this.store = store;
    this.name = name;
  }

  async write() {
    const text = `${this.name} ${this.own.length}`;
    this.own.push(text);
    await this.comesBack();
    this.member?.send(patch(text));
    this.#reads();
  }

  /** Joins again if it is out. A server that isn't there is tried again later. */
  async comesBack() {
    if (this.member !== null && this.member.end === null) return;
    this.#reads();
    const member = await this.store.join().catch(() => null);
    this.member = member;
  }

  leave() {
    this.#reads();
    this.member?.terminate();
    this.member = null;
  }

  /**
   * Sends again what has got lost.
   *
   * @param {Set<string>} kept
   */
  repeats(kept) {
    for (const text of this.own) if (!kept.has(text)) this.member?.send(patch(text));
  }

  /** @param {Set<string>} all */
  has(all) {
    this.#reads();
    const own = new Set(this.own);
    return [...all].every((text) => this.known.has(text) || own.has(text));
  }

  #reads() {
    for (const frame of this.member?.inbox.splice(0) ?? []) {
      const bytes = Buffer.from(frame);
      if (bytes[0] === 1) this.known.add(bytes.toString('latin1', 1));
    }
  }
}
