// @ts-check
/** Two honest users who go on while somebody else does harm. */
import assert from 'node:assert/strict';
import { on } from '../../interop/lib/client.js';
import { MIB, resident } from './memory.js';
import { percentile } from './percentile.js';
import { linked } from './ready.js';

/** Between two edits, in milliseconds. */
const PACE = 10;

export class Bystanders {
  /** @type {number[]} how long each edit took to the other, in milliseconds */
  latencies = [];
  /** @type {Map<string, number>} */
  underWay = new Map();
  written = 0;

  /**
   * @param {import('../../interop/lib/suite.js').Scene} scene
   * @param {import('../../interop/lib/client.js').Client} writer
   * @param {import('../../interop/lib/client.js').Client} reader
   */
  constructor(scene, writer, reader) {
    this.scene = scene;
    this.writer = writer;
    this.reader = reader;
    this.memory = resident(scene.server);
    on(reader.doc, 'update', () => this.#look());
    this.timer = setInterval(() => this.#write(), PACE);
    scene.cleanups.push(() => clearInterval(this.timer));
  }

  /**
   * On a server of the test's own.
   *
   * @param {import('../../interop/lib/suite.js').Scene} scene
   */
  static async of(scene) {
    await linked(await scene.ownServer());
    const room = `${scene.room}-bystanders`;
    const [writer, reader] = [await scene.joined({ room }), await scene.joined({ room })];
    return new Bystanders(scene, writer, reader);
  }

  /** How much more memory the server holds than before, in bytes. */
  get grown() {
    return resident(this.scene.server) - this.memory;
  }

  /**
   * That they noticed nothing, and that the harm didn't cost more than this.
   *
   * @param {number} bytes
   * @param {import('node:test').TestContext} context
   */
  async areUnharmed(bytes, context) {
    const { grown } = this;
    clearInterval(this.timer);
    this.#write();
    await this.reader.has(
      () => this.reader.map.get('beat') === String(this.written),
      () => `beat ${this.written}, have ${this.reader.map.get('beat')}`,
    );
    for (const { provider } of [this.writer, this.reader]) assert.equal(provider.wsconnected, true);
    const p99 = percentile(this.latencies, 0.99);
    context.diagnostic(`p99 of bystanders ${p99.toFixed(1)} ms; memory grown by ${(grown / MIB).toFixed(0)} MiB`);
    assert.ok(grown < bytes, `grown by ${(grown / MIB).toFixed(0)} MiB`);
  }

  #write() {
    this.written += 1;
    this.underWay.set(String(this.written), performance.now());
    this.writer.map.set('beat', String(this.written));
  }

  #look() {
    const beat = String(this.reader.map.get('beat'));
    const sent = this.underWay.get(beat);
    if (sent === undefined) return;
    this.underWay.delete(beat);
    this.latencies.push(performance.now() - sent);
  }
}
