import { useCallback, useEffect, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import { parseMetrics } from '../api/metrics.ts';
import type { Sample } from '../api/metrics.ts';
import { useLive } from '../ui/useLive.ts';

/** Five minutes at one sample every two seconds. */
const MOST_SAMPLES = 150;

/** The server's counters since the page was opened. */
export function useMetrics(
  owner: OwnerApi,
  everyMs: number,
): { samples: readonly Sample[]; error: unknown } {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const load = useCallback(async () => parseMetrics(await owner.metrics(), Date.now()), [owner]);
  const { value, error } = useLive(load, everyMs);
  useEffect(() => {
    if (value !== null) setSamples((before) => [...before, value].slice(-MOST_SAMPLES));
  }, [value]);
  return { samples, error };
}
