import { describe, expect, test } from 'vitest';
import { levels, means, parseMetrics, rates } from '../src/api/metrics.ts';

const TEXT = `# HELP kraken_rooms Rooms in memory.
# TYPE kraken_rooms gauge
kraken_rooms 3
# TYPE kraken_refused_total counter
# TYPE kraken_closed_total counter
kraken_closed_total{code="4401"} 2
kraken_closed_total{code="4403"} 5
kraken_storage_seconds_sum 0.5
kraken_storage_seconds_count 10
nonsense
kraken_odd NaN
`;

describe('metrics', () => {
  test('labels are added up, and what never happened is nought', () => {
    const { values } = parseMetrics(TEXT, 0);
    expect(values.get('kraken_rooms')).toBe(3);
    expect(values.get('kraken_closed_total')).toBe(7);
    expect(values.get('kraken_refused_total')).toBe(0);
    expect(values.has('kraken_odd')).toBe(false);
    expect(values.has('nonsense')).toBe(false);
  });

  const sample = (at: number, entries: Record<string, number>) => ({
    at,
    values: new Map(Object.entries(entries)),
  });

  test('rates are a second’s, and a restart is a gap', () => {
    const samples = [sample(0, { n: 10 }), sample(2_000, { n: 30 }), sample(4_000, { n: 5 })];
    expect(rates(samples, 'n')).toEqual([null, 10, null]);
    expect(levels(samples, 'n')).toEqual([10, 30, 5]);
    expect(levels(samples, 'unknown')).toEqual([null, null, null]);
  });

  test('the mean is that of what happened in between', () => {
    const samples = [
      sample(0, { t_sum: 1, t_count: 10 }),
      sample(1_000, { t_sum: 3, t_count: 14 }),
      sample(2_000, { t_sum: 3, t_count: 14 }),
    ];
    expect(means(samples, 't')).toEqual([null, 0.5, null]);
  });
});
