/**
 * When each address of a range begins. So many a send day, in the order they were named: what a provider says of the first
 * ones is known before the last ones begin, and neighbours in a netblock do not appear all at once.
 */
import { type Calendar, type Window, windowAt, windowOf } from '../calendar.ts';

/** The 2 of `2/day`; undefined for what says no number of addresses a day. */
export function parseStagger(written: string): number | undefined {
  const [, count] = /^\s*([1-9]\d{0,2})\s*(?:\/|\s+per\s+|\s+a\s+)\s*day\s*$/.exec(written) ?? [];
  return count === undefined ? undefined : Number(count);
}

export interface Due {
  readonly address: string;
  /** ms since 1970: now, or the start of the window it begins in. */
  readonly at: number;
  readonly window: number;
}

export interface Queue {
  /** Addresses that have not begun, in order. */
  readonly waiting: readonly string[];
  /** Addresses a send day; null: all at once. */
  readonly perDay: number | null;
  /** Addresses that began in the window that holds `now`. */
  readonly begunToday: number;
  readonly now: number;
  readonly calendar: Calendar;
}

/**
 * The days of those that wait, reckoned from now: after an absence nobody is caught up with, the next ones simply follow. A
 * day without sending, or whose send hours are over, begins nothing.
 */
export function stagger({ waiting, perDay, begunToday, now, calendar }: Queue): Due[] {
  const today = windowOf(now, calendar);
  const open = today.sends && now < today.sendTo;
  let window: Window = open ? today : nextSending(today, calendar);
  let left = perDay === null ? Number.POSITIVE_INFINITY : perDay - (open ? begunToday : 0);
  return waiting.map((address) => {
    while (left <= 0) {
      window = nextSending(window, calendar);
      left = perDay ?? Number.POSITIVE_INFINITY;
    }
    left -= 1;
    return { address, at: window.index === today.index ? now : window.start, window: window.index };
  });
}

/** The first sending window after this one. Calendars have at least one send day a week (checked where they come in). */
export function nextSending(window: Window, calendar: Calendar): Window {
  for (let index = window.index + 1; ; index++) {
    const next = windowAt(index, calendar);
    if (next.sends && next.end > next.start) return next;
  }
}
