/**
 * The one place that decides what numbers mean.
 *
 * *Advance* asks "nothing wrong, and enough seen to notice": a one-sided 90% upper bound on the events, scaled with
 * the next ceiling, so that small lanes move (simulated: finishes healthy ramps in 43-44 of 42 days).
 * *Stop* uses plain thresholds: a rate and a least number of events. Wilson intervals are for display only, because
 * looking at them every few minutes invents alarms.
 */
import { type Metric, THRESHOLDS } from './defaults.ts';

export type Verdict = 'pass' | 'fail' | 'insufficient' | 'stale' | 'not-configured';
export type Feed = 'ok' | 'stale' | 'none';

/** The numbers behind a verdict. Trials are matured: late metrics count a delivery only as far as a report could be here. */
export interface Evidence {
  readonly metric: Metric;
  readonly feed: Feed;
  readonly trials: number;
  readonly events: number;
  /** Sent, but its answer or report may still come. */
  readonly awaiting: number;
  /** First and last instant of the sends that are counted, ms. */
  readonly from: number;
  readonly to: number;
  /** Campaigns that supplied the events. */
  readonly campaigns: number;
}

export interface Judgement extends Evidence {
  readonly verdict: Verdict;
  readonly rate: number;
  /** Wilson 95% interval, for display. */
  readonly interval: readonly [number, number];
  /** What the rate is compared with. */
  readonly limit: number;
  /** Trials still needed for a pass, when that is what is missing. */
  readonly needs: number | null;
  readonly says: string;
}

const POISSON_UPPER_90 = [2.3, 3.89, 5.32, 6.68, 7.99, 9.27];

/** One-sided 90% upper bound of a Poisson count; Wilson-Hilferty from 6 events on (error < 0.1%). */
export function upperBound(events: number): number {
  const exact = POISSON_UPPER_90[events];
  if (exact !== undefined) return exact;
  const x = events + 1;
  return x * (1 - 1 / (9 * x) + 1.2816 / (3 * Math.sqrt(x))) ** 3;
}

/** Wilson score interval at 95% for `events` in `trials`. */
export function wilson(events: number, trials: number): readonly [number, number] {
  if (trials <= 0) return [0, 1];
  const z = 1.96;
  const p = Math.min(1, events / trials);
  const middle = p + (z * z) / (2 * trials);
  const half = z * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials));
  const scale = 1 + (z * z) / trials;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

/** The rate a lane must stay under to grow to `nextCeiling`: harmful, or three bad events a day at the next stage. */
export function advanceLimit(harmful: number, nextCeiling: number): number {
  return Math.max(harmful, 3 / Math.max(1, nextCeiling));
}

/** Smallest number of further trials that passes at the present rate; null when no number would. */
export function trialsMissing(events: number, trials: number, limit: number, healthy: number): number | null {
  const rate = (events + 1) / (trials + 1 / healthy);
  if (rate >= limit) return null;
  const passes = (more: number) => upperBound(Math.ceil(events + rate * more)) <= (trials + more) * limit;
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

const percent = (rate: number) => `${(rate * 100).toFixed(rate < 0.01 ? 2 : 1)}%`;

/** Does this let the lane grow to `nextCeiling`? */
export function judgeAdvance(evidence: Evidence, nextCeiling: number): Judgement {
  if (evidence.metric === 'placement') throw new Error('placement is judged by judgePlacement');
  const threshold = THRESHOLDS[evidence.metric];
  const limit = advanceLimit(threshold.harmful, nextCeiling);
  const rate = evidence.trials > 0 ? evidence.events / evidence.trials : 0;
  const base = { ...evidence, rate, limit, interval: wilson(evidence.events, evidence.trials) };
  const seen = `${evidence.metric} ${evidence.events} of ${Math.floor(evidence.trials)}`;
  if (evidence.feed === 'none') {
    return { ...base, verdict: 'not-configured', needs: null, says: `${evidence.metric} has no feed` };
  }
  if (evidence.feed === 'stale') {
    return { ...base, verdict: 'stale', needs: null, says: `${evidence.metric} feed is silent` };
  }
  if (stops(evidence)) {
    return { ...base, verdict: 'fail', needs: null, says: `${seen} (${percent(rate)}) is over ${percent(limit)}` };
  }
  if (upperBound(evidence.events) <= evidence.trials * limit) {
    return { ...base, verdict: 'pass', needs: 0, says: `${seen}, limit ${percent(limit)}` };
  }
  const missing = trialsMissing(evidence.events, evidence.trials, limit, threshold.healthy);
  const needs = missing === null ? null : Math.max(1, Math.ceil(missing));
  const waiting = evidence.awaiting >= 1 ? `; ${Math.floor(evidence.awaiting)} sent and awaiting reports` : '';
  return {
    ...base,
    verdict: 'insufficient',
    needs,
    says:
      needs === null
        ? `${seen}: will not pass at the present rate (limit ${percent(limit)})`
        : `${seen}: needs ${needs} more${waiting}`,
  };
}

/** Does this stop the lane now? Plain thresholds on the last 24 plan hours. */
export function stops(evidence: Evidence): boolean {
  if (evidence.metric === 'placement' || evidence.feed !== 'ok' || evidence.trials <= 0) return false;
  const { stop } = THRESHOLDS[evidence.metric];
  return evidence.events >= stop.events && evidence.events / evidence.trials >= stop.rate;
}

export interface PlacementRule {
  readonly minObserved: number;
  readonly collapse: number;
}

/** Seeds are a tripwire: they can hold a lane, and only collapse counts (ten seeds cannot estimate a rate). */
export function judgePlacement(evidence: Evidence, rule: PlacementRule): Judgement {
  const rate = evidence.trials > 0 ? evidence.events / evidence.trials : 0;
  const base = { ...evidence, rate, limit: rule.collapse, interval: wilson(evidence.events, evidence.trials) };
  const seen = `${evidence.trials - evidence.events} of ${evidence.trials} probes in the inbox`;
  if (evidence.feed === 'none')
    return { ...base, verdict: 'not-configured', needs: null, says: 'no seeds for this lane' };
  if (evidence.feed === 'stale')
    return { ...base, verdict: 'stale', needs: null, says: 'seed mailboxes can not be read' };
  if (evidence.trials < rule.minObserved) {
    const needs = rule.minObserved - evidence.trials;
    return { ...base, verdict: 'insufficient', needs, says: `placement needs ${needs} more probes` };
  }
  return { ...base, verdict: rate > rule.collapse ? 'fail' : 'pass', needs: null, says: seen };
}

/**
 * Log likelihood ratio of a campaign's hard bounces, harmful against fine: over DEFAULTS.campaignBreaker the campaign
 * is suspended, never the lane. Fit for bounces only: for complaints it is false in 3.7% of ramps.
 */
export function campaignRatio(bounces: number, attempts: number): number {
  const { fine, harmful } = THRESHOLDS['hard-bounce'];
  return bounces * Math.log(harmful / fine) - attempts * (harmful - fine);
}
