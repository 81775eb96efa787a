// @ts-check
/** What is measured every second of a soak. */
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, MIB, residentBytes } from '../lib/memory.js';
import { percentile } from '../lib/percentile.js';

/** @typedef {import('./load.js').Counts} Counts */
/** @typedef {import('../../interop/lib/server.js').Server} Server */

/**
 * @typedef {object} Sample
 * @property {number} at seconds since the start
 * @property {boolean} isCalm
 * @property {number} memory of all processes of the server, in MiB
 * @property {number} cpu of all of them, in percent of a core
 * @property {number} p50 of the time from one client to another, in milliseconds
 * @property {number} p99
 * @property {number} edits a second
 * @property {number} patches a second
 */

const INTERVAL = 1_000;
/** Memory is flat if it grows by no more than this: a tenth, and what a pool may keep, in MiB. */
const SLACK = { share: 0.1, mebibytes: 8 };

export class Samples {
  /** @type {Sample[]} */
  all = [];

  /**
   * @param {Server} server
   * @param {import('./clock.js').Clock} clock
   * @param {Counts} counts
   * @param {import('../lib/bystanders.js').Bystanders} bystanders
   */
  constructor(server, clock, counts, bystanders) {
    this.server = server;
    this.clock = clock;
    this.counts = counts;
    this.bystanders = bystanders;
  }

  async take() {
    let before = { at: this.clock.now, ...this.counts, cpu: this.#cpu() };
    while (!this.clock.isOver) {
      await delay(INTERVAL);
      const now = { at: this.clock.now, ...this.counts, cpu: this.#cpu() };
      const seconds = now.at - before.at;
      const latencies = this.bystanders.latencies.splice(0);
      this.all.push({
        at: now.at,
        isCalm: this.clock.isCalm,
        memory: this.#sum(residentBytes) / MIB,
        // A process that has started anew has used none yet.
        cpu: Math.max(0, (100 * (now.cpu - before.cpu)) / seconds),
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        edits: (now.edits - before.edits) / seconds,
        patches: (now.patches - before.patches) / seconds,
      });
      before = now;
    }
  }

  get calm() {
    return this.all.filter(({ isCalm }) => isCalm);
  }

  /** Medians of the first and the last third of the time without restarts, in MiB. */
  get memory() {
    const memory = this.calm.map((sample) => sample.memory);
    const third = Math.ceil(memory.length / 3);
    return { before: percentile(memory.slice(0, third), 0.5), after: percentile(memory.slice(-third), 0.5) };
  }

  get isFlat() {
    const { before, after } = this.memory;
    return after <= before * (1 + SLACK.share) + SLACK.mebibytes;
  }

  #cpu() {
    return this.#sum(cpuSeconds);
  }

  /** @param {(pid: number) => number} measure */
  #sum(measure) {
    return this.server.parts.reduce((sum, { process }) => sum + (process === null ? 0 : measure(process.pid)), 0);
  }
}
