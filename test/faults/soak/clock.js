// @ts-check
/** The times of one soak: half of it with restarts, half of it without. */
/** How long after a restart somebody may still fail because of it, in milliseconds. */
const AFTERMATH = 15_000;

export class Clock {
  started = performance.now();
  /** @type {Array<{ at: number, what: string }>} seconds since the start */
  restarts = [];
  /** @type {Error | null} what ends it before its time */
  failure = null;
  unsettledUntil = 0;

  /** @param {number} minutes */
  constructor(minutes) {
    this.seconds = minutes * 60;
  }

  get now() {
    return (performance.now() - this.started) / 1_000;
  }

  get isOver() {
    return this.failure !== null || this.now > this.seconds;
  }

  get isCalm() {
    return this.now > this.seconds / 2;
  }

  /** Whether there is or was a restart just now. */
  get isUnsettled() {
    return performance.now() < this.unsettledUntil;
  }

  /**
   * @param {string} what
   * @param {() => Promise<void>} restart
   */
  async duringRestart(what, restart) {
    this.restarts.push({ at: this.now, what });
    this.unsettledUntil = Infinity;
    await restart();
    this.unsettledUntil = performance.now() + AFTERMATH;
  }

  /** @param {unknown} error */
  fail(error) {
    this.failure ??= error instanceof Error ? error : new Error(String(error));
  }
}
