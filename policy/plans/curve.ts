/** Geometric curves of daily ceilings, in figures people can remember. */

/**
 * Daily ceilings (whole messages) from `start` to exactly `target`, geometric over `days`, in two significant digits,
 * never falling. No day exceeds the day before times `maxGrowth(day before)`, but may always exceed it by one message;
 * where that binds, the curve is longer than `days`.
 */
export function curve(
  start: number,
  target: number,
  days: number,
  maxGrowth: (ceiling: number) => number = growthBound,
): number[] {
  const last = Math.max(1, Math.round(target));
  const first = Math.max(1, Math.round(start));
  if (last <= first) return [last];

  const growth = (last / first) ** (1 / Math.max(1, days - 1));
  const ceilings = [first];
  let ideal = first;
  for (let previous = first; previous < last || ceilings.length < days; ) {
    ideal *= Math.min(growth, maxGrowth(ideal));
    // The ideal curve meets its target within rounding of the last multiplication, not exactly.
    const wanted = ideal >= last * (1 - 1e-9) ? last : Math.min(last, round2(ideal));
    const limit = Math.max(previous + 1, Math.floor(previous * maxGrowth(previous)));
    previous = Math.max(previous, wanted <= limit ? wanted : roundBelow(limit, previous));
    ceilings.push(previous);
  }
  return ceilings;
}

/** Google warns that doubling at once brings limits; large lanes take small steps. */
export function growthBound(ceiling: number): number {
  return ceiling <= 10_000 ? 1.5 : 1.25;
}

/** Two significant digits; whole below 100. */
function round2(value: number): number {
  const unit = unitOf(value);
  return Math.round(value / unit) * unit;
}

/**
 * The roundest figure above `previous` and at most `limit` (whole numbers, `limit` the larger) that takes at least half of
 * the step: two significant digits where they leave room to grow, more where growth is slow.
 */
export function roundBelow(limit: number, previous: number): number {
  for (let unit = unitOf(limit); unit > 1; unit /= 10) {
    const round = Math.floor(limit / unit) * unit;
    if (round > previous && round - previous >= (limit - previous) / 2) return round;
  }
  return limit;
}

function unitOf(value: number): number {
  return 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
}
