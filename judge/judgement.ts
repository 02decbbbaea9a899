/**
 * The whole judgement: the shipped gates, their rivals and a floor in the same worlds. Returns plain data.
 *
 * Seeds come in streams that never meet: one to calibrate and tune on, one to judge on. The plain thresholds are tuned to
 * stop as many healthy ramps as the shipped gates do on the tuning stream (at least LEAST_BUDGET, because less can not be
 * measured with the ramps at hand, which favours them).
 */
import { FALSE_STOPS_PER_RAMP, WILD_CV } from '../policy/gates/levels.ts';
import { gatesOf } from '../policy/gates/settings.ts';
import { rowOf, sixWeek } from '../policy/plan.ts';
import { falseStopShare } from './gates-runs.ts';
import { type Cell, harmCells } from './harms.ts';
import type { Jobs, RuleRun } from './jobs.ts';
import { STEPS } from './ladder.ts';
import { METRICS } from './metrics.ts';
import { geometricMean, mean, quantile, share, tally } from './summary.ts';
import type { Threads } from './threads.ts';
import { SETTINGS } from './thresholds.ts';
import { type Chosen, choose, newTrainingHarm, thresholdsFor } from './tune.ts';
import { worldNamed } from './worlds.ts';

const TUNING = 1;
const JUDGING = 2;
const USUAL_CV = 0.5;
const CVS = [0, 0.5, 0.7, 1] as const;
const LEAST_BUDGET = 0.002;
const PLAN_DAYS = 42;

export interface Sizes {
  /** Ramps per cell for the shipped gates. */
  readonly runs: number;
  /** Healthy ramps the plain thresholds are tuned on: with too few, they are too alert, and stop more ramps than they may. */
  readonly tuning: number;
  readonly ladders: number;
  /** Share of a dead list that does not exist; absent: the shipped world's. */
  readonly dead?: number | undefined;
}

export type Judgement = Awaited<ReturnType<typeof judge>>;

/** Runs everything. `told` hears what is being done. */
export async function judge(threads: Threads, { runs, tuning, ladders, dead }: Sizes, told: (line: string) => void) {
  const healthy = worldNamed('healthy');
  if (healthy === undefined) throw new RangeError('no world is called healthy');
  const ceilings = healthy.lanes.map(({ provider }) =>
    rowOf(sixWeek({ targets: { default: 100_000 } }), provider).map((stage) => stage.ceiling),
  );
  const common = { ceilings, dead };
  const shipped = gatesOf(undefined);
  const { levels } = shipped;
  const wild = gatesOf({ campaignsCv: 1 });

  told(`calibration: healthy ramps that nothing stops, at cv ${CVS.join(', ')}`);
  const calibration = [];
  for (const cv of CVS) {
    const count = Math.ceil(runs / 4);
    const blind = (await threads.run('blind', { ...common, gates: shipped, cv, stream: TUNING }, count)).flat();
    const calm =
      cv > WILD_CV ? (await threads.run('blind', { ...common, gates: wild, cv, stream: TUNING }, count)).flat() : blind;
    calibration.push({ cv, runs: count, usual: curve(blind), wild: cv > WILD_CV ? curve(calm) : null });
  }
  const usual = calibration.find(({ cv }) => cv === USUAL_CV);
  const shippedFalse = usual?.usual.find(({ lane }) => lane === levels.complaint.lane)?.falseStops ?? 0;
  const budget = Math.max(LEAST_BUDGET, shippedFalse);

  told('the shipped gates');
  const gates = [];
  for (const cv of CVS) {
    // The targets are at the usual cv; at the others it is shown whether healthy ramps are left alone.
    const harms = cv === USUAL_CV;
    const count = harms ? runs : Math.ceil(runs / 2);
    const played = (
      await threads.run('gates', { ...common, gates: shipped, cv, harms, stream: JUDGING }, count)
    ).flat();
    gates.push({ cv, ...healthyFigures(played), harms: harms ? harmFigures(played, cv, dead) : null });
  }
  const calm = (
    await threads.run('gates', { ...common, gates: wild, cv: 1, harms: true, stream: JUDGING }, Math.ceil(runs / 2))
  ).flat();
  const gatesWild = { cv: 1, ...healthyFigures(calm), harms: harmFigures(calm, 1, dead) };

  told('plain thresholds: tuning');
  const rivals = [];
  for (const [cv, allowed, count] of [
    [USUAL_CV, budget, runs],
    [
      1,
      Math.max(LEAST_BUDGET, share(calm.filter((one) => one.stopped !== null).length, calm.length)),
      Math.ceil(runs / 2),
    ],
  ] as const) {
    rivals.push(await thresholdFigures(threads, common, cv, allowed, { runs: count, tuning }, told));
  }

  told('rules like those of others');
  const named = [];
  for (const rule of ['braze', 'owlat'] as const) {
    const played = (
      await threads.run('named', { ...common, rule, cv: USUAL_CV, stream: JUDGING }, Math.ceil(runs / 4))
    ).flat();
    named.push({ rule, cv: USUAL_CV, ...healthyFigures(played), harms: harmFigures(played, USUAL_CV, dead) });
  }

  told('cutovers: ladders of steps');
  const cutover = await cutoverFigures(threads, ladders);

  const ours = gates.find(({ cv }) => cv === USUAL_CV);
  const against = rivals[0];
  if (ours?.harms == null || against === undefined) throw new Error('the usual cv was not played');
  const ratios = against.cells.map((cell, index) => {
    const mine = ours.harms?.[index]?.mail ?? 0;
    return { name: cell.name, fromDay: cell.fromDay, single: mine / cell.single, pair: mine / cell.pair };
  });
  const equal = cutover.filter(({ cv, noise, worse }) => cv === USUAL_CV && noise === 0.1 && worse === null);
  const targets = {
    falseStopHealthy: { value: ours.falseStops, limit: 0.01 },
    lengthP95: { value: ours.length.p95 / PLAN_DAYS, limit: 1.1 },
    harmVsSingle: { value: geometricMean(ratios.map((one) => one.single)), limit: 0.35 },
    harmVsPair: { value: geometricMean(ratios.map((one) => one.pair)), limit: 0.65 },
    // Against the better of the two rivals, cell by cell.
    harmWorstCell: { value: Math.max(...ratios.map((one) => Math.max(one.single, one.pair))), limit: 1.25 },
    cutoverFalseFail: { value: Math.max(...equal.map((one) => one.failed)), limit: 0.01 },
  };
  return {
    setUp: {
      plan: 'six-week',
      target: 100_000,
      days: PLAN_DAYS,
      lanes: ceilings.length,
      metrics: METRICS,
      campaignsPerDay: healthy.campaignsPerDay,
      complaintDelayHours: healthy.complaintDelayHours,
      rates: healthy.rates,
      runs,
      tuning,
      ladders,
      dead: dead ?? null,
      falseStopsPerRamp: FALSE_STOPS_PER_RAMP,
      levels,
    },
    targets,
    calibration,
    gates,
    gatesWild,
    thresholds: rivals,
    ratios,
    named,
    cutover,
  };
}

const LANE_HEIGHTS = [4, 4.5, 5, 5.5, 6, 6.5, 7, 8, 9] as const;

/** Share of healthy ramps that heights would stop; the address's is one lower than the lane's. */
function curve(runs: readonly { heights: number[]; days: number }[]) {
  return LANE_HEIGHTS.map((lane) => ({ lane, address: lane - 1, falseStops: falseStopShare(runs, lane, lane - 1) }));
}

function healthyFigures(played: readonly RuleRun[]) {
  const days = played.map((one) => one.days);
  const stopped = played.filter((one) => one.stopped !== null).length;
  return {
    runs: played.length,
    /** Any intervention, and those that step a lane or the address back. */
    falseStops: share(stopped, played.length),
    falseStepBacks: share(played.filter((one) => one.steppedBack).length, played.length),
    stoppedBy: tally(played.map((one) => one.stopped)),
    length: { median: quantile(days, 0.5), p95: quantile(days, 0.95) },
  };
}

function harmFigures(played: readonly RuleRun[], cv: number, dead: number | undefined) {
  return harmCells(cv, dead).map((cell, index) => {
    const runs = played.flatMap((one) => one.harms[index] ?? []);
    const hours = runs.flatMap((one) => one.hours ?? []);
    return {
      name: cell.name,
      fromDay: cell.fromDay,
      mail: mean(runs.map((one) => one.mail)),
      hours: hours.length === 0 ? null : mean(hours),
      missed: share(runs.length - hours.length, runs.length),
    };
  });
}

async function thresholdFigures(
  threads: Threads,
  { ceilings, dead }: { ceilings: readonly (readonly number[])[]; dead: number | undefined },
  cv: number,
  falseStops: number,
  { runs, tuning }: Pick<Sizes, 'runs' | 'tuning'>,
  told: (line: string) => void,
) {
  const cells = harmCells(cv, dead);
  const rates = (await threads.run('healthyRates', { ceilings, cv, stream: TUNING }, tuning)).flat();
  const thresholds = thresholdsFor(rates, falseStops);
  const parts = await threads.run(
    'training',
    { ceilings, dead, cv, thresholds, stream: TUNING },
    Math.ceil(runs / 4),
    25,
  );
  const harm = newTrainingHarm(cells.length);
  for (const part of parts) {
    part.single.forEach((value, at) => {
      harm.single[at] = (harm.single[at] ?? 0) + value;
    });
    part.pair.forEach((value, at) => {
      harm.pair[at] = (harm.pair[at] ?? 0) + value;
    });
  }
  const chosen = choose(harm, cells, thresholds);
  told(`plain thresholds: judging at cv ${cv}`);
  const tested = await threads.run('thresholds', { ceilings, dead, cv, chosen, falseStops, stream: JUDGING }, runs);
  return {
    cv,
    allowed: falseStops,
    falseStops: {
      single: share(
        sum(tested, (one) => one.falseSingle),
        runs,
      ),
      pair: share(
        sum(tested, (one) => one.falsePair),
        runs,
      ),
    },
    settings: METRICS.map((metric, index) => ({ metric, ...spelled(chosen[index]) })),
    cells: cells.map((cell, index) => ({
      ...nameOf(cell),
      single: sum(tested, (one) => one.single[index] ?? 0) / runs,
      pair: sum(tested, (one) => one.pair[index] ?? 0) / runs,
      oracle: sum(tested, (one) => one.oracle[index] ?? 0) / runs,
    })),
  };
}

function sum<T>(parts: readonly T[], value: (one: T) => number): number {
  return parts.reduce((total, one) => total + value(one), 0);
}

function nameOf({ name, fromDay }: Cell) {
  return { name, fromDay };
}

function spelled(chosen: Chosen | undefined) {
  if (chosen === undefined) throw new RangeError('a metric without settings');
  const one = ({ setting, threshold }: { setting: number; threshold: number }) => ({ ...SETTINGS[setting], threshold });
  return { single: one(chosen.single), pair: { lane: one(chosen.pair.lane), pooled: one(chosen.pair.pooled) } };
}

const WORSE_FROM = STEPS.indexOf(0.4);
const LADDERS: readonly Pick<Jobs['ladders']['in'], 'cv' | 'noise' | 'worse'>[] = [
  { cv: 0.5, noise: 0.1 },
  { cv: 1, noise: 0.25 },
  { cv: 0.5, noise: 0.1, worse: { factor: 3, from: WORSE_FROM, where: 'all' } },
  { cv: 0.5, noise: 0.1, worse: { factor: 3, from: WORSE_FROM, where: 'yahoo' } },
];

async function cutoverFigures(threads: Threads, ladders: number) {
  const figures = [];
  for (const ladder of LADDERS) {
    for (const metric of METRICS) {
      if (metric === 'delivery') continue;
      const job = { ...ladder, metric, pool: 200_000, stream: JUDGING };
      const played = (
        await threads.run('ladders', job, ladder.worse === undefined ? ladders : ladders / 4, 500)
      ).flat();
      const by = (at: (one: (typeof played)[number]) => number, step: number) =>
        share(played.filter((one) => at(one) >= 0 && at(one) <= step).length, played.length);
      figures.push({
        metric,
        pool: job.pool,
        cv: ladder.cv,
        noise: ladder.noise,
        worse: ladder.worse ?? null,
        ladders: played.length,
        failed: by((one) => one.failed, STEPS.length),
        failedSameDay: ladder.worse === undefined ? null : by((one) => one.failed, ladder.worse.from),
        failedNextDay: ladder.worse === undefined ? null : by((one) => one.failed, ladder.worse.from + 1),
        passedByStep: STEPS.map((of, step) => ({ share: of, passed: by((one) => one.passed, step) })),
      });
    }
  }
  return figures;
}
