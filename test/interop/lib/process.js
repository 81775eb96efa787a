// @ts-check
/**
 * A server process that a test started: its output, its end, and nobody else's pid.
 */
import { spawn } from 'node:child_process';
import { bounded, SOON } from './wait.js';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** How much of a process's last output is kept for error messages, in characters. */
const LOG_TAIL = 8_000;

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} Exit */

/** A child process whose output is kept for error messages. */
export class ServerProcess {
  /**
   * @param {string} command
   * @param {string[]} args
   * @param {Record<string, string>} env added to the tests' own environment
   */
  constructor(command, args, env) {
    this.name = `${command} ${args.join(' ')}`;
    this.log = '';
    /** @type {string[]} */
    this.chunks = [];
    /**
     * What it logged at the level of errors: hazards to a real node are among that.
     *
     * @type {string[]}
     */
    this.errors = [];
    let line = '';
    this.child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.child);
    /** @type {Array<() => void>} */
    this.watchers = [];
    /** @param {Buffer} chunk */
    const keep = (chunk) => {
      const text = chunk.toString();
      this.chunks.push(text);
      this.log = (this.log + text).slice(-LOG_TAIL);
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      this.errors.push(...lines.filter((complete) => / ERROR /.test(complete)));
      for (const watcher of this.watchers) watcher();
    };
    this.child.stdout.on('data', keep);
    this.child.stderr.on('data', keep);
    /** @type {Promise<Exit>} */
    this.exited = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.log += `\n${error.message}`;
        running.delete(this.child);
        resolve({ code: null, signal: null });
      });
      this.child.on('close', (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal });
      });
    });
  }

  /** Everything that it printed. */
  get output() {
    return this.chunks.join('');
  }

  /** @returns {number} */
  get pid() {
    return this.child.pid ?? 0;
  }

  /**
   * The first match of `pattern` in what the process prints.
   *
   * @param {RegExp} pattern
   * @param {number} within milliseconds
   * @returns {Promise<RegExpExecArray>}
   */
  async prints(pattern, within) {
    /** @type {Promise<RegExpExecArray>} */
    const printed = new Promise((resolve) => {
      const look = () => {
        const match = pattern.exec(this.log);
        if (match !== null) resolve(match);
      };
      this.watchers.push(look);
      look();
    });
    const died = this.exited.then(({ code, signal }) => {
      throw new Error(`${this.name} ended (${code ?? signal}) before it printed ${pattern}:\n${this.log}`);
    });
    died.catch(() => {});
    const found = Promise.race([printed, died]);
    try {
      return await bounded(found, `${this.name} printing ${pattern}`, within);
    } catch (error) {
      this.child.kill('SIGKILL');
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.log}`, { cause: error });
    } finally {
      this.watchers.length = 0;
    }
  }

  /**
   * Sends the signal and waits for the end.
   *
   * @param {NodeJS.Signals} signal
   * @returns {Promise<Exit>}
   */
  async end(signal) {
    if (running.has(this.child)) this.child.kill(signal);
    try {
      return await bounded(this.exited, `the end of ${this.name} after ${signal}`, SOON);
    } catch (error) {
      this.child.kill('SIGKILL');
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.log}`, { cause: error });
    }
  }
}
