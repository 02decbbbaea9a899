/**
 * When a deferred message is tried again: by class, because a throttle, a greylist and a full mailbox ask for different
 * patience. Figures are plan time, ±20%; pure, the caller passes the random number.
 */
import { DEFAULTS } from '../../policy/defaults.ts';
import type { ReplyClass, ReplyScope } from '../../policy/replies.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const LADDERS: Partial<Record<ReplyClass, readonly number[]>> = {
  greylist: [5 * MINUTE, 10 * MINUTE, 20 * MINUTE],
  throttle: [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR],
  reputation: [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR],
  'mailbox-full': [4 * HOUR],
  infrastructure: [5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR],
};
const OTHER = [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR];

export interface RetryInput {
  readonly class: ReplyClass;
  readonly scope: ReplyScope;
  /** Attempts made, this one included. */
  readonly attempts: number;
  readonly firstAt: number;
  readonly now: number;
  /** Real ms of a plan millisecond (1 in real time). */
  readonly scale: number;
  /** 0 ≤ random < 1. */
  readonly random: number;
}

/** Delay in real ms until the next attempt, and whether the message may leave its address for a warm one. */
export function retryAfter(input: RetryInput): { readonly delay: number; readonly free: boolean } {
  const ladder = LADDERS[input.class] ?? OTHER;
  const step = ladder[Math.min(input.attempts, ladder.length) - 1] ?? HOUR;
  const delay = step * (0.8 + 0.4 * input.random) * input.scale;
  const throttled = input.class === 'throttle' || input.class === 'reputation' || input.class === 'block';
  // Throttled by source for hours: this address will not deliver it soon, a warm one may.
  const free = throttled && input.scope === 'ip' && input.now - input.firstAt >= DEFAULTS.deferralAfterMs * input.scale;
  return { delay, free };
}
