/**
 * One plan under the shipped gates in one world, many times: what `rampart simulate` tells. Each ramp is played until all
 * its lanes have done their last stage, or until it has taken three times as long as planned.
 */
import type { AdvanceBy } from '../policy/advance.ts';
import type { Gates } from '../policy/gates/settings.ts';
import { GatesRule } from './gates-rule.ts';
import { METRICS, type SimulatedMetric } from './metrics.ts';
import { type Ceilings, Ramp } from './ramp.ts';
import type { Random } from './random.ts';
import type { Scope, Stop } from './rule.ts';
import { atMost, mean, quantile, share, tally } from './summary.ts';
import { changeHour, harmedLanes, type World } from './world.ts';

export interface SimulateJob {
  readonly ceilings: Ceilings;
  readonly world: World;
  readonly gates: Gates;
  /** Of each lane, where providers have gates of their own; absent: `gates`. */
  readonly laneGates?: readonly Gates[] | undefined;
  /** How much mail a stage needs; absent: as in a gated plan. */
  readonly advance?: AdvanceBy | undefined;
}

export interface SimulatedRun {
  /** Days of the slowest lane; null where it never ended. */
  readonly days: number | null;
  readonly sent: number;
  readonly events: readonly number[];
  readonly stops: readonly { readonly day: number; readonly scope: Scope; readonly metric: string }[];
  /** Stops while nothing was wrong. */
  readonly falseStops: number;
  /** Hours from the change to the first stop of a lane it hits; null: never, or nothing changes. */
  readonly delay: number | null;
  /** Mail to the lanes that are hit, from the change until each was stopped. */
  readonly harmful: number;
}

/** A ramp is given up after this many times its plan. */
const PATIENCE = 3;

export function simulateOnce(
  { ceilings, world, gates, laneGates, advance }: SimulateJob,
  random: Random,
): SimulatedRun {
  const feeds = world.lanes.map((lane) => lane.feedback);
  const ramp = new Ramp(ceilings, world, new GatesRule(gates, feeds, { lanes: laneGates, advance }), random);
  const change = changeHour(world);
  const open = new Set(harmedLanes(world));
  const until = PATIENCE * 24 * Math.max(...ceilings.map((row) => row.length));
  let [delay, harmful, falseStops]: [number | null, number, number] = [null, 0, 0];
  while (!ramp.done && ramp.hour < until) {
    const { hour } = ramp;
    const stops = ramp.next();
    if (hour < change) {
      falseStops += stops.length;
      continue;
    }
    for (const lane of open) harmful += ramp.mail[lane] ?? 0;
    for (const stop of stops) {
      if (stop.lanes.some((lane) => open.has(lane))) delay ??= hour - change + 1;
      for (const lane of stop.lanes) open.delete(lane);
    }
  }
  return {
    days: ramp.done ? Math.max(...ramp.finished) : null,
    sent: ramp.sent,
    events: [...ramp.events],
    stops: ramp.stops.map(({ hour, stop }) => told(hour, stop)),
    falseStops,
    delay,
    harmful,
  };
}

function told(hour: number, stop: Stop) {
  return { day: 1 + Math.floor(hour / 24), scope: stop.scope, metric: stop.metric };
}

export interface Simulation {
  readonly runs: number;
  /** Days of the slowest lane, over the ramps that ended. */
  readonly days: { readonly planned: number; readonly median: number; readonly p95: number };
  /** Share of ramps that ended within three times the plan. */
  readonly finished: number;
  /** Messages a ramp, and what became of them. */
  readonly mail: { readonly sent: number } & Readonly<Record<SimulatedMetric, number>>;
  /** Share of ramps with a stop while nothing was wrong; `atMost`: upper end of its 95% interval. */
  readonly falseStops: { readonly share: number; readonly atMost: number };
  /** Stops a ramp by scope and metric, all of them. */
  readonly stops: Readonly<Record<string, number>>;
  /** Only where something changes. `missed`: share of ramps that never stopped a lane it hits. */
  readonly harm: {
    readonly fromDay: number;
    readonly missed: number;
    readonly delayHours: { readonly median: number; readonly p95: number };
    readonly mail: { readonly mean: number; readonly p95: number };
  } | null;
}

/** Sums simulated runs up. */
export function summarise(runs: readonly SimulatedRun[], { ceilings, world }: SimulateJob): Simulation {
  const days = runs.flatMap((run) => run.days ?? []);
  const stopped = runs.filter((run) => run.falseStops > 0).length;
  const per = (metric: number) => mean(runs.map((run) => run.events[metric] ?? 0));
  const counts = tally(runs.flatMap((run) => run.stops.map(({ scope, metric }) => `${scope}: ${metric}`)));
  const hit = harmedLanes(world).length > 0;
  const delays = runs.flatMap((run) => run.delay ?? []);
  return {
    runs: runs.length,
    days: {
      planned: Math.max(...ceilings.map((row) => row.length)),
      median: quantile(days, 0.5),
      p95: quantile(days, 0.95),
    },
    finished: share(days.length, runs.length),
    mail: {
      sent: mean(runs.map((run) => run.sent)),
      ...(Object.fromEntries(METRICS.map((metric, index) => [metric, per(index)])) as Record<SimulatedMetric, number>),
    },
    falseStops: { share: share(stopped, runs.length), atMost: atMost(stopped, runs.length) },
    stops: Object.fromEntries(Object.entries(counts).map(([what, count]) => [what, count / runs.length])),
    harm: hit
      ? {
          fromDay: 1 + changeHour(world) / 24,
          missed: share(runs.length - delays.length, runs.length),
          delayHours: { median: quantile(delays, 0.5), p95: quantile(delays, 0.95) },
          mail: {
            mean: mean(runs.map((run) => run.harmful)),
            p95: quantile(
              runs.map((run) => run.harmful),
              0.95,
            ),
          },
        }
      : null,
  };
}
