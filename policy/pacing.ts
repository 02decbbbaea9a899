/**
 * When the units of a grant become due. The rule is applied where units are reserved, so it is exact for any number of
 * MTA processes: a reservation hands out only what is due.
 */
import type { Window } from './calendar.ts';

/** What pacing needs to know of a grant; times in ms. */
export interface PacedGrant {
  readonly units: number;
  readonly handed: number;
  /** Units handed out by plan hour of the window. */
  readonly hours: readonly number[];
  readonly start: number;
  readonly end: number;
  readonly sendFrom: number;
  readonly sendTo: number;
  /** Set where units come due one by one, so many ms after the last (a lane that probes), and not over the day. */
  readonly gapMs?: number | null;
  /** When units were last handed out of it, ms. */
  readonly handedAt?: number | null;
}

export interface Due {
  readonly units: number;
  /** When to ask again, if units are 0 and the window still has some; null when the window gives no more. */
  readonly nextAt: number | null;
  /** The rule that binds (for "say why"). */
  readonly binds: 'none' | 'window' | 'grant' | 'pace' | 'hour' | 'rolling-24h' | 'probing';
}

/** Length of one plan hour of this window in ms (a 23 h or 25 h day has as many hours as it has). */
export function hourLength(window: { readonly start: number; readonly end: number }): number {
  return (window.end - window.start) / hoursIn(window);
}

/** Plan hours of a window: 24 in a compressed day, 23 to 25 in a civil one. */
export function hoursIn(window: { readonly start: number; readonly end: number }): number {
  const hours = Math.round((window.end - window.start) / 3_600_000);
  return hours >= 23 && hours <= 25 ? hours : 24;
}

export function hourOf(grant: PacedGrant, now: number): number {
  return Math.min(hoursIn(grant) - 1, Math.max(0, Math.floor((now - grant.start) / hourLength(grant))));
}

/**
 * Units due now on a cold lane: even over the send hours, at most twice the even share in a clock hour, and in any
 * rolling 24 h at most 1.1 times the larger adjacent ceiling (two full windows must not meet at midnight). What a pause
 * (or a night without mail) left unused is spread over the hours that remain: it is never made up for at once.
 */
export function unitsDue(grant: PacedGrant, previous: PacedGrant | undefined, now: number, guardMs: number): Due {
  const closes = grant.sendTo - guardMs;
  if (now >= closes) return { units: 0, nextAt: null, binds: 'window' };
  if (now < grant.sendFrom) return { units: 0, nextAt: grant.sendFrom, binds: 'window' };
  if (grant.handed >= grant.units) return { units: 0, nextAt: null, binds: 'grant' };

  if (grant.gapMs != null) {
    // The window before may have handed one out a moment ago: a minute is a minute across midnight too.
    const last = Math.max(grant.handedAt ?? 0, previous?.gapMs == null ? 0 : (previous.handedAt ?? 0));
    const nextAt = last + grant.gapMs;
    return now < nextAt ? { units: 0, nextAt, binds: 'probing' } : { units: 1, nextAt: null, binds: 'none' };
  }

  const span = closes - grant.sendFrom;
  const hour = hourOf(grant, now);
  const hourMs = hourLength(grant);
  const hourEnds = grant.start + (hour + 1) * hourMs;

  // A unit is due from the start of its slot on: the last one still has a whole slot in which mail may come.
  const paced = Math.min(grant.units, Math.floor((grant.units * (now - grant.sendFrom)) / span) + 1) - grant.handed;
  const spread = spreadOf(grant, now, closes);
  const due = Math.min(paced, spread.units);
  if (due <= 0) {
    const evenly = grant.sendFrom + (grant.handed * span) / grant.units;
    const nextAt = Math.min(hourEnds, Math.max(paced > 0 ? 0 : evenly, spread.units > 0 ? 0 : spread.nextAt));
    return { units: 0, nextAt: Math.max(nextAt, now + 1), binds: 'pace' };
  }
  const evenShare = (grant.units * hourMs) / span;
  const inHour = Math.max(1, Math.ceil(2 * evenShare)) - (grant.hours[hour] ?? 0);
  if (inHour <= 0) return { units: 0, nextAt: hourEnds, binds: 'hour' };

  const inRolling = rollingLimit(grant, previous) - rollingCount(grant, previous, now);
  if (inRolling < 1) return { units: 0, nextAt: Math.min(hourEnds, now + hourMs / 4), binds: 'rolling-24h' };

  return {
    units: Math.min(due, inHour, Math.floor(inRolling), grant.units - grant.handed),
    nextAt: null,
    binds: 'none',
  };
}

/**
 * What this plan hour may have when everything that was left at its start is spread evenly over the rest of the window.
 * Per hour, because that is what a grant remembers: a lane on schedule is not slowed by it, and one that was silent for
 * hours comes back at the pace of what is left.
 */
function spreadOf(grant: PacedGrant, now: number, closes: number): { readonly units: number; readonly nextAt: number } {
  const hour = hourOf(grant, now);
  const inHour = grant.hours[hour] ?? 0;
  const left = grant.units - (grant.handed - inHour);
  const from = Math.max(grant.sendFrom, grant.start + hour * hourLength(grant));
  const span = closes - from;
  return {
    units: Math.floor((left * (now - from)) / span) + 1 - inHour,
    nextAt: from + (inHour * span) / left,
  };
}

/**
 * Units per ms of a lane that comes back after a stop: this share of the pace it would have. A cold lane's pace is what is
 * left of its grant over what is left of the window, a warm one's its ceiling over the send hours. 0 where neither has any.
 */
export function easedRate(grant: PacedGrant, cold: boolean, share: number, now: number, guardMs: number): number {
  const closes = grant.sendTo - guardMs;
  if (now >= closes) return 0;
  if (!cold) return (share * grant.units) / (closes - grant.sendFrom);
  return (share * (grant.units - grant.handed)) / (closes - Math.max(now, grant.sendFrom));
}

/** The same for some of a lane's mail: this share of the even pace of its ceiling over the send hours. 0 outside of them. */
export function easedMailRate(ceiling: number, window: Pick<Window, 'sendFrom' | 'sendTo'>, share: number): number {
  const span = window.sendTo - window.sendFrom;
  return span > 0 ? (share * ceiling) / span : 0;
}

/** One unit of tolerance keeps a lane of a few messages a day from drifting later each day when a send jitters. */
function rollingLimit(grant: PacedGrant, previous: PacedGrant | undefined): number {
  const larger = Math.max(grant.units, previous?.units ?? 0);
  return Math.max(Math.floor(1.1 * larger), larger + 1);
}

function rollingCount(grant: PacedGrant, previous: PacedGrant | undefined, now: number): number {
  let count = grant.handed;
  if (previous === undefined) return count;
  const since = now - (grant.end - grant.start);
  const hourMs = hourLength(previous);
  previous.hours.forEach((units, hour) => {
    const hourStart = previous.start + hour * hourMs;
    const inside = Math.min(1, Math.max(0, (hourStart + hourMs - since) / hourMs));
    count += units * inside;
  });
  return count;
}

/** Largest reservation block: small enough that a crashed process loses little and no process starves another. */
export function blockSize(remaining: number, processes: number): number {
  return Math.max(1, Math.floor(remaining / (8 * Math.max(1, processes))));
}
