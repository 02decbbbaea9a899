/**
 * A plan of a running ramp is edited: what was executed stays. A lane keeps its row up to and including the stage it
 * stands at; of the new row follow the stages above it. The seam is ours and nobody's schedule, so it is always capped.
 */
import { slowed } from './growth.ts';
import { type GrowthCap, type Plan, rowOf, SEGMENTS, type Stage } from './model.ts';

/** Where a lane stands: `stage` from 0; `done`: its plan is behind it (it graduates, or is warm). */
export interface Standing {
  readonly provider: string;
  readonly stage: number;
  readonly done: boolean;
}

/** The new plan as these lanes continue with it: a row for each, and the new plan's own for anybody else. */
export function splicePlan(old: Plan, fresh: Plan, lanes: readonly Standing[]): Plan {
  const rows: Record<string, readonly Stage[]> = { ...fresh.rows };
  for (const { provider, stage, done } of lanes) {
    const before = rowOf(old, provider);
    rows[provider] = done ? before : spliceRow(before, stage, rowOf(fresh, provider), provider, fresh.cap);
  }
  // The days of a ramp are what it has now, executed ones included: a longer row is no surprise of a bound.
  const days = Math.max(...lanes.map(({ provider }) => rows[provider]?.length ?? 0), fresh.days);
  // The ramp keeps its windows: they were fixed when it started.
  const { calendar: _, ...rest } = fresh;
  return { ...rest, rows, days, ...(old.calendar === undefined ? {} : { calendar: old.calendar }) };
}

function spliceRow(
  before: readonly Stage[],
  stage: number,
  after: readonly Stage[],
  provider: string,
  cap: GrowthCap | undefined,
): Stage[] {
  const kept = before.slice(0, Math.min(stage, before.length - 1) + 1);
  const here = kept.at(-1);
  if (here === undefined) return [...after];
  // Recipients never narrow within a ramp: those who got its mail already are no stranger to it.
  const widest = (segment: Stage['segment']) =>
    SEGMENTS.indexOf(segment) < SEGMENTS.indexOf(here.segment) ? here.segment : segment;
  const rest = after
    .filter(({ ceiling }) => ceiling > here.ceiling)
    .map(({ ceiling, segment }) => ({ ceiling, segment: widest(segment) }));
  const [first, ...others] = rest;
  if (first === undefined) return kept;
  return [...kept, ...slowed([here, first], provider, cap).slice(1), ...others];
}
