import { rethrowLater } from './rethrow.js';

export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  /** @returns what takes the listener off again */
  on(listener: (event: Event) => void): () => void {
    // A function of its own, since the same one may be given twice.
    const own = (event: Event) => {
      listener(event);
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  emit(event: Event): void {
    for (const listener of [...this.#listeners]) {
      rethrowLater(() => {
        listener(event);
      });
    }
  }
}
