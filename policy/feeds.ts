/**
 * Does a complaint feed still speak? Silence of a feed that is broken looks like mail nobody complains about, and would
 * pass its gate. Pure.
 */
const DAY = 86_400_000;

/** Judgement, as all figures of ours are. */
export const FEEDS = {
  /** How far back a feed's own rate is taken from (plan time). */
  historyMs: 30 * DAY,
  /** Silence shorter than this is never remarkable (plan time): weekends, and a report's own delay. */
  silenceMs: 3 * DAY,
  /**
   * Reports that should have come meanwhile at the feed's own rate. Chance is silent that long after one report in 3,000
   * (e^-8): a feed that speaks daily is called stale by mistake in 1 of 70 ramps of six weeks, with 5 it were every fourth.
   */
  expected: 8,
  /** Reports a rate of the feed's own needs. */
  leastReports: 3,
  /** Deliveries after which a feed that never said a word is not believed: it was never set up, or goes elsewhere. */
  neverSpoke: 100_000,
} as const;

export interface FeedHistory {
  /** Reports within the time looked at, and when the last came (ms); null: none. */
  readonly reports: number;
  readonly lastReport: number | null;
  /** Deliveries at the provider from the beginning of that time to the last report, and since. */
  readonly deliveredBefore: number;
  readonly deliveredSince: number;
}

/**
 * How long (ms) the silence of a stale feed has been more than usual: what a gate's budget is held against. Undefined for one
 * that never spoke: it has no last evidence that could stand.
 */
export function silentFor({ lastReport }: FeedHistory, now: number, silenceMs: number): number | undefined {
  return lastReport === null ? undefined : Math.max(0, now - lastReport - silenceMs);
}

/** `stale`: the silence is more than chance explains. `silenceMs`: FEEDS.silenceMs in the calendar's time. */
export function feedState(history: FeedHistory, now: number, silenceMs: number): 'ok' | 'stale' {
  const { reports, lastReport, deliveredBefore, deliveredSince } = history;
  if (lastReport === null) return deliveredSince >= FEEDS.neverSpoke ? 'stale' : 'ok';
  if (now - lastReport <= silenceMs || reports < FEEDS.leastReports) return 'ok';
  const rate = reports / Math.max(1, deliveredBefore);
  return rate * deliveredSince >= FEEDS.expected ? 'stale' : 'ok';
}
