/**
 * Plan time: which window an instant belongs to, and when that window starts, ends and may send. Nothing else computes
 * day boundaries. A window is a local calendar day (civil) or a fixed length (compressed: six weeks in minutes).
 *
 * The process's own time zone is never consulted: `Date` getters would give other windows on a laptop than on a server.
 */
import { tzOffset } from '@date-fns/tz';

/** Days of mail. `sendDays` are ISO weekdays (1 = Monday), `sendHours` local hours 0..24; `epoch` and `dayLength` in ms. */
export type Calendar =
  | {
      readonly kind: 'civil';
      readonly zone: string;
      readonly sendDays: readonly number[];
      readonly sendHours: { readonly from: number; readonly to: number };
    }
  | { readonly kind: 'compressed'; readonly epoch: number; readonly dayLength: number };

/**
 * One plan day; instants in ms since 1970. `start` belongs to it, `end` to the next. `sendFrom`..`sendTo` is where its
 * send hours lie, to be read only if `sends`. `label` is what people see: a local date, or `day N`.
 */
export interface Window {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly sendFrom: number;
  readonly sendTo: number;
  readonly sends: boolean;
  readonly label: string;
}

/** A plan day in plan milliseconds. */
export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * The window that holds an instant (ms). Its index is the local date's days since 1970-01-01 (civil), or the days since
 * the epoch (compressed; negative before it).
 */
export function windowOf(instant: number, calendar: Calendar): Window {
  if (calendar.kind === 'compressed') {
    const guess = windowAt(Math.floor((instant - calendar.epoch) / calendar.dayLength), calendar);
    return settle(guess, instant, calendar);
  }
  const local = instant + offsetMs(instant, calendar.zone);
  return settle(windowAt(Math.floor(local / DAY_MS), calendar), instant, calendar);
}

/** The window with this index. A local date that a zone skipped whole (Apia, 2011-12-30) has start = end. */
export function windowAt(index: number, calendar: Calendar): Window {
  if (calendar.kind === 'compressed') {
    const start = calendar.epoch + index * calendar.dayLength;
    const end = calendar.epoch + (index + 1) * calendar.dayLength;
    return { index, start, end, sendFrom: start, sendTo: end, sends: true, label: `day ${index}` };
  }
  const { zone, sendDays, sendHours } = calendar;
  const midnight = index * DAY_MS;
  return {
    index,
    start: instantOf(midnight, zone),
    end: instantOf(midnight + DAY_MS, zone),
    sendFrom: instantOf(midnight + sendHours.from * HOUR_MS, zone),
    sendTo: instantOf(midnight + sendHours.to * HOUR_MS, zone),
    sends: sendDays.includes(isoWeekday(index)),
    label: new Date(midnight).toISOString().slice(0, 10),
  };
}

/** Plan time to real time, both in ms: retries, lags and cool-downs shrink with a compressed day. */
export function planMs(ms: number, calendar: Calendar): number {
  return calendar.kind === 'civil' ? ms : (ms * calendar.dayLength) / DAY_MS;
}

/** No transaction starts within this many ms of a window's end, so that none is charged to one day and sent in the next. */
export function guardMs(window: Window): number {
  return Math.min(5_000, 0.02 * (window.end - window.start));
}

/** Real ms of one "minute" rollup bucket. Below 250 ms a compressed day would write more rollups than messages. */
export function rollupMs(calendar: Calendar): number {
  return Math.min(MINUTE_MS, Math.max(250, planMs(MINUTE_MS, calendar)));
}

/** Plan hours of sending that a window still has at an instant (ms); 0 on a day without sending. */
export function sendingHoursLeft(instant: number, window: Window, calendar: Calendar): number {
  if (!window.sends) return 0;
  const left = Math.max(0, window.sendTo - Math.max(instant, window.sendFrom));
  return calendar.kind === 'civil' ? left / HOUR_MS : (left / calendar.dayLength) * (DAY_MS / HOUR_MS);
}

/** What is wrong with a calendar, in words; empty when nothing is. For the edge where calendars come in. */
export function checkCalendar(calendar: Calendar): string[] {
  if (calendar.kind === 'compressed') {
    return calendar.dayLength > 0 ? [] : ['the length of a compressed day must be above 0 ms'];
  }
  const { zone, sendDays, sendHours } = calendar;
  const problems: string[] = [];
  if (Number.isNaN(tzOffset(zone, new Date(0)))) {
    problems.push(`unknown time zone "${zone}": use a name such as Europe/Berlin`);
  }
  if (sendDays.length === 0) problems.push('no send days: name at least one of 1 (Monday) to 7 (Sunday)');
  for (const day of sendDays) {
    if (!Number.isInteger(day) || day < 1 || day > 7) problems.push(`send day ${day} is not 1 (Monday) to 7 (Sunday)`);
  }
  if (!(sendHours.from >= 0 && sendHours.from < sendHours.to && sendHours.to <= 24)) {
    problems.push(`send hours ${sendHours.from} to ${sendHours.to} are not an interval within 0 to 24`);
  }
  return problems;
}

/** The guess is a day off when rounding met a boundary, or when clocks went back across midnight and a date came twice. */
function settle(guess: Window, instant: number, calendar: Calendar): Window {
  if (instant >= guess.end) return settle(windowAt(guess.index + 1, calendar), instant, calendar);
  if (instant < guess.start) return settle(windowAt(guess.index - 1, calendar), instant, calendar);
  return guess;
}

/** 1970-01-01 was a Thursday (4). */
function isoWeekday(index: number): number {
  return ((((index + 3) % 7) + 7) % 7) + 1;
}

/**
 * First instant at which a zone's wall clock shows `local` (ms as if it were UTC) or, where clocks sprang over it, later.
 * Midnight itself may not exist (Santiago, Cairo) or come twice (Havana, the Azores); `new Date(y, m, d)` and its
 * relatives resolve both in ways that leave a gap or an overlap between two days.
 */
function instantOf(local: number, zone: string): number {
  const before = offsetMs(local - DAY_MS, zone);
  const after = offsetMs(local + DAY_MS, zone);
  const early = local - before;
  if (before === after || offsetMs(early, zone) === before) return early;
  const late = local - after;
  if (late >= early || offsetMs(late, zone) === after) return late;
  return changeBetween(late, early, before, zone);
}

/** The instant in (low, high] at which a zone leaves the offset `from`: the end of a gap in the wall clock. */
function changeBetween(low: number, high: number, from: number, zone: string): number {
  let [still, changed] = [low, high];
  while (changed - still > 1) {
    const middle = Math.floor((still + changed) / 2);
    if (offsetMs(middle, zone) === from) still = middle;
    else changed = middle;
  }
  return changed;
}

function offsetMs(instant: number, zone: string): number {
  return tzOffset(zone, new Date(instant)) * MINUTE_MS;
}
