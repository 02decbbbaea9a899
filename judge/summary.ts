/** From single runs to the figures that are compared. */

export function share(count: number, of: number): number {
  return of === 0 ? 0 : count / of;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** Nearest-rank quantile; 0 of nothing. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(at * sorted.length) - 1))] ?? 0;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map((value) => Math.log(value))));
}

/** Upper end of the one-sided 95% interval of a share (Wilson): how bad a small figure could really be. */
export function atMost(count: number, of: number): number {
  if (of === 0) return 1;
  const z = 1.645;
  const p = count / of;
  const middle = p + (z * z) / (2 * of);
  return (middle + z * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of))) / (1 + (z * z) / of);
}

/** How often each word occurs, most often first. */
export function tally(words: readonly (string | null)[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) if (word !== null) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));
}
