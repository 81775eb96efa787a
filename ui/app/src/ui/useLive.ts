import { useCallback, useEffect, useRef, useState } from 'react';
import { isMissing } from '../api/errors.ts';

export interface Live<T> {
  /** The last good answer; it stays while later ones fail. */
  value: T | null;
  error: unknown;
  refresh: () => void;
  set: (value: T) => void;
}

/**
 * Asks again and again while the page is looked at, or once if `everyMs` is null. `load` must stay
 * the same over renders. * What the server doesn't have isn't asked for again.
 */
export function useLive<T>(load: () => Promise<T>, everyMs: number | null): Live<T> {
  const [state, setState] = useState<{ value: T | null; error: unknown }>({
    value: null,
    error: null,
  });
  const refreshNow = useRef<() => void>(() => undefined);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    let asked = 0;
    const ask = async () => {
      clearTimeout(timer);
      asked += 1;
      const question = asked;
      let error: unknown = null;
      try {
        const value = await load();
        if (isOver || question !== asked) return;
        setState({ value, error: null });
      } catch (cause) {
        if (isOver || question !== asked) return;
        error = cause;
        setState((last) => ({ value: last.value, error: cause }));
      }
      if (everyMs !== null && !isMissing(error)) timer = setTimeout(askIfSeen, everyMs);
    };
    const askIfSeen = () => {
      if (document.visibilityState === 'visible') void ask();
    };
    refreshNow.current = () => void ask();
    if (everyMs !== null) document.addEventListener('visibilitychange', askIfSeen);
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', askIfSeen);
    };
  }, [load, everyMs]);

  const refresh = useCallback(() => {
    refreshNow.current();
  }, []);
  const set = useCallback((value: T) => {
    setState({ value, error: null });
  }, []);
  return { ...state, refresh, set };
}
