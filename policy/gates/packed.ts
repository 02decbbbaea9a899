/**
 * A detector as it is stored: arrays in place of names, days counted from the first, trials that wait to a tenth.
 * Under 1 kB with a week of days (20 bytes a day beyond it), because every lane has five of them and every evaluation
 * rewrites those that changed.
 */
import { type Cohort, type Detector, likelihoodRatio, newDetector } from './cusum.ts';
import type { Level } from './levels.ts';

/** Numbers of a packed cohort: campaign, day, part, k, n, trials that wait. */
const FIELDS = 6;

export interface PackedDetector {
  readonly w: number;
  /** Days below are counted from this one. */
  readonly day: number;
  /** FIELDS numbers a cohort: the merged one, then the open ones. */
  readonly cohorts: readonly number[];
  readonly since: readonly (readonly [number, number])[];
  /** [day, k, n, trials that wait] */
  readonly days: readonly (readonly [number, number, number, number])[];
}

/** Never -0, which is stored as 0. */
const rounded = (value: number, per = 10) => Math.round(value * per) / per + 0;

/** The detector as JSON. */
export function packDetector(d: Detector): PackedDetector {
  const base = (d.cohorts[0] ?? d.days[0] ?? d.merged).day;
  const packed = (one: Cohort) => [one.campaign, one.day - base, one.part, one.k, one.n, rounded(one.n - one.e)];
  return {
    w: rounded(d.w, 1e4),
    day: base,
    cohorts: [d.merged, ...d.cohorts].flatMap(packed),
    since: d.since.map((one) => [one.campaign, rounded(one.w, 100)]),
    days: d.days.map((one) => [one.day - base, one.k, one.n, rounded(one.n - one.e)]),
  };
}

/** The detector again; its cohorts' ratios follow from their counts. Days its level does not look back to any more are left out. */
export function unpackDetector(packed: PackedDetector, level: Level): Detector {
  const cohortAt = (index: number): Cohort => {
    const [campaign = 0, day = 0, part = 0, k = 0, n = 0, waits = 0] = packed.cohorts.slice(index * FIELDS);
    const e = n - waits;
    return { campaign, day: day + packed.day, part, k, n, e, l: likelihoodRatio(k, e, level), counted: { k, e } };
  };
  const open = Math.max(0, packed.cohorts.length / FIELDS - 1);
  return {
    ...newDetector(),
    w: packed.w,
    cohorts: Array.from({ length: open }, (_, index) => cohortAt(index + 1)),
    merged: cohortAt(0),
    since: packed.since.map(([campaign, w]) => ({ campaign, w })),
    days: packed.days
      .slice(-level.lookbackDays)
      .map(([day, k, n, waits]) => ({ day: day + packed.day, k, n, e: n - waits })),
  };
}
