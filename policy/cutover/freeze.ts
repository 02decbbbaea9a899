/** Times in which no step is taken: a change on a Friday evening is found on Monday. Lowering is always allowed. */
import { tzOffset } from '@date-fns/tz';

/** Once (`from` and `to` as instants, ISO 8601) or every week (`Fri 16:00` to `Mon 08:00` in the calendar's zone). */
export interface Freeze {
  readonly from: string;
  readonly to: string;
  readonly says?: string | undefined;
}

const MINUTE = 60_000;
const WEEK = 7 * 24 * 60;
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Minute of the week from Monday 0:00, or undefined where it is no such time. */
function weekly(text: string): number | undefined {
  const [, day = '', hour = '', minute = ''] = /^([A-Z][a-z]{2}) (\d{2}):(\d{2})$/.exec(text) ?? [];
  const at = DAYS.indexOf(day);
  return at < 0 || Number(hour) > 24 || Number(minute) > 59
    ? undefined
    : (at * 24 + Number(hour)) * 60 + Number(minute);
}

export function freezeProblems(freezes: readonly Freeze[]): string[] {
  return freezes.flatMap(({ from, to }) => {
    const [a, b] = [weekly(from), weekly(to)];
    if (a !== undefined && b !== undefined)
      return a === b ? [`freeze ${from} to ${to} is a whole week or nothing`] : [];
    const [x, y] = [Date.parse(from), Date.parse(to)];
    if (a === undefined && b === undefined && x < y) return [];
    return [
      `freeze "${from}" to "${to}": give two times such as "Fri 16:00", or two instants such as 2026-12-24T00:00Z, the first one earlier`,
    ];
  });
}

/** The freeze an instant (ms) lies in, or undefined. Weekly ones are in `zone`. */
export function frozenBy(freezes: readonly Freeze[], now: number, zone: string): Freeze | undefined {
  return freezes.find(({ from, to }) => {
    const [a, b] = [weekly(from), weekly(to)];
    if (a === undefined || b === undefined) return now >= Date.parse(from) && now < Date.parse(to);
    // 1970-01-05 was a Monday.
    const local = Math.floor(now / MINUTE) + tzOffset(zone, new Date(now)) - 4 * 24 * 60;
    const at = ((local % WEEK) + WEEK) % WEEK;
    return a < b ? at >= a && at < b : at >= a || at < b;
  });
}
