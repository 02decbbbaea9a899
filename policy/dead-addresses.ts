/**
 * Is a provider telling the truth about dead addresses? Large providers have answered `550 5.1.1 no such user` for living
 * mailboxes for hours; believing it would suppress a good part of a list for ever. Pure.
 */
import { LEVELS } from './gates/levels.ts';

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
  /** How far back the same campaigns are looked at elsewhere (plan time). */
  elsewhereMs: DAY,
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
  const { healthy } = LEVELS['hard-bounce'];
  if (before.attempts < DEAD_ADDRESSES.baselineAttempts) return healthy;
  return Math.max(healthy, before.hard / before.attempts);
}

/** A campaign's share elsewhere needs this many attempts there to say anything. */
const LEAST_ELSEWHERE = 20;

/**
 * Share of dead addresses that the same mail meets at other providers: a list that is dead everywhere is the list's fault,
 * and this provider tells the truth about it. `sent`: attempts here by campaign.
 */
export function shareElsewhere(sent: ReadonlyMap<string, number>, elsewhere: ReadonlyMap<string, BounceCount>): number {
  let attempts = 0;
  let expected = 0;
  for (const [campaign, count] of sent) {
    const there = elsewhere.get(campaign) ?? { attempts: 0, hard: 0 };
    attempts += count;
    if (there.attempts >= LEAST_ELSEWHERE) expected += (count * there.hard) / there.attempts;
  }
  return attempts === 0 ? 0 : expected / attempts;
}

/** Are more of the last 500 attempts dead than five times the usual share? Fewer attempts than that: no. */
export function floodsDead(recent: BounceCount, usual: number): boolean {
  if (recent.attempts < DEAD_ADDRESSES.window) return false;
  return recent.hard / recent.attempts > DEAD_ADDRESSES.factor * usual;
}
