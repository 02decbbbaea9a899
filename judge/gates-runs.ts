/**
 * The shipped gates in every cell. One healthy ramp a seed is played to its end; at each day of change it forks into the
 * worlds in which something goes wrong from then on, so that the same history is not played sixteen times.
 */
import type { Gates } from '../policy/gates/settings.ts';
import { GatesRule } from './gates-rule.ts';
import { type Cell, HARM_DAYS, HORIZON } from './harms.ts';
import { METRICS } from './metrics.ts';
import { type Ceilings, Ramp } from './ramp.ts';
import type { Random } from './random.ts';
import type { Rule } from './rule.ts';
import type { World } from './world.ts';

/** A ramp that has not ended after so many days never will. */
export const LONGEST = 120;

export interface HealthyRun {
  /** Days of the slowest lane; LONGEST where it never ended. */
  readonly days: number;
  readonly stops: readonly { readonly scope: string; readonly metric: string; readonly hour: number }[];
}

export interface HarmRun {
  /** Mail that harmed lanes sent from the change until they were stopped (or the horizon). */
  readonly mail: number;
  /** Hours until the first stop; null: not within the horizon. */
  readonly hours: number | null;
}

/** One seed: how its healthy ramp went, and every cell that forks off it. */
export function playSeed(
  rule: Rule,
  ceilings: Ceilings,
  healthy: World,
  cells: readonly Cell[],
  random: Random,
): { healthy: HealthyRun; harms: HarmRun[] } {
  const ramp = new Ramp(ceilings, healthy, rule, random);
  const harms: HarmRun[] = new Array(cells.length);
  while (!ramp.done && ramp.hour < LONGEST * 24) {
    if (ramp.hour % 24 === 0 && HARM_DAYS.includes((ramp.hour / 24 + 1) as never)) {
      cells.forEach((cell, index) => {
        if ((cell.fromDay - 1) * 24 === ramp.hour) harms[index] = playHarm(ramp, cell);
      });
    }
    ramp.next();
  }
  const stops = ramp.stops.map(({ hour, stop }) => ({ scope: stop.scope, metric: stop.metric, hour }));
  return { healthy: { days: ramp.done ? Math.max(...ramp.finished) : LONGEST, stops }, harms };
}

/** From a change on, until every harmed lane was stopped. A campaign that is suspended everywhere stops them all. */
function playHarm(healthy: Ramp, cell: Cell): HarmRun {
  const ramp = healthy.fork(cell.world);
  const open = new Set(cell.harmed);
  let mail = 0;
  let hours: number | null = null;
  for (let hour = 0; hour < HORIZON && open.size > 0; hour++) {
    const stops = ramp.next();
    for (const lane of open) mail += ramp.mail[lane] ?? 0;
    for (const stop of stops) {
      if (stop.lanes.some((lane) => open.has(lane))) hours ??= hour + 1;
      for (const lane of stop.lanes) open.delete(lane);
    }
  }
  return { mail, hours };
}

/** Highest sums of one healthy ramp under gates that look and never stop, [lane…, address…] by metric, and its length. */
export function playBlind(
  gates: Gates,
  ceilings: Ceilings,
  world: World,
  random: Random,
): { heights: number[]; days: number } {
  const rule = new GatesRule(
    gates,
    world.lanes.map((lane) => lane.feedback),
    { blind: true },
  );
  const ramp = new Ramp(ceilings, world, rule, random);
  while (!ramp.done && ramp.hour < LONGEST * 24) ramp.next();
  return {
    heights: [...rule.heights.lane, ...rule.heights.address],
    days: ramp.done ? Math.max(...ramp.finished) : LONGEST,
  };
}

/** Share of blind ramps whose sums reached these heights. */
export function falseStopShare(runs: readonly { heights: number[] }[], lane: number, address: number): number {
  const count = METRICS.length;
  const stopped = runs.filter(({ heights }) => heights.some((w, at) => w >= (at < count ? lane : address)));
  return stopped.length / Math.max(1, runs.length);
}
