// @ts-check
/** What most of many measurements stay below. */

/**
 * @param {number[]} values
 * @param {number} share such as 0.99
 */
export function percentile(values, share) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
