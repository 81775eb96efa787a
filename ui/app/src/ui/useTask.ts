import { useCallback, useRef, useState } from 'react';

export interface Task<A extends unknown[]> {
  run: (...args: A) => Promise<boolean>;
  isRunning: boolean;
  error: unknown;
  clearError: () => void;
}

/** Something a button does: one at a time, and what goes wrong stays with it. */
export function useTask<A extends unknown[]>(work: (...args: A) => Promise<void>): Task<A> {
  const [state, setState] = useState<{ isRunning: boolean; error: unknown }>({
    isRunning: false,
    error: null,
  });
  const running = useRef(false);
  const run = async (...args: A): Promise<boolean> => {
    if (running.current) return false;
    running.current = true;
    setState({ isRunning: true, error: null });
    try {
      await work(...args);
      setState({ isRunning: false, error: null });
      return true;
    } catch (error) {
      setState({ isRunning: false, error });
      return false;
    } finally {
      running.current = false;
    }
  };
  const clearError = useCallback(() => {
    setState((now) => (now.error === null ? now : { ...now, error: null }));
  }, []);
  return { run, isRunning: state.isRunning, error: state.error, clearError };
}
