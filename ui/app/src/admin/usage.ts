import { useEffect, useRef, useState } from 'react';
import type { Usage } from '../api/types.ts';

/** How many messages a second each had since the last look, by key. */
export function useMessageRates<T extends Usage>(
  items: readonly T[] | null,
  keyOf: (item: T) => string,
): ReadonlyMap<string, number> {
  const [rates, setRates] = useState<ReadonlyMap<string, number>>(new Map());
  const last = useRef<Look | null>(null);
  useEffect(() => {
    if (items === null) return;
    const now: Look = {
      at: Date.now(),
      messages: new Map(items.map((item) => [keyOf(item), item.messages ?? 0])),
    };
    if (last.current !== null) setRates(ratesBetween(last.current, now));
    last.current = now;
  }, [items, keyOf]);
  return rates;
}

export interface Look {
  at: number;
  messages: ReadonlyMap<string, number>;
}

export function ratesBetween(before: Look, now: Look): ReadonlyMap<string, number> {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000);
  const rates = new Map<string, number>();
  for (const [key, messages] of now.messages) {
    const then = before.messages.get(key);
    // What left memory in between counts anew.
    if (then !== undefined && messages >= then) rates.set(key, (messages - then) / seconds);
  }
  return rates;
}
