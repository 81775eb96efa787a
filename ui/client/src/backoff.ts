const FIRST_MS = 100;
const LONGEST_MS = 10_000;

/** Pauses that double with each failure. Jitter keeps clients of one server from coming all at once. */
export class Backoff {
  readonly #longestMs: number;
  #failures = 0;

  constructor(longestMs = LONGEST_MS) {
    this.#longestMs = longestMs;
  }

  get failures(): number {
    return this.#failures;
  }

  next(): number {
    const pause = Math.min(FIRST_MS * 2 ** this.#failures, this.#longestMs);
    this.#failures += 1;
    return pause * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
