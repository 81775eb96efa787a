// @ts-check
/** A server process that a test started. */
import { spawn } from 'node:child_process';
import { until } from './wait.js';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** How long a server may take to start or to end, in milliseconds. */
const PATIENCE = 20_000;

export class ServerProcess {
  /**
   * @param {string} command
   * @param {string[]} args
   */
  constructor(command, args) {
    this.output = '';
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (chunk) => (this.output += chunk));
    }
    this.hasEnded = false;
    const end = () => {
      this.hasEnded = true;
      running.delete(this.child);
    };
    this.child.on('close', end);
    this.child.on('error', (error) => {
      this.output += error.message;
      end();
    });
  }

  /**
   * The first match in what it prints.
   *
   * @param {RegExp} pattern
   * @returns {Promise<RegExpExecArray>}
   */
  async prints(pattern) {
    return await until(`${this.child.spawnfile} prints ${pattern}`, PATIENCE, async () => {
      const match = pattern.exec(this.output);
      if (match === null && this.hasEnded) throw new Error(`it ended: ${this.output}`);
      return match ?? false;
    });
  }

  /** @param {NodeJS.Signals} [signal] */
  async end(signal = 'SIGTERM') {
    this.child.kill(signal);
    await until(`${this.child.spawnfile} ends`, PATIENCE, async () => this.hasEnded);
  }
}
