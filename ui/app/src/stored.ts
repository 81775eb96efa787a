import { useSyncExternalStore } from 'react';

/** A value that outlives the page: kept by the browser, and the same in all of its tabs. */
export class Stored<T> {
  readonly #key: string;
  readonly #area: Storage | null;
  readonly #parse: (value: unknown) => T;
  readonly #listeners = new Set<() => void>();
  #value: T;

  /** @param parse makes sense of whatever is there; null if there is nothing */
  constructor(area: 'localStorage' | 'sessionStorage', name: string, parse: (value: unknown) => T) {
    this.#key = `kraken:${name}`;
    this.#area = openArea(area);
    this.#parse = parse;
    this.#value = this.#read();
    if (area === 'localStorage') addEventListener('storage', this.#changedElsewhere);
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    try {
      if (value === null) this.#area?.removeItem(this.#key);
      else this.#area?.setItem(this.#key, JSON.stringify(value));
    } catch {
      // A full or closed storage: the value lives as long as the page.
    }
    this.#notify();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly #changedElsewhere = ({ key }: StorageEvent): void => {
    if (key !== null && key !== this.#key) return;
    this.#value = this.#read();
    this.#notify();
  };

  #read(): T {
    return this.#parse(parseJson(this.#area?.getItem(this.#key) ?? null));
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

export function useStored<T>(stored: Stored<T>): T {
  return useSyncExternalStore(stored.subscribe, () => stored.value);
}

function openArea(area: 'localStorage' | 'sessionStorage'): Storage | null {
  try {
    return globalThis[area];
  } catch {
    return null;
  }
}

function parseJson(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
