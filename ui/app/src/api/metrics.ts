/** One look at the server's counters: values by name, labels added up. */
export interface Sample {
  /** Milliseconds since 1970. */
  at: number;
  values: ReadonlyMap<string, number>;
}

/** Reads Prometheus's text format. Lines that make no sense are skipped. */
export function parseMetrics(text: string, at: number): Sample {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    // Of what hasn't happened yet there is only the type.
    const [, known] = /^# TYPE ([a-zA-Z_:][\w:]*) (?:counter|gauge)\b/.exec(line) ?? [];
    if (known !== undefined) values.set(known, 0);
    const [, name, value] = /^([a-zA-Z_:][\w:]*)(?:\{[^}]*\})?\s+(\S+)/.exec(line) ?? [];
    const number = Number(value);
    if (name === undefined || !Number.isFinite(number)) continue;
    values.set(name, (values.get(name) ?? 0) + number);
  }
  return { at, values };
}

/** How a gauge went. Null where the server didn't have it. */
export function levels(samples: readonly Sample[], name: string): (number | null)[] {
  return samples.map(({ values }) => values.get(name) ?? null);
}

/** How fast a counter grew before each sample, per second; null for the first, and at a restart. */
export function rates(samples: readonly Sample[], name: string): (number | null)[] {
  return samples.map((sample, index) => {
    const before = samples[index - 1];
    const now = sample.values.get(name);
    const then = before?.values.get(name);
    if (before === undefined || now === undefined || then === undefined || now < then) return null;
    const seconds = (sample.at - before.at) / 1000;
    return seconds > 0 ? (now - then) / seconds : null;
  });
}

/** The average of what a histogram saw between samples, in its own unit. */
export function means(samples: readonly Sample[], name: string): (number | null)[] {
  const sums = rates(samples, `${name}_sum`);
  const counts = rates(samples, `${name}_count`);
  return sums.map((sum, index) => {
    const count = counts[index];
    return sum === null || count === undefined || count === null || count === 0
      ? null
      : sum / count;
  });
}
