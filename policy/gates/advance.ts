/**
 * When to advance: "nothing wrong, and enough seen to notice". Once a day, for every metric with a feed, over the last
 * seven send days (or as many as the metric looks back) since the last retreat (k events in e matured trials):
 *
 *     pass  <=>  U(k) <= e t,   t = max(p1, 3 / next ceiling),   W < h/2 on the lane and over the address
 *
 * U is the one-sided 90% upper bound of a Poisson count (exact to 5, then Wilson & Hilferty, PNAS 17, 1931, error below
 * 0.1%). The term 3 / next ceiling tolerates three bad events a day at the next stage: without it a rare metric can never
 * pass at 50 messages a day. Simulated: healthy ramps of 42 days end after 43 to 44 (docs/judgement.md).
 */
import { type Detector, windowOfDays } from './cusum.ts';
import type { Level } from './levels.ts';

const POISSON_UPPER_90 = [2.3, 3.89, 5.32, 6.68, 7.99, 9.27];

/** A sum above this share of its height holds: something may be on its way. */
export const HOLD_SHARE = 0.5;
/** Time constants after which nine of ten late reports have arrived. */
const LAGS_TO_WAIT = 2.3;

/** One-sided 90% upper bound of a Poisson count of `events`. */
export function upperBound(events: number): number {
  const exact = POISSON_UPPER_90[events];
  if (exact !== undefined) return exact;
  const x = events + 1;
  return x * (1 - 1 / (9 * x) + 1.2816 / (3 * Math.sqrt(x))) ** 3;
}

/** The rate a lane must stay under to grow to `nextCeiling` (messages a day). */
export function advanceLimit(harmful: number, nextCeiling: number): number {
  return Math.max(harmful, 3 / Math.max(1, nextCeiling));
}

/** Were enough trials seen, with few enough events, to grow to `nextCeiling`? */
export function enoughSeen(k: number, e: number, level: Level, nextCeiling: number): boolean {
  return upperBound(k) <= e * advanceLimit(level.harmful, nextCeiling);
}

/** Neither the lane nor its address is on its way to a stop. `address` is absent where nothing is summed over lanes. */
export function calm(lane: number, address: number | undefined, level: Level): boolean {
  return lane < HOLD_SHARE * level.lane && (address === undefined || address < HOLD_SHARE * level.address);
}

/** The whole rule for one metric, as simulations use it. */
export function mayAdvance(lane: Detector, address: Detector | undefined, level: Level, nextCeiling: number): boolean {
  const { k, e } = windowOfDays(lane);
  return calm(lane.w, address?.w, level) && enoughSeen(k, e, level, nextCeiling);
}

/** Smallest number of further matured trials that passes at the present rate; null when none below a billion would. */
export function trialsMissing(k: number, e: number, limit: number, healthy: number): number | null {
  const rate = (k + 1) / (e + 1 / healthy);
  if (rate >= limit) return null;
  const passes = (more: number) => upperBound(Math.ceil(k + rate * more)) <= (e + more) * limit;
  if (passes(0)) return 0;
  let high = 1;
  while (!passes(high)) {
    high *= 2;
    if (high > 1e9) return null;
  }
  let low = 0;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (passes(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

export interface Missing {
  /** Trials a pass still needs, sent or not. */
  readonly needs: number;
  /** Of them: sent already, and their reports may still come. */
  readonly awaiting: number;
  /** Of them: to be sent. */
  readonly toSend: number;
  /** About how long that takes, plan hours; null where nothing is being sent. */
  readonly hours: number | null;
}

/**
 * What a pass still needs: null when it will not come at the present rate. `perHour` is how many messages an hour the lane
 * is about to send under its ceiling.
 */
export function missingFor(
  seen: { readonly k: number; readonly e: number; readonly awaiting: number },
  level: Level,
  nextCeiling: number,
  perHour: number,
): Missing | null {
  const missing = trialsMissing(seen.k, seen.e, advanceLimit(level.harmful, nextCeiling), level.healthy);
  if (missing === null) return null;
  const needs = Math.max(1, Math.ceil(missing));
  const awaiting = Math.min(needs, Math.floor(seen.awaiting));
  const toSend = needs - awaiting;
  const wait = LAGS_TO_WAIT * level.lagHours;
  const hours = toSend === 0 ? wait : perHour > 0 ? toSend / perHour + wait : null;
  return { needs, awaiting, toSend, hours };
}
