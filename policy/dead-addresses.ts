/**
 * Is a provider telling the truth about dead addresses? Large providers have answered `550 5.1.1 no such user` for living
 * mailboxes for hours; believing it would suppress a good part of a list for ever. Pure.
 */
import { THRESHOLDS } from './defaults.ts';

const DAY = 86_400_000;

/** Judgement: no provider publishes figures. */
export const DEAD_ADDRESSES = {
  /** Attempts the flood is looked for in. */
  window: 500,
  /** Times the baseline that is no list's fault any more. */
  factor: 5,
  /** Attempts before the window that a baseline of the provider's own needs; with fewer the healthy rate stands in. */
  baselineAttempts: 1_000,
  /** The newest attempts are looked for no further back than this (plan time): older bounces are the baseline's. */
  recentMs: 6 * 3_600_000,
  /** How far back the baseline looks (plan time). */
  baselineMs: 30 * DAY,
  /** How long an entry from bad hours stays without a review (plan time). */
  provisionalMs: 7 * DAY,
  /** How long the lanes hold (plan time): these hours end by themselves. */
  holdMs: 4 * 3_600_000,
} as const;

export interface BounceCount {
  readonly attempts: number;
  readonly hard: number;
}

/** Share of hard bounces that is usual at a provider; never under what a healthy list shows. */
export function usualShare(before: BounceCount): number {
  const { healthy } = THRESHOLDS['hard-bounce'];
  if (before.attempts < DEAD_ADDRESSES.baselineAttempts) return healthy;
  return Math.max(healthy, before.hard / before.attempts);
}

/** Are more of the last 500 attempts dead than five times the usual share? Fewer attempts than that: no. */
export function floodsDead(recent: BounceCount, before: BounceCount): boolean {
  if (recent.attempts < DEAD_ADDRESSES.window) return false;
  return recent.hard / recent.attempts > DEAD_ADDRESSES.factor * usualShare(before);
}
