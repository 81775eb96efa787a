import type { KrakenEvent, Listener } from './events.js';
import { rethrowLater } from './rethrow.js';

export class Emitter {
  readonly #listeners = new Set<Listener>();

  /** @returns what takes the listener off again */
  on(listener: Listener): () => void {
    // A function of its own, since the same one may be given twice.
    const own: Listener = (event) => {
      listener(event);
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  emit(event: KrakenEvent): void {
    for (const listener of [...this.#listeners]) {
      rethrowLater(() => {
        listener(event);
      });
    }
  }
}
