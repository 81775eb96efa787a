/**
 * How far this client's edits have got.
 *
 * - `unknown`: there has been no contact with the server yet, and no edit
 * - `unsent`: some are only here
 * - `sent`: the server has been handed everything. It doesn't say when it has written that; an app
 *   that is relay-first never hears, and writes within a moment
 * - `saving`: the server has been handed everything, and is about to say that it is written
 * - `saved`: everything is on the server's disk. Only apps that are write-first get there
 * - `rejected`: the server refuses this user's edits, who may only read; they are only here
 */
export type SaveState = 'unknown' | 'unsent' | 'sent' | 'saving' | 'saved' | 'rejected';

/**
 * Follows the edits of one client. A write-first server sends each edit back to its writer once it
 * is written, in order; so the last one speaks for all before it.
 */
export class Saving {
  /** The last edit of which nobody has said that it is safe. */
  #last: Uint8Array | null = null;
  /** What that was when the server was asked for what is missing here. */
  #lastAsked: Uint8Array | null = null;
  #isOnline = false;
  #hasSynced = false;
  /** Whether the server sends edits back. It is known from the first that comes. */
  #isWriteFirst = false;
  #isRejected = false;

  get state(): SaveState {
    if (this.#isRejected) return 'rejected';
    if (this.#last === null) return this.#hasSynced ? this.#delivered('saved') : 'unknown';
    return this.#isOnline ? this.#delivered('saving') : 'unsent';
  }

  edited(update: Uint8Array): void {
    this.#last = update;
  }

  /** All that is here has been sent, and then the question for what is missing. */
  asked(): void {
    this.#isOnline = true;
    this.#lastAsked = this.#last;
  }

  /**
   * The answer to that question. It comes after the server has taken what was sent before it, and
   * from a write-first server once that is written.
   */
  answered(): void {
    this.#hasSynced = true;
    if (this.#last === this.#lastAsked) this.#last = null;
    this.#lastAsked = null;
  }

  received(update: Uint8Array): void {
    if (this.#last === null || !areEqual(update, this.#last)) return;
    this.#isWriteFirst = true;
    this.#last = null;
  }

  rejected(): void {
    this.#isRejected = true;
  }

  /** What was on its way may or may not have arrived; the next sync tells. */
  disconnected(): void {
    this.#isOnline = false;
    this.#isRejected = false;
    this.#lastAsked = null;
  }

  #delivered(state: 'saving' | 'saved'): SaveState {
    return this.#isWriteFirst ? state : 'sent';
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
