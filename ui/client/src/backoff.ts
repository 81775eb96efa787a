const FIRST_MS = 100;
const LONGEST_MS = 10_000;

/** Pauses that double with each failure. Jitter keeps clients of one server from coming all at once. */
export class Backoff {
  #failures = 0;

  get failures(): number {
    return this.#failures;
  }

  next(): number {
    const pause = Math.min(FIRST_MS * 2 ** this.#failures, LONGEST_MS);
    this.#failures += 1;
    return pause * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
