/** Instants and stretches of time for people. */

const STEPS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** `3 d`, `4 h`, `12 min`, `5 s`: the largest unit that fits, rounded down. */
export function span(ms: number): string {
  const [unit, length] = STEPS.find(([, step]) => ms >= step) ?? ['s', 1_000];
  return `${Math.max(0, Math.floor(ms / length))} ${unit}`;
}

/** `5 min ago`; `now` and `at` in ms since 1970. */
export function ago(at: number, now: number): string {
  return now - at < 1_000 ? 'now' : `${span(now - at)} ago`;
}

/** `2026-11-21 14:32` in a time zone. */
export function stamp(at: number, zone: string): string {
  return `${part(at, zone, { year: 'numeric', month: '2-digit', day: '2-digit' })} ${clock(at, zone)}`;
}

/** `14:32` in a time zone. */
export function clock(at: number, zone: string): string {
  return part(at, zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

/** Sweden writes dates as ISO 8601 does. */
function part(at: number, timeZone: string, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, ...options }).format(at);
}
