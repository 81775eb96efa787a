import type { KrakenError } from './errors.js';

/** A promise that somebody else settles. */
export interface Pending {
  promise: Promise<void>;
  resolve(): void;
  reject(error: KrakenError): void;
}

/** Nobody need wait for it: what it tells is told otherwise as well. */
export function pending(): Pending {
  let resolve!: () => void;
  let reject!: (error: KrakenError) => void;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
