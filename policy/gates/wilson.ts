/**
 * Wilson's score interval: for display only. It is made to be looked at once; a gate that looked at it every few minutes
 * would invent alarms. (Wilson, JASA 22, 1927.)
 */
const Z = 1.96;

/** 95% interval of a rate seen as `events` in `trials`; [0, 1] where nothing was tried. */
export function wilson(events: number, trials: number): readonly [number, number] {
  if (trials <= 0) return [0, 1];
  const p = Math.min(1, events / trials);
  const middle = p + (Z * Z) / (2 * trials);
  const half = Z * Math.sqrt((p * (1 - p)) / trials + (Z * Z) / (4 * trials * trials));
  const scale = 1 + (Z * Z) / trials;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}
