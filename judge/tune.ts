/**
 * Finds the best settings of plain thresholds, metric by metric, at a given share of healthy ramps stopped: the strongest
 * rival one can make of them, because it is fitted to the very worlds it will be judged in (on other seeds). Real senders
 * have no such tuning.
 */
import { CalendarMail } from './calendar.ts';
import { type Cell, HARM_DAYS, HORIZON } from './harms.ts';
import { METRICS } from './metrics.ts';
import { Nature } from './nature.ts';
import type { Ceilings } from './ramp.ts';
import type { Random } from './random.ts';
import { firstExceeded, highestRates, placeOf, SETTINGS } from './thresholds.ts';
import type { World } from './world.ts';

/** Parts of the allowed false stops a lane's setting may have; the rest is the pooled one's. 1: there is no pooled one. */
export const PARTS = [1, 0.75, 0.5, 0.25] as const;

/** Thresholds: metric × [lane, pooled] × part × setting, flat. */
export type Thresholds = Float64Array;

export function thresholdAt(metric: number, pooled: boolean, part: number, setting: number): number {
  return ((metric * 2 + (pooled ? 1 : 0)) * PARTS.length + part) * SETTINGS.length + setting;
}

/** Highest rates of one healthy ramp. */
export function healthyRates(ceilings: Ceilings, world: World, random: Random): Float64Array {
  const mail = new CalendarMail(ceilings);
  const hours = 24 * Math.max(...ceilings.map((row) => row.length));
  mail.play(new Nature(world, random), 0, hours);
  return highestRates(mail, hours);
}

/** The thresholds that stop `share` of these healthy ramps, split evenly over the metrics. */
export function thresholdsFor(ramps: readonly Float64Array[], share: number): Thresholds {
  const found = new Float64Array(METRICS.length * 2 * PARTS.length * SETTINGS.length);
  for (let metric = 0; metric < METRICS.length; metric++) {
    for (const pooled of [false, true]) {
      for (let setting = 0; setting < SETTINGS.length; setting++) {
        const place = placeOf(metric, pooled) + setting;
        const rates = Float64Array.from(ramps, (one) => one[place] ?? 0).sort();
        PARTS.forEach((part, index) => {
          const mine = pooled && part < 1 ? 1 - part : part;
          const stopped = Math.floor((share / METRICS.length) * mine * rates.length);
          found[thresholdAt(metric, pooled, index, setting)] = rates[rates.length - 1 - stopped] ?? 0;
        });
      }
    }
  }
  return found;
}

/** Mail sent to harmed lanes, summed over seeds: cell × setting, and cell × part × lane setting × pooled setting. */
export interface TrainingHarm {
  readonly single: Float64Array;
  readonly pair: Float64Array;
}

export function newTrainingHarm(cells: number): TrainingHarm {
  const count = SETTINGS.length;
  return {
    single: new Float64Array(cells * count),
    pair: new Float64Array(cells * (PARTS.length - 1) * count * count),
  };
}

export interface CellPlay {
  readonly index: number;
  readonly cell: Cell;
  /** Hour of the change and the end of the horizon. */
  readonly from: number;
  readonly until: number;
}

/** Plays one seed's history and every harm that forks off it; sums in `mail` are valid until the next call of `each`. */
export function playCells(
  mail: CalendarMail,
  healthy: World,
  cells: readonly Cell[],
  random: Random,
  each: (play: CellPlay) => void,
): void {
  const nature = new Nature(healthy, random);
  let hour = 0;
  // A harm overwrites the sums after its change, and the healthy history goes on to overwrite those.
  for (const day of HARM_DAYS) {
    const from = (day - 1) * 24;
    mail.play(nature, hour, from);
    hour = from;
    cells.forEach((cell, index) => {
      if (cell.fromDay !== day) return;
      mail.play(nature.fork(cell.world, from), from, from + HORIZON);
      each({ index, cell, from, until: from + HORIZON });
    });
  }
}

/** Adds one training seed. */
export function trainSeed(
  into: TrainingHarm,
  mail: CalendarMail,
  healthy: World,
  cells: readonly Cell[],
  thresholds: Thresholds,
  random: Random,
): void {
  const count = SETTINGS.length;
  playCells(mail, healthy, cells, random, ({ index, cell, from, until }) => {
    const metric = harmedMetric(cell);
    const own = cell.harmed.map((lane) => stopsOf(mail, metric, lane, false, thresholds, from, until));
    const pooled = stopsOf(mail, metric, mail.lanes, true, thresholds, from, until);
    for (let setting = 0; setting < count; setting++) {
      let sum = 0;
      cell.harmed.forEach((lane, at) => {
        sum += sentUntil(mail, lane, from, own[at]?.[setting] ?? until, until);
      });
      into.single[index * count + setting] = (into.single[index * count + setting] ?? 0) + sum;
    }
    for (let part = 1; part < PARTS.length; part++) {
      cell.harmed.forEach((lane, at) => {
        const sent = mail.sent[lane] as Int32Array;
        const before = sent[from] ?? 0;
        const mine = own[at] as Int32Array;
        for (let a = 0; a < count; a++) {
          const first = mine[part * count + a] ?? until;
          const place = ((index * (PARTS.length - 1) + part - 1) * count + a) * count;
          for (let b = 0; b < count; b++) {
            const stop = Math.min(first, pooled[part * count + b] ?? until, until);
            into.pair[place + b] = (into.pair[place + b] ?? 0) + (sent[stop] ?? 0) - before;
          }
        }
      });
    }
  });
}

/** Hours at which each part × setting would stop a series. */
function stopsOf(
  mail: CalendarMail,
  metric: number,
  series: number,
  pooled: boolean,
  thresholds: Thresholds,
  from: number,
  until: number,
): Int32Array {
  const events = mail.events[metric * (mail.lanes + 1) + series] as Int32Array;
  const sent = mail.sent[series] as Int32Array;
  const hours = new Int32Array(PARTS.length * SETTINGS.length);
  for (let part = pooled ? 1 : 0; part < PARTS.length; part++) {
    SETTINGS.forEach((setting, index) => {
      const threshold = thresholds[thresholdAt(metric, pooled, part, index)] ?? 0;
      hours[part * SETTINGS.length + index] = firstExceeded(events, sent, setting, threshold, from, until);
    });
  }
  return hours;
}

/** Mail of a lane from the change to a stop. */
export function sentUntil(mail: CalendarMail, lane: number, from: number, stop: number, until: number): number {
  const sent = mail.sent[lane];
  return (sent?.[Math.min(stop, until)] ?? 0) - (sent?.[from] ?? 0);
}

/** The metric a cell harms, as an index. */
export function harmedMetric(cell: Cell): number {
  const event = cell.world.events[0];
  return event === undefined ? 0 : METRICS.indexOf(event.metric);
}

/** The settings chosen for one metric: indexes into SETTINGS, with their thresholds. */
export interface Chosen {
  readonly single: { readonly setting: number; readonly threshold: number };
  readonly pair: {
    readonly lane: { readonly setting: number; readonly threshold: number };
    readonly pooled: { readonly setting: number; readonly threshold: number };
    readonly part: number;
  };
}

/** The best by the geometric mean of harmful mail over the cells of each metric; metrics no cell harms take the first's. */
export function choose(harm: TrainingHarm, cells: readonly Cell[], thresholds: Thresholds): Chosen[] {
  const count = SETTINGS.length;
  return METRICS.map((_, metric) => {
    const mine = cells.flatMap((cell, index) => (harmedMetric(cell) === metric ? [index] : []));
    const best = (size: number, value: (cell: number, at: number) => number) => {
      let [least, found] = [Number.POSITIVE_INFINITY, 0];
      for (let at = 0; at < size; at++) {
        let sum = 0;
        for (const cell of mine) sum += Math.log(1 + value(cell, at));
        if (sum < least) [least, found] = [sum, at];
      }
      return found;
    };
    const pairs = (PARTS.length - 1) * count * count;
    const single = best(count, (cell, at) => harm.single[cell * count + at] ?? 0);
    const pair = best(pairs, (cell, at) => harm.pair[cell * pairs + at] ?? 0);
    const part = 1 + Math.floor(pair / (count * count));
    const lane = Math.floor(pair / count) % count;
    const pooled = pair % count;
    const at = (isPooled: boolean, which: number, setting: number) => ({
      setting,
      threshold: thresholds[thresholdAt(metric, isPooled, which, setting)] ?? 0,
    });
    return {
      single: at(false, 0, single),
      pair: { lane: at(false, part, lane), pooled: at(true, part, pooled), part: PARTS[part] ?? 1 },
    };
  });
}
