/**
 * What numbers mean: from the evidence of one metric to its verdict. Pure, and a function of what is recorded with the
 * decision, so that the same evidence gives the same verdict again.
 *
 * *Stop* is a change detector's sum over its height (gates/cusum.ts), on the lane or over its address. *Advance* is
 * "nothing wrong, and enough seen to notice" (gates/advance.ts). Wilson intervals are for display.
 */
import { advanceLimit, calm, enoughSeen, missingFor } from './gates/advance.ts';
import type { Counted } from './gates/levels.ts';
import { type PlacementRule, placementVerdict } from './gates/placement.ts';
import { acts, type Gates } from './gates/settings.ts';
import { wilson } from './gates/wilson.ts';

export type Metric = Counted | 'placement' | 'dnsbl' | 'utilisation';
export type Verdict = 'pass' | 'fail' | 'insufficient' | 'stale' | 'not-configured';
export type Feed = 'ok' | 'stale' | 'none';

/** Sums of the change detectors when the evidence was taken. */
export interface Sums {
  readonly lane: number;
  /** Over the address's lanes. */
  readonly address: number;
  /** The campaign that supplied over 80% of the lane's sum, by name. */
  readonly blames: string | null;
}

/** The numbers behind a verdict. Trials are matured: late metrics count a delivery only as far as a report could be here. */
export interface Evidence {
  readonly metric: Exclude<Metric, 'dnsbl' | 'utilisation'>;
  readonly feed: Feed;
  /** Matured trials and events of the send days its metric looks back to (seven, where nothing is said) since the last retreat. */
  readonly trials: number;
  readonly events: number;
  /** Sent, but its answer or report may still come. */
  readonly awaiting: number;
  /** First and last instant of the sends that are counted, ms. */
  readonly from: number;
  readonly to: number;
  /** Absent for placement. */
  readonly sums?: Sums;
  /** Placement: trials and events of the newest windows that together saw enough folders to say anything. */
  readonly last?: { readonly trials: number; readonly events: number };
  /** Placement: seeds that were also probed from a warm address, where the two differ. */
  readonly pairs?: { readonly worse: number; readonly better: number };
  /** Plan hours its feed has been broken; absent: it is not. */
  readonly brokenHours?: number;
}

/** What is known of a feed: whether it speaks, and if not, for how long. */
export type FeedSeen = Pick<Evidence, 'feed' | 'brokenHours'>;

/** What an evidence is judged against. */
export interface Against {
  readonly nextCeiling: number;
  readonly gates: Gates;
  readonly placement: PlacementRule;
  /** Messages the lane is about to send an hour of plan time: how long what is missing takes. */
  readonly perHour: number;
}

export interface Judgement extends Omit<Evidence, 'metric'> {
  readonly metric: Metric;
  readonly verdict: Verdict;
  readonly rate: number;
  /** Wilson 95% interval, for display. */
  readonly interval: readonly [number, number];
  /** What the rate is compared with. */
  readonly limit: number;
  /** Trials still needed for a pass, when that is what is missing; of them, what is to be sent, and plan hours until then. */
  readonly needs: number | null;
  readonly toSend?: number;
  readonly hours?: number | null;
  /** Recorded and shown, and not acted on: a dry run, or a gate that only observes. */
  readonly dry?: true;
  readonly says: string;
}

const percent = (rate: number) => `${(rate * 100).toFixed(rate < 0.01 ? 2 : 1)}%`;
const height = (sum: number) => sum.toFixed(1);

/** Does this let the lane grow to the next ceiling? */
export function judge(evidence: Evidence, against: Against): Judgement {
  const { gates } = against;
  const judged =
    evidence.metric === 'placement' ? placement(evidence, against) : counted(evidence, evidence.metric, against);
  const setting = gates.metrics[evidence.metric];
  if (acts(setting)) return judged;
  return { ...judged, dry: true, says: `${setting.dryRun ? 'dry run' : 'observed'}: ${judged.says}` };
}

/** Is a sum of this evidence over its height, and of what: the lane, or its address as a whole? */
export function stopsAt(evidence: Evidence, gates: Gates): 'lane' | 'address' | null {
  const { metric, sums, feed } = evidence;
  // What a silent feed said before it fell silent punishes nobody.
  if (metric === 'placement' || sums === undefined || feed !== 'ok') return null;
  const level = gates.levels[metric];
  if (sums.lane >= level.lane) return 'lane';
  // A lane that added nothing to it has no part in what is wrong with the others.
  return sums.address >= level.address && sums.lane > 0 ? 'address' : null;
}

function counted(evidence: Evidence, metric: Counted, against: Against): Judgement {
  const { gates, nextCeiling, perHour } = against;
  const level = gates.levels[metric];
  const { trials, events, awaiting, sums = { lane: 0, address: 0, blames: null } } = evidence;
  const limit = advanceLimit(level.harmful, nextCeiling);
  const rate = trials > 0 ? events / trials : 0;
  const base = { ...evidence, rate, limit, interval: wilson(events, trials), needs: null };
  const seen = `${metric} ${events} of ${Math.floor(trials)}`;
  if (evidence.feed === 'none') return { ...base, verdict: 'not-configured', says: `${metric} has no feed` };
  const stop = stopsAt(evidence, gates);
  if (stop !== null) {
    const sum = `sum ${height(sums[stop])}, stops at ${height(level[stop])}`;
    const where = stop === 'address' ? ' over all lanes of its address' : '';
    const whose = sums.blames === null ? '' : `; campaign ${sums.blames} supplies most of it`;
    return { ...base, verdict: 'fail', says: `${seen} (${percent(rate)}): harmful${where} (${sum})${whose}` };
  }
  if (evidence.feed === 'stale' && overBudget(evidence, gates)) {
    return { ...base, verdict: 'stale', says: `${metric} feed is silent` };
  }
  if (!calm(sums.lane, sums.address, level)) {
    const [sum, most] = sums.lane >= level.lane / 2 ? [sums.lane, level.lane] : [sums.address, level.address];
    const where = sums.lane >= level.lane / 2 ? '' : ' over its address';
    return {
      ...base,
      verdict: 'insufficient',
      says: `${seen}: half way to a stop${where} (sum ${height(sum)} of ${height(most)}), waits until it falls`,
    };
  }
  if (enoughSeen(events, trials, level, nextCeiling)) {
    return { ...base, verdict: 'pass', needs: 0, says: `${seen}, limit ${percent(limit)}` };
  }
  const missing = missingFor({ k: events, e: trials, awaiting }, level, nextCeiling, perHour);
  if (missing === null) {
    const says = `${seen}: will not pass at the present rate (limit ${percent(limit)})`;
    return { ...base, verdict: 'insufficient', says };
  }
  const { needs, toSend, hours } = missing;
  return { ...base, verdict: 'insufficient', needs, toSend, hours, says: `${seen}: ${missingText(missing)}` };
}

/** "needs 1152 more: 740 to send, 412 sent and awaiting reports, about 6 h" */
function missingText(missing: { needs: number; awaiting: number; toSend: number; hours: number | null }): string {
  const parts = [
    missing.awaiting === 0 ? '' : missing.toSend === 0 ? '' : `${missing.toSend} to send`,
    missing.awaiting === 0 ? '' : `${missing.awaiting} sent and awaiting reports`,
    missing.hours === null ? '' : `about ${hoursText(missing.hours)}`,
  ].filter(Boolean);
  return `needs ${missing.needs} more${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}

function hoursText(hours: number): string {
  if (hours < 1) return '1 h';
  return hours < 72 ? `${Math.ceil(hours)} h` : `${Math.ceil(hours / 24)} days`;
}

function placement(evidence: Evidence, { placement: rule, gates }: Against): Judgement {
  const { trials, events } = evidence;
  const rate = trials > 0 ? events / trials : 0;
  const base = { ...evidence, rate, limit: rule.collapse, interval: wilson(events, trials), needs: null };
  if (evidence.feed === 'none') return { ...base, verdict: 'not-configured', says: 'no seeds for this lane' };
  if (evidence.feed === 'stale' && overBudget(evidence, gates))
    return { ...base, verdict: 'stale', says: 'seed mailboxes can not be read' };
  return { ...base, ...placementVerdict(evidence, rule) };
}

/** A sensor that broke a short while ago leaves its last evidence standing; nothing matures meanwhile. */
function overBudget({ metric, brokenHours }: Evidence, gates: Gates): boolean {
  return brokenHours === undefined || brokenHours > gates.metrics[metric].budgetHours;
}
