// @ts-check
/** Clients that don't read. */
import assert from 'node:assert/strict';
import { on } from '../../interop/lib/client.js';
import { Y } from '../../interop/lib/packages.js';
import { update } from '../../interop/lib/raw.js';
import { suite } from '../../interop/lib/suite.js';
import { timePasses } from '../../interop/lib/wait.js';
import { MIB, resident } from '../lib/memory.js';
import { percentile } from '../lib/percentile.js';
import { linked } from '../lib/ready.js';

/** @typedef {import('../../interop/lib/client.js').Client} Client */
/** @typedef {import('../../interop/lib/suite.js').Scene} Scene */

/** Updates a second, their bytes, and for how long there are so many, in seconds. */
const [RATE, SIZE, SECONDS] = [500, 12_288, 8];
/** Timers are no better than this, in milliseconds. */
const TICK = 10;
/**
 * What a server may take for those who don't read: the one copy of what waits for all of them, and
 * as much again for what is on its way, in bytes.
 */
const ALLOWED = 96 * MIB;

/** Somebody who overwrites the same value again and again, with the time in front of it. */
class Pacemaker {
  doc = new Y.Doc();
  map = this.doc.getMap('map');
  written = 0;

  /** @param {import('../../interop/lib/raw.js').RawClient} client */
  constructor(client) {
    this.client = client;
    this.doc.on('update', (/** @type {Uint8Array} */ bytes) => client.send(update(bytes)));
  }

  /** @param {number} seconds */
  async beats(seconds) {
    const filling = 'x'.repeat(SIZE);
    const started = performance.now();
    for (let sent = 0; sent < RATE * seconds; ) {
      const due = Math.min(RATE * seconds, ((performance.now() - started) / 1_000) * RATE);
      for (; sent < due; sent += 1) {
        this.written += 1;
        this.map.set('beat', `${performance.now()} ${this.written} ${filling}`);
      }
      await timePasses(TICK, 'so many a second');
    }
  }
}

/**
 * How late each beat is with a client, in milliseconds.
 *
 * @param {Client} client
 */
function latencies(client) {
  /** @type {number[]} */
  const all = [];
  on(client.doc, 'update', () => all.push(performance.now() - Number.parseFloat(String(client.map.get('beat')))));
  return all;
}

suite('Slow clients', (test) => {
  test('FA8: who stalls harms nobody, costs a bounded amount of memory, and converges when it goes on', { within: 90_000 }, async (scene, context) => {
    const server = await scene.ownServer();
    await linked(server);
    const healthy = await Promise.all(Array.from({ length: 5 }, () => scene.joined()));
    const stalled = await Promise.all(Array.from({ length: 5 }, () => scene.joined()));
    const pacemaker = new Pacemaker(await scene.rawSettled());
    const late = healthy.map(latencies);
    await pacemaker.beats(SECONDS / 4);
    const last = () => String(pacemaker.map.get('beat'));
    const hasAll = (/** @type {Client} */ client) =>
      client.has(() => client.map.get('beat') === last(), () => `beat ${pacemaker.written}`, 30_000);
    await Promise.all(healthy.map(hasAll));
    const before = { p99: percentile(late.flat(), 0.99), memory: resident(server) };

    for (const all of late) all.length = 0;
    for (const client of stalled) client.socket.pause();
    await pacemaker.beats(SECONDS);
    const p99 = percentile(late.flat(), 0.99);
    const grown = resident(server) - before.memory;
    await Promise.all(healthy.map(hasAll));
    for (const all of late) assert.equal(all.length, RATE * SECONDS, 'each update by itself, and none left out');

    const codes = stalled.map((client) => client.closed().then((close) => close?.code, () => 'not'));
    for (const client of stalled) client.socket.resume();
    await Promise.all(stalled.map(hasAll));
    // Who goes on too late finds the connection gone.
    for (const code of await Promise.all(codes)) assert.ok(code === 4500 || code === 1006, `closed with ${code}`);
    assert.ok(grown < ALLOWED, `grown by ${(grown / MIB).toFixed(0)} MiB`);
    context.diagnostic(
      `p99 of healthy clients ${before.p99.toFixed(1)} ms before, ${p99.toFixed(1)} ms beside stalled ones; ` +
        `memory grown by ${(grown / MIB).toFixed(0)} MiB`,
    );
  });
});
