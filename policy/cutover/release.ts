/**
 * How fast mail goes back to the old arm after a rollback. The engine there knows what it sent in its last week, and its
 * providers know it from that: twice its peak day may come at once, the rest is spread over a day, and never faster than
 * the same again. A release may be stopped: then what waits goes when another order says so, or its time is nearly over.
 * Counts and instants only; pure.
 */

/** Times its 7-day peak that the old arm takes of returned mail in a day. */
const PEAKS = 2;
/** Between two messages of a release that is stopped, ms: longer than any message lives. */
export const STOPPED_MS = 365 * 86_400_000;
/** An old arm without a history, or with a tiny one, takes so much at once. */
const LEAST_A_DAY = 1_000;

export interface ReleaseInput {
  /** Messages that go back, as far as is known. */
  readonly backlog: number;
  /** The old arm's largest day of the last 7 at this provider, messages; null: nobody knows. */
  readonly peak: number | null;
  /** Given by a person instead: messages a day; 0: none. */
  readonly perDay?: number | undefined;
  /** Sent there in the last day, or waiting to be. */
  readonly used: number;
  readonly dayMs: number;
  /** Over how long the rest is spread, ms. */
  readonly spreadMs: number;
}

export interface Release {
  /** Messages that may go at once. */
  readonly atOnce: number;
  /** ms between those that follow. */
  readonly gapMs: number;
}

export function planRelease({ backlog, peak, perDay, used, dayMs, spreadMs }: ReleaseInput): Release {
  if (perDay === 0) return { atOnce: 0, gapMs: STOPPED_MS };
  const most = Math.max(1, perDay ?? Math.max(LEAST_A_DAY, PEAKS * (peak ?? 0)));
  // Not only as many as are known of: what processes have in hand comes a little later.
  const atOnce = Math.max(0, Math.floor(most - used));
  const rest = Math.max(0, backlog - atOnce);
  return { atOnce, gapMs: Math.max(dayMs / most, rest === 0 ? 0 : spreadMs / rest) };
}

/** Where a release stands. */
export interface ReleaseState extends Release {
  /** The first instant (ms) that is free after those that were given. */
  readonly nextAt: number;
}

/** Instants (ms) for the next `count` messages, in order, and where the release stands after them. */
export function releaseTimes(state: ReleaseState, count: number, now: number): { dues: number[]; state: ReleaseState } {
  const { gapMs } = state;
  if (gapMs >= STOPPED_MS) return { dues: Array.from({ length: count }, () => now + STOPPED_MS), state };
  const free = Math.min(count, state.atOnce);
  const dues = Array.from({ length: free }, () => now);
  let nextAt = Math.max(now, state.nextAt);
  for (let left = count - free; left > 0; left--) {
    nextAt += gapMs;
    dues.push(nextAt);
  }
  return { dues, state: { atOnce: state.atOnce - free, gapMs, nextAt } };
}
