/**
 * When a deferred message is tried again: by class, because a throttle, a greylist and a full mailbox ask for different
 * patience. Figures are plan time, ±20%; pure, the caller passes the random number.
 */
import { DEFAULTS } from '../../policy/defaults.ts';
import type { ReplyClass, ReplyScope } from '../../policy/replies.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Ladder {
  /** Delay after each attempt; the last one repeats. */
  readonly steps: readonly number[];
  /** Retries after which nobody waits any more; absent: until the message expires. */
  readonly most?: number;
}

const LADDERS: Partial<Record<ReplyClass, Ladder>> = {
  greylist: { steps: [5 * MINUTE, 10 * MINUTE, 20 * MINUTE] },
  throttle: { steps: [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR] },
  reputation: { steps: [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR] },
  // A mailbox that is full for a day is left for good: knocking on it for three looks like a list nobody cleans.
  'mailbox-full': { steps: [4 * HOUR], most: 6 },
  infrastructure: { steps: [5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR] },
};
const OTHER: Ladder = { steps: [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR] };

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

export interface Retry {
  /** Real ms until the next attempt. */
  readonly delay: number;
  /** The message may leave its address for a warm one. */
  readonly free: boolean;
  /** There is no next attempt: the message bounces, its recipient lives. */
  readonly giveUp: boolean;
}

/** What follows a deferral. */
export function retryAfter(input: RetryInput): Retry {
  const { steps, most } = LADDERS[input.class] ?? OTHER;
  const step = steps[Math.min(input.attempts, steps.length) - 1] ?? HOUR;
  const delay = step * (0.8 + 0.4 * input.random) * input.scale;
  const throttled = input.class === 'throttle' || input.class === 'reputation' || input.class === 'block';
  // Throttled by source for hours: this address will not deliver it soon, a warm one may.
  const free = throttled && input.scope === 'ip' && input.now - input.firstAt >= DEFAULTS.deferralAfterMs * input.scale;
  return { delay, free, giveUp: most !== undefined && input.attempts > most };
}
