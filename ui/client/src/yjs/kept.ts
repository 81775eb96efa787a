import type { IndexeddbPersistence } from 'y-indexeddb';
import type { Doc } from 'yjs';
import { KrakenError, messageOf } from '../errors.js';

/** What this device keeps of a document in IndexedDB, so that it is there without a connection. */
export class Kept {
  /** Resolves once the document holds what was kept, or that can't be had. */
  readonly loaded: Promise<void>;
  #persistence: IndexeddbPersistence | null = null;
  #isClosed = false;
  #stopWaiting!: () => void;

  constructor(name: string, doc: Doc, onError: (error: KrakenError) => void) {
    this.loaded = new Promise((resolve) => {
      this.#stopWaiting = resolve;
      this.#load(name, doc)
        .catch((cause: unknown) => {
          const message = `nothing can be kept on this device: ${messageOf(cause)}`;
          onError(new KrakenError('storage', message, { cause }));
        })
        .finally(resolve);
    });
  }

  /** Whether a change of the document is what was kept, rather than an edit. */
  isLoading(origin: unknown): boolean {
    return origin !== null && origin === this.#persistence;
  }

  close(): void {
    this.#isClosed = true;
    this.#persistence?.destroy().catch(() => undefined);
    this.#stopWaiting();
  }

  async #load(name: string, doc: Doc): Promise<void> {
    // Only apps that want it load it.
    const { IndexeddbPersistence } = await import('y-indexeddb');
    if (this.#isClosed) return;
    if (!('indexedDB' in globalThis)) throw new Error('there is no IndexedDB here');
    this.#persistence = new IndexeddbPersistence(name, doc);
    // That a database can't be opened is told by nothing else.
    await this.#persistence._db;
    await this.#persistence.whenSynced;
  }
}
