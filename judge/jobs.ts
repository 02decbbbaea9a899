/** The pieces of work a judgement is made of: each plays some seeds and returns plain data. Run by worker threads. */
import type { Gates } from '../policy/gates/settings.ts';
import { BrazeLike } from './braze-like.ts';
import { CalendarMail } from './calendar.ts';
import { GatesRule } from './gates-rule.ts';
import { type HarmRun, playBlind, playSeed } from './gates-runs.ts';
import { harmCells } from './harms.ts';
import { type LadderJob, playLadders } from './ladder.ts';
import { METRICS } from './metrics.ts';
import { Nature } from './nature.ts';
import { oracleMail } from './oracle.ts';
import { OwlatLike } from './owlat-like.ts';
import type { Ceilings } from './ramp.ts';
import { Random } from './random.ts';
import type { Rule } from './rule.ts';
import { type SimulatedRun, type SimulateJob, simulateOnce } from './simulate.ts';
import { firstExceeded, highestRates, placeOf, SETTINGS } from './thresholds.ts';
import {
  type Chosen,
  harmedMetric,
  healthyRates,
  newTrainingHarm,
  playCells,
  sentUntil,
  type Thresholds,
  trainSeed,
} from './tune.ts';
import type { World } from './world.ts';
import { worldNamed } from './worlds.ts';

/** Seeds [from, to) of a stream; streams never share a ramp. */
export interface Seeds {
  readonly stream: number;
  readonly from: number;
  readonly to: number;
}

interface Common extends Seeds {
  readonly cv: number;
  readonly ceilings: Ceilings;
  /** Share of a dead list that does not exist; absent: the shipped world's. */
  readonly dead?: number | undefined;
}

export interface Jobs {
  blind: { in: Common & { gates: Gates }; out: { heights: number[]; days: number }[] };
  gates: { in: Common & { gates: Gates; harms: boolean }; out: RuleRun[] };
  named: { in: Common & { rule: 'braze' | 'owlat' }; out: RuleRun[] };
  healthyRates: { in: Common; out: Float64Array[] };
  training: { in: Common & { thresholds: Thresholds }; out: { single: Float64Array; pair: Float64Array } };
  thresholds: { in: Common & { chosen: readonly Chosen[]; falseStops: number }; out: ThresholdRuns };
  simulate: { in: SimulateJob & Seeds; out: SimulatedRun[] };
  ladders: { in: LadderJob & Seeds; out: ReturnType<typeof playLadders> };
}

export interface RuleRun {
  readonly days: number;
  /** First intervention of the healthy ramp as scope:metric; null: none. */
  readonly stopped: string | null;
  /** A lane or the address stepped back; else at most campaigns were suspended. */
  readonly steppedBack: boolean;
  readonly harms: readonly HarmRun[];
}

export interface ThresholdRuns {
  /** Healthy ramps stopped. */
  readonly falseSingle: number;
  readonly falsePair: number;
  /** Mail to harmed lanes, summed over seeds, by cell. */
  readonly single: number[];
  readonly pair: number[];
  readonly oracle: number[];
}

export type JobName = keyof Jobs;

const world = (name: string, cv: number): World => {
  const found = worldNamed(name, { cv });
  if (found === undefined) throw new RangeError(`no world is called ${name}`);
  return found;
};

function* seedsOf({ stream, from, to }: Seeds): Generator<Random> {
  for (let seed = from; seed < to; seed++) yield new Random(stream, seed);
}

export const RUN: { readonly [K in JobName]: (input: Jobs[K]['in']) => Jobs[K]['out'] } = {
  blind: (job) =>
    Array.from(seedsOf(job), (random) => playBlind(job.gates, job.ceilings, world('healthy', job.cv), random)),

  gates: (job) => {
    const healthy = world('healthy', job.cv);
    const feeds = healthy.lanes.map((lane) => lane.feedback);
    return play(job, healthy, job.harms, () => new GatesRule(job.gates, feeds));
  },

  named: (job) =>
    play(job, world('healthy', job.cv), true, () => (job.rule === 'braze' ? new BrazeLike() : new OwlatLike())),

  healthyRates: (job) =>
    Array.from(seedsOf(job), (random) => healthyRates(job.ceilings, world('healthy', job.cv), random)),

  training: (job) => {
    const healthy = world('healthy', job.cv);
    const cells = harmCells(job.cv, job.dead);
    const mail = new CalendarMail(job.ceilings);
    const harm = newTrainingHarm(cells.length);
    for (const random of seedsOf(job)) trainSeed(harm, mail, healthy, cells, job.thresholds, random);
    return harm;
  },

  thresholds: testThresholds,
  simulate: (job) => Array.from(seedsOf(job), (random) => simulateOnce(job, random)),
  ladders: (job) => playLadders(job, seedsOf(job)),
};

function play(job: Common, healthy: World, harms: boolean, rule: () => Rule): RuleRun[] {
  const cells = harms ? harmCells(job.cv, job.dead) : [];
  return Array.from(seedsOf(job), (random) => {
    const its = rule();
    const run = playSeed(its, job.ceilings, healthy, cells, random);
    const first = run.healthy.stops[0];
    const held = its instanceof BrazeLike && its.holds > 0 ? 'hold:any' : null;
    return {
      days: run.healthy.days,
      stopped: first === undefined ? held : `${first.scope}:${first.metric}`,
      steppedBack: run.healthy.stops.some((one) => one.scope !== 'campaign'),
      harms: run.harms,
    };
  });
}

function testThresholds(job: Jobs['thresholds']['in']): ThresholdRuns {
  const healthy = world('healthy', job.cv);
  const cells = harmCells(job.cv, job.dead);
  const mail = new CalendarMail(job.ceilings);
  const hours = 24 * Math.max(...job.ceilings.map((row) => row.length));
  const zeros = () => cells.map(() => 0);
  const sums = { falseSingle: 0, falsePair: 0, single: zeros(), pair: zeros(), oracle: zeros() };
  const over = (rates: Float64Array, metric: number, pooled: boolean, one: { setting: number; threshold: number }) =>
    (rates[placeOf(metric, pooled) + one.setting] ?? 0) > one.threshold;
  for (const random of seedsOf(job)) {
    mail.play(new Nature(healthy, random.clone()), 0, hours);
    const rates = highestRates(mail, hours);
    if (METRICS.some((_, metric) => over(rates, metric, false, chosenOf(job.chosen, metric).single)))
      sums.falseSingle++;
    if (
      METRICS.some((_, metric) => {
        const { lane, pooled } = chosenOf(job.chosen, metric).pair;
        return over(rates, metric, false, lane) || over(rates, metric, true, pooled);
      })
    )
      sums.falsePair++;
    playCells(mail, healthy, cells, random, ({ index, cell, from, until }) => {
      const metric = harmedMetric(cell);
      const { single, pair } = chosenOf(job.chosen, metric);
      const hourOf = (series: number, one: { setting: number; threshold: number }) =>
        firstExceeded(
          mail.events[metric * (mail.lanes + 1) + series] as Int32Array,
          mail.sent[series] as Int32Array,
          SETTINGS[one.setting] as (typeof SETTINGS)[number],
          one.threshold,
          from,
          until,
        );
      const pooled = hourOf(mail.lanes, pair.pooled);
      for (const lane of cell.harmed) {
        sums.single[index] = (sums.single[index] ?? 0) + sentUntil(mail, lane, from, hourOf(lane, single), until);
        const stop = Math.min(pooled, hourOf(lane, pair.lane));
        sums.pair[index] = (sums.pair[index] ?? 0) + sentUntil(mail, lane, from, stop, until);
      }
      sums.oracle[index] = (sums.oracle[index] ?? 0) + oracleMail(mail, cell, from, until, job.falseStops);
    });
  }
  return sums;
}

function chosenOf(chosen: readonly Chosen[], metric: number): Chosen {
  const found = chosen[metric];
  if (found === undefined) throw new RangeError(`nothing was chosen for metric ${metric}`);
  return found;
}
