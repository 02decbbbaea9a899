/**
 * The rule most senders use: stop when a rate over a sliding window exceeds a threshold, once there is enough volume. A
 * setting is a window, a least volume and a least number of events; its threshold is found from healthy ramps, so that
 * all settings (and the shipped gates) stop equally many of them.
 */
import type { CalendarMail } from './calendar.ts';
import { METRICS } from './metrics.ts';

export interface Setting {
  /** Hours the rate is taken over. */
  readonly window: number;
  /** Messages the window must have. */
  readonly volume: number;
  /** Events it must have. */
  readonly events: number;
}

export const SETTINGS: readonly Setting[] = [6, 12, 24, 72, 168].flatMap((window) =>
  [50, 200, 1_000, 5_000].flatMap((volume) => [3, 8].map((events) => ({ window, volume, events }))),
);

const WINDOWS = [...new Set(SETTINGS.map(({ window }) => window))];
const BY_WINDOW = WINDOWS.map((window) =>
  SETTINGS.flatMap((setting, index) => (setting.window === window ? [{ ...setting, index }] : [])),
);
const LEAST = Math.min(...SETTINGS.map(({ events }) => events));

/** Highest rate of each setting over the hours [0, until): metric × [on a lane, over the address] × setting, flat. */
export function highestRates(mail: CalendarMail, until: number): Float64Array {
  const highest = new Float64Array(METRICS.length * 2 * SETTINGS.length);
  const series = mail.lanes + 1;
  for (let metric = 0; metric < METRICS.length; metric++) {
    for (let one = 0; one < series; one++) {
      const into = placeOf(metric, one === mail.lanes);
      const events = mail.events[metric * series + one] as Int32Array;
      const sent = mail.sent[one] as Int32Array;
      for (let hour = 1; hour <= until; hour++) rateAt(events, sent, hour, highest, into);
    }
  }
  return highest;
}

/** Where a metric's settings begin in the arrays of `highestRates`. */
export function placeOf(metric: number, pooled: boolean): number {
  return (metric * 2 + (pooled ? 1 : 0)) * SETTINGS.length;
}

function rateAt(events: Int32Array, sent: Int32Array, hour: number, highest: Float64Array, into: number): void {
  // Without an event in the newest hour a rate has only fallen.
  if (events[hour] === events[hour - 1]) return;
  for (let at = 0; at < WINDOWS.length; at++) {
    const from = Math.max(0, hour - (WINDOWS[at] ?? 0));
    const k = (events[hour] ?? 0) - (events[from] ?? 0);
    if (k < LEAST) continue;
    const n = (sent[hour] ?? 0) - (sent[from] ?? 0);
    for (const setting of BY_WINDOW[at] ?? []) {
      if (k < setting.events || n < setting.volume) continue;
      const rate = k / n;
      if (rate > (highest[into + setting.index] ?? 0)) highest[into + setting.index] = rate;
    }
  }
}

/** The first hour in (from, until] at whose end a series exceeds the threshold; `until + 1` where none does. */
export function firstExceeded(
  events: Int32Array,
  sent: Int32Array,
  { window, volume, events: least }: Setting,
  threshold: number,
  from: number,
  until: number,
): number {
  for (let hour = from + 1; hour <= until; hour++) {
    if (events[hour] === events[hour - 1]) continue;
    const begin = Math.max(0, hour - window);
    const k = (events[hour] ?? 0) - (events[begin] ?? 0);
    if (k < least) continue;
    const n = (sent[hour] ?? 0) - (sent[begin] ?? 0);
    if (n >= volume && k / n > threshold) return hour;
  }
  return until + 1;
}
