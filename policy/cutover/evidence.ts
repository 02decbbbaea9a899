/**
 * What the two arms show, a metric at a time: the comparison of like with like (compare.ts), and absolute limits on top.
 *
 * A stratum is provider x campaign x segment x stream x hour of sending; its share is that of the messages both arms tried
 * in it. A campaign is what is taken in as one: its mail of one day, once the feeds of both arms have passed it. Counting all
 * of it anew each time gives the same sums, and a late report joins the hour its message was sent in.
 *
 * Where next to nothing goes wrong on either arm there is nothing to compare, and a comparison would wait for ever: all of
 * the new arm's interval below the difference that may not be exceeded is a pass as well, while nothing speaks against it.
 *
 * An arm without events of its own is not measured, and is not taken for a bad one: the metric is `not-configured`, which
 * neither passes nor blocks, and the absolute limits are all that is left. One whose events are missing is `stale`, and blocks.
 */
import { enoughSeen, trialsMissing } from '../gates/advance.ts';
import { type Counted, LEVELS } from '../gates/levels.ts';
import { pairedRatio } from '../gates/placement.ts';
import { wilson } from '../gates/wilson.ts';
import {
  COMPARE,
  type CompareVerdict,
  type Comparison,
  closeCampaign,
  judgeComparison,
  marginFor,
  newComparison,
  type Stratum,
} from './compare.ts';
import type { CutMetric, CutoverPlan } from './plan.ts';
import type { Arm, Stream } from './split.ts';

/** Messages of one arm that were first tried in an hour, and what became of them. */
export interface ArmHour {
  readonly arm: Arm;
  readonly provider: string;
  /** '': none. */
  readonly campaign: string;
  readonly segment: string;
  readonly stream: Stream;
  /** Beginning of the hour, ms. */
  readonly hour: number;
  readonly messages: number;
  /** Of them: what became of it is known. All of an arm with addresses of ours; of an upstream what its events tell. */
  readonly told: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly hard: number;
  readonly blocked: number;
  readonly complaints: number;
}

/** Least part of an upstream's mail that its events must tell of, and plan hours they may take. */
export const COVERED = 0.8;
const TOLD_AFTER_HOURS = 5;

/**
 * How far an arm's rows say what became of its mail: an arm half told would look better than it is. `fed`: there is a feed that
 * should tell, so that its silence is not taken for an engine nobody can ask.
 */
export function coverage(rows: readonly ArmHour[], arm: Arm, now: number, hourMs: number, fed: boolean): ArmFeed {
  const old = rows.filter((row) => row.arm === arm && row.hour + (1 + TOLD_AFTER_HOURS) * hourMs <= now);
  const told = total(old, (row) => row.told);
  if (told === 0 && !fed) return 'none';
  return told >= COVERED * total(old, (row) => row.messages) ? 'ok' : 'stale';
}

/** Is an arm measured for a metric? `stale`: it was or should be, and its events are missing. */
export type ArmFeed = 'ok' | 'stale' | 'none';

export type CutVerdict = 'pass' | 'fail' | 'insufficient' | 'stale' | 'not-configured';

export interface ArmSum {
  readonly trials: number;
  readonly events: number;
}

export interface CutJudgement {
  readonly metric: CutMetric;
  readonly verdict: CutVerdict;
  /** What failed: the comparison or an absolute limit, and where (null: everywhere together). */
  readonly failed?: { readonly by: 'comparison' | 'limit'; readonly provider: string | null };
  readonly old: ArmSum;
  readonly new: ArmSum;
  /** Wilson 95% intervals of both rates, for display. */
  readonly intervals: { readonly old: readonly [number, number]; readonly new: readonly [number, number] };
  /** Sums of the comparison: towards a fail, and in hand towards a pass. */
  readonly sums?: {
    readonly pool: number;
    readonly inHand: number;
    readonly providers: Readonly<Record<string, number>>;
  };
  /** Messages on the new arm that a pass still needs, and about how many plan hours that takes; null: nobody knows. */
  readonly needs: number | null;
  readonly hours: number | null;
  readonly says: string;
}

export interface EvidenceInput {
  readonly rows: readonly ArmHour[];
  readonly now: number;
  /** Real ms of a plan hour. */
  readonly hourMs: number;
  /** Which day an instant belongs to. */
  readonly dayOf: (instant: number) => number;
  readonly plan: CutoverPlan;
  readonly feeds: Readonly<Record<Arm, Readonly<Record<Counted & CutMetric, ArmFeed>>>>;
  /** Messages the new arm is about to get, a plan hour and a day. */
  readonly perHour: number;
  readonly perDay: number;
  /** Seeds that were probed through both arms; absent: there are none. */
  readonly placement?: { readonly worse: number; readonly better: number; readonly pairs: number };
}

export const COMPARED = ['deferral', 'block', 'hard-bounce', 'complaint'] as const;
type Compared = (typeof COMPARED)[number];

const EVENTS: Readonly<Record<Compared, (row: ArmHour) => number>> = {
  deferral: (row) => row.deferred,
  block: (row) => row.blocked,
  'hard-bounce': (row) => row.hard,
  complaint: (row) => row.complaints,
};

/** Plan hours after its last mail until a campaign's events are all there. A deferral is one after four. */
const CLOSES: Readonly<Record<Exclude<Compared, 'complaint'>, number>> = { deferral: 5, block: 5, 'hard-bounce': 5 };

/** Events below which an absolute limit says nothing: one dead address in twenty is no rate. */
const LEAST_EVENTS = 5;
/** Plan hours whose mail absolute limits look at, beside all of it: a good month must not hide a bad day. */
const LIMIT_HOURS = 24;
/** Sum towards a fail above which something does speak against the new arm: it takes a comparison, then. */
const SUSPICION = 1;
const MOST_WAIT_HOURS = 24 * 365;

/** Judges every metric on the hours since the arms began to be compared. */
export function judgeArms(input: EvidenceInput): CutJudgement[] {
  return [...COMPARED.map((metric) => counted(input, metric)), placement(input)];
}

/** Campaigns that both arms sent and that have closed. */
export function campaignsOnBoth({ rows, now, hourMs, dayOf }: EvidenceInput): number {
  const closed = [...campaignsOf(rows, dayOf)].filter(
    ([, mail]) => lastHour(mail) + CLOSES['hard-bounce'] * hourMs <= now,
  );
  return closed.filter(([, mail]) => (['old', 'new'] as const).every((arm) => messages(mail, arm) > 0)).length;
}

function counted(input: EvidenceInput, metric: Compared): CutJudgement {
  const { rows, feeds } = input;
  const trialsOf = (row: ArmHour) => (metric === 'complaint' ? row.delivered : row.told);
  const sum = (arm: Arm) => ofArm(rows, arm, trialsOf, EVENTS[metric]);
  const sums = { old: sum('old'), new: sum('new') };
  const base = {
    metric,
    ...sums,
    intervals: { old: wilson(sums.old.events, sums.old.trials), new: wilson(sums.new.events, sums.new.trials) },
    ...{ needs: null, hours: null },
  };
  const seen = `${metric} new ${text(sums.new)}, old ${text(sums.old)}`;
  const limit = feeds.new[metric] === 'ok' ? overLimit(input, metric, trialsOf) : undefined;
  if (limit !== undefined)
    return {
      ...base,
      verdict: 'fail',
      failed: { by: 'limit', provider: limit.provider },
      says: `${seen}: ${limit.says}`,
    };
  if (feeds.new[metric] === 'none')
    return { ...base, verdict: 'not-configured', says: `${metric}: the new arm has no feed` };
  if (feeds.new[metric] === 'stale' || feeds.old[metric] === 'stale') {
    const which = feeds.new[metric] === 'stale' ? 'new' : 'old';
    return { ...base, verdict: 'stale', says: `${metric}: events of the ${which} arm are missing` };
  }
  if (feeds.old[metric] === 'none') return alone(input, metric, base, sums.new);
  return compared(input, metric, base, seen, trialsOf);
}

type Base = Omit<CutJudgement, 'verdict' | 'says'>;

function compared(
  input: EvidenceInput,
  metric: Compared,
  base: Base,
  seen: string,
  trialsOf: (row: ArmHour) => number,
): CutJudgement {
  const { rows, plan, now, hourMs, dayOf } = input;
  const oldRate = base.old.trials > 0 ? base.old.events / base.old.trials : 0;
  const rule = { ...COMPARE, margin: marginFor(oldRate, plan.worst[metric]) };
  const closes = (metric === 'complaint' ? plan.lagHours : CLOSES[metric]) * hourMs;
  const comparison = newComparison();
  const campaigns = [...campaignsOf(rows, dayOf).values()]
    .filter((mail) => lastHour(mail) + closes <= now)
    .sort((a, b) => lastHour(a) - lastHour(b));
  for (const mail of campaigns) closeCampaign(comparison, strata(mail, trialsOf, EVENTS[metric]), rule);
  const verdict = judgeComparison(comparison, rule);
  const sums = { pool: comparison.pool, inHand: comparison.inHand, providers: { ...comparison.providers } };
  if (verdict.verdict === 'fail') {
    const where = verdict.provider === null ? '' : ` at ${verdict.provider}`;
    const says = `${seen}: the new arm is worse${where} (${rule.margin.toFixed(1)} times may not be, sum ${height(comparison, verdict)})`;
    return { ...base, sums, verdict: 'fail', failed: { by: 'comparison', provider: verdict.provider }, says };
  }
  if (verdict.verdict === 'pass')
    return {
      ...base,
      sums,
      needs: 0,
      hours: 0,
      verdict: 'pass',
      says: `${seen}: not worse (${campaigns.length} campaigns)`,
    };
  const rare = ofArm(campaigns.flat(), 'new', trialsOf, EVENTS[metric]);
  const suspect = Math.max(comparison.pool, ...Object.values(comparison.providers)) > SUSPICION;
  if (!suspect && wilson(rare.events, rare.trials)[1] <= plan.worst[metric]) {
    const says = `${seen}: below ${percent(plan.worst[metric])}, whatever the old arm's rate is`;
    return { ...base, sums, needs: 0, hours: 0, verdict: 'pass', says };
  }
  const doubt = verdict.doubtful.length === 0 ? '' : `, doubt at ${verdict.doubtful.join(', ')}`;
  const { needs, hours } = missing(input, base, comparison, rule.margin, plan.worst[metric], closes / hourMs);
  const wait =
    needs === null ? 'nothing is sent to compare' : `needs about ${needs} more on the new arm${inHours(hours)}`;
  return { ...base, sums, needs, hours, verdict: 'insufficient', says: `${seen}: ${wait}${doubt}` };
}

/** Without the other arm's events: is enough seen of the new one alone? Reported as what it is. */
function alone(input: EvidenceInput, metric: Compared, base: Base, seen: ArmSum): CutJudgement {
  const level = LEVELS[metric];
  const enough = enoughSeen(seen.events, seen.trials, level, Math.max(1, input.perDay));
  const more = enough
    ? 0
    : trialsMissing(seen.events, seen.trials, Math.max(level.harmful, 3 / Math.max(1, input.perDay)), level.healthy);
  const hours = more === null ? null : more === 0 ? 0 : hoursFor(more, input.perHour, 0);
  const then = enough
    ? 'enough seen of the new arm alone'
    : more === null
      ? 'too many for a pass at the present rate'
      : `the new arm alone needs ${Math.ceil(more)} more${inHours(hours)}`;
  const says = `${metric} new ${text(seen)}: not compared, the old arm gives no events; ${then}`;
  return { ...base, verdict: 'not-configured', needs: more === null ? null : Math.ceil(more), hours, says };
}

/** The rate of the new arm at a provider, or over all, that no comparison excuses. */
function overLimit(
  { rows, now, hourMs }: EvidenceInput,
  metric: Compared,
  trialsOf: (row: ArmHour) => number,
): { readonly provider: string | null; readonly says: string } | undefined {
  const { harmful } = LEVELS[metric];
  const all = rows.filter((row) => row.arm === 'new');
  const late = all.filter((row) => row.hour >= now - LIMIT_HOURS * hourMs);
  for (const [provider, own] of [...byProvider(all), ...byProvider(late)]) {
    const [trials, events] = [total(own, trialsOf), total(own, EVENTS[metric])];
    // The whole interval is over the limit: a healthy arm is a tenth of it and never gets there, however often one looks.
    if (events < LEAST_EVENTS || wilson(events, trials)[0] <= harmful) continue;
    const where = provider === null ? '' : ` at ${provider}`;
    return { provider, says: `${text({ trials, events })}${where} is over the limit of ${percent(harmful)}` };
  }
  return undefined;
}

function byProvider(rows: readonly ArmHour[]): [string | null, readonly ArmHour[]][] {
  return [[null, rows], ...Map.groupBy(rows, (row): string | null => row.provider)];
}

function placement({ placement: seen }: EvidenceInput): CutJudgement {
  const none = { trials: 0, events: 0 };
  const base = { metric: 'placement' as const, ...{ needs: null, hours: null } };
  const unknown = { old: none, new: none, intervals: { old: wilson(0, 0), new: wilson(0, 0) } };
  if (seen === undefined || seen.pairs === 0)
    return { ...base, ...unknown, verdict: 'not-configured', says: 'placement: no seed was probed through both arms' };
  const sums = { old: { trials: seen.pairs, events: seen.better }, new: { trials: seen.pairs, events: seen.worse } };
  const intervals = { old: wilson(seen.better, seen.pairs), new: wilson(seen.worse, seen.pairs) };
  const says = `placement of ${seen.pairs} pairs of probes: the new arm worse in ${seen.worse}, better in ${seen.better}`;
  const failed = pairedRatio(seen) >= 3;
  return {
    ...{ ...base, ...sums, intervals, says },
    verdict: failed ? 'fail' : 'pass',
    ...(failed ? { failed: { by: 'comparison' as const, provider: null } } : {}),
  };
}

/**
 * Messages on the new arm until a pass, if the arms are equal: each event of both then adds the divergence of s from q
 * (statistics as in compare.ts), and there are rate / s of them a message.
 */
function missing(
  input: EvidenceInput,
  { old, new: ours }: Base,
  comparison: Comparison,
  margin: number,
  worst: number,
  lagHours: number,
): { readonly needs: number | null; readonly hours: number | null } {
  const trials = old.trials + ours.trials;
  const events = old.events + ours.events;
  const share = trials > 0 ? ours.trials / trials : 0;
  if (!(share > 0 && share < 1)) return { needs: null, hours: null };
  const q = (share * margin) / (share * margin + 1 - share);
  const perEvent = -(share * Math.log(q / share) + (1 - share) * Math.log((1 - q) / (1 - share)));
  const rate = (events + 0.5) / trials;
  const toCompare = (COMPARE.pass - comparison.inHand) / ((perEvent * rate) / share);
  // Trials without an event until their interval (wilson.ts) is below `worst`.
  const alone = ours.events > 0 ? Number.POSITIVE_INFINITY : 1.96 ** 2 * (1 / worst - 1) - ours.trials;
  const needs = Math.max(1, Math.ceil(Math.min(toCompare, alone)));
  return { needs, hours: hoursFor(needs, input.perHour, lagHours) };
}

function hoursFor(messages: number, perHour: number, lagHours: number): number | null {
  if (!(perHour > 0)) return null;
  return Math.min(MOST_WAIT_HOURS, messages / perHour + lagHours);
}

function campaignsOf(rows: readonly ArmHour[], dayOf: (instant: number) => number): Map<string, ArmHour[]> {
  return Map.groupBy(rows, (row) => `${row.stream} ${dayOf(row.hour)} ${row.campaign}`);
}

function lastHour(mail: readonly ArmHour[]): number {
  return mail.reduce((last, row) => Math.max(last, row.hour), 0);
}

function strata(
  mail: readonly ArmHour[],
  trialsOf: (row: ArmHour) => number,
  eventsOf: (row: ArmHour) => number,
): Stratum[] {
  const groups = Map.groupBy(mail, (row) => JSON.stringify([row.provider, row.segment, row.hour]));
  return [...groups.values()].map((rows) => {
    const of = (arm: Arm) => rows.filter((row) => row.arm === arm);
    const trials = { old: total(of('old'), trialsOf), new: total(of('new'), trialsOf) };
    const all = trials.old + trials.new;
    return {
      provider: rows[0]?.provider ?? '',
      share: all > 0 ? trials.new / all : 0,
      newEvents: total(of('new'), eventsOf),
      oldEvents: total(of('old'), eventsOf),
    };
  });
}

function messages(mail: readonly ArmHour[], arm: Arm): number {
  return total(
    mail.filter((row) => row.arm === arm),
    (row) => row.messages,
  );
}

function ofArm(
  rows: readonly ArmHour[],
  arm: Arm,
  trialsOf: (row: ArmHour) => number,
  eventsOf: (row: ArmHour) => number,
): ArmSum {
  const own = rows.filter((row) => row.arm === arm);
  return { trials: total(own, trialsOf), events: total(own, eventsOf) };
}

function total(rows: readonly ArmHour[], of: (row: ArmHour) => number): number {
  return rows.reduce((sum, row) => sum + of(row), 0);
}

function height(comparison: Comparison, verdict: CompareVerdict & { verdict: 'fail' }): string {
  const sum = verdict.provider === null ? comparison.pool : (comparison.providers[verdict.provider] ?? 0);
  return `${sum.toFixed(1)} of ${verdict.provider === null ? COMPARE.failPool : COMPARE.failProvider}`;
}

function text({ trials, events }: ArmSum): string {
  return `${events} of ${trials}${trials > 0 ? ` (${percent(events / trials)})` : ''}`;
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(rate < 0.01 ? 2 : 1)}%`;
}

function inHours(hours: number | null): string {
  if (hours === null) return '';
  return hours < 1
    ? ', about 1 h'
    : hours < 72
      ? `, about ${Math.ceil(hours)} h`
      : `, about ${Math.ceil(hours / 24)} days`;
}
