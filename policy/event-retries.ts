/**
 * What becomes of events a sink did not take. One rule for every kind of sink: nothing is lost by a fault that may pass,
 * and nothing that can never pass stands in the way of the rest.
 *
 *   problem   | meaning                                        | what happens
 *   ----------|------------------------------------------------|----------------------------------------------------
 *   retry     | may pass: no connection, time-out, 5xx, 429     | again after a growing pause; dead letter after 24 h
 *   refused   | the sink says no to whatever we send: 401, 404  | a few tries, then dead letter
 *   content   | the sink says no to these events: 400, 413, 422 | a few tries, then halves, until the bad one is alone
 *   gone      | the sink wants nothing any more: 410            | the sink is switched off, with a notice
 *
 * "24 h" counts from the sink's first failure in a row: after that every batch still gets its one try, so that events of
 * the hour in which a sink comes back are not thrown away with those of the day before.
 */

export type ProblemKind = 'retry' | 'refused' | 'content' | 'gone';

export interface RetryRules {
  /** Pause after the first failure, ms; doubles with each. */
  readonly firstMs: number;
  /** Longest pause, ms. */
  readonly longestMs: number;
  /** How long a sink may fail in a row before events become dead letters, ms. */
  readonly giveUpMs: number;
  /** Tries before a refusal is believed. */
  readonly refusals: number;
}

/** Our judgement, but for the 24 h: long enough for a night and a morning, short enough that somebody looks. */
export const RETRY_RULES: RetryRules = { firstMs: 1_000, longestMs: 300_000, giveUpMs: 86_400_000, refusals: 5 };

/** A sink that asks for more patience than this (Retry-After) is asked again anyway, ms. */
const MOST_PATIENCE_MS = 3_600_000;

export interface Failure {
  readonly kind: ProblemKind;
  /** Failures of the sink in a row, this one included: 1 and up. */
  readonly tries: number;
  /** Since the sink's first failure in a row, ms. */
  readonly failingMs: number;
  readonly events: number;
  /** What the sink asked for, ms; absent: nothing. */
  readonly retryAfterMs?: number;
}

export type NextStep =
  | { readonly do: 'wait'; readonly ms: number }
  /** Send the first `events` of them alone, after the pause. */
  | { readonly do: 'split'; readonly events: number; readonly ms: number }
  /** Dead letters; what comes after them is tried after the pause. */
  | { readonly do: 'bury'; readonly ms: number }
  | { readonly do: 'disable' };

/** What to do after a failure. `chance` is from 0 up to 1: pauses of many senders must not fall together. */
export function afterFailure(failure: Failure, rules: RetryRules, chance: number): NextStep {
  if (failure.kind === 'gone') return { do: 'disable' };
  const ms = pause(failure, rules, chance);
  if (failure.kind === 'retry') return { do: failure.failingMs >= rules.giveUpMs ? 'bury' : 'wait', ms };
  if (failure.tries < rules.refusals) return { do: 'wait', ms };
  if (failure.kind === 'content' && failure.events > 1) {
    return { do: 'split', events: Math.ceil(failure.events / 2), ms: rules.firstMs };
  }
  // One bad event found among good ones: what comes after it is not to blame.
  return { do: 'bury', ms: failure.kind === 'content' ? rules.firstMs : ms };
}

/** Between half and all of the doubled pause, and never less than the sink asked for. */
function pause(failure: Failure, rules: RetryRules, chance: number): number {
  const full = Math.min(rules.longestMs, rules.firstMs * 2 ** Math.min(failure.tries - 1, 30));
  const ours = full * (0.5 + chance / 2);
  return Math.max(ours, Math.min(failure.retryAfterMs ?? 0, MOST_PATIENCE_MS));
}
