/**
 * Plans people write themselves, in rampart.config.ts or a file of their own: rows of ceilings, percents of a target, or
 * a curve. What can not be meant is said with its row and stage; growth over the cap is told apart (growth.ts).
 */
import { DEFAULTS } from '../defaults.ts';
import type { GateOptions } from '../gates/settings.ts';
import { capGrowth } from './growth.ts';
import {
  type AdvanceMode,
  checkPlan,
  type GrowthCap,
  type Plan,
  type PlanCalendar,
  PlanError,
  type PlanInput,
  SEGMENTS,
  type Segment,
  type Stage,
} from './model.ts';
import { ofTarget } from './percent.ts';
import { planNamed } from './presets.ts';
import { figureFor, ROW_KEYS } from './targets.ts';

/** A stage as people write it: a figure, or one with its segment. */
export type OwnStage = number | { readonly ceiling: number; readonly segment?: Segment | undefined };

/** Exactly one of `rows`, `percent` (of `target`) and `target` with `days` or `growth` (a curve). */
export interface OwnPlan {
  readonly rows?: Readonly<Record<string, readonly OwnStage[]>> | undefined;
  readonly percent?: readonly number[] | undefined;
  readonly target?: number | Readonly<Record<string, number>> | undefined;
  readonly start?: number | undefined;
  readonly days?: number | undefined;
  readonly growth?: number | undefined;
  readonly advance?: AdvanceMode | undefined;
  readonly stageShare?: number | undefined;
  /** Stages after which the segment widens to 60d, 90d and all, where a stage names none; absent: all recipients. */
  readonly widenAfter?: readonly [number, number, number] | undefined;
  readonly maxGrowth?: GrowthCap | undefined;
  /** Stages are put in where it would grow too fast. */
  readonly capped?: boolean | undefined;
  readonly calendar?: PlanCalendar | undefined;
  readonly gates?: GateOptions | undefined;
  readonly source?: string | undefined;
}

/** Draws an own plan up; a target given now (`input`) wins over the written one. Throws PlanError `bad-input`. */
export function drawOwn(name: string, own: OwnPlan, input: PlanInput = {}): Plan {
  const wrong = shapeProblems(own);
  if (wrong.length > 0) throw new PlanError('bad-input', `plan ${name}: ${wrong.join('; ')}`);
  for (const option of ['start', 'days', 'growth', 'shares'] as const) {
    if (input[option] !== undefined)
      throw new PlanError(
        'bad-input',
        `plan ${name} takes no --${option === 'shares' ? 'share' : option}: it says so itself`,
      );
  }
  const drawn = rowsOf(own, input);
  const plan: Plan = {
    name,
    source: own.source ?? 'your own configuration',
    advance: own.advance ?? 'gated',
    ...(own.stageShare === undefined ? {} : { stageShare: own.stageShare }),
    overflow: 'warm-peers',
    days: drawn.days,
    rows: drawn.rows,
    ...(own.maxGrowth === undefined ? {} : { cap: own.maxGrowth }),
    ...(own.calendar === undefined ? {} : { calendar: own.calendar }),
    ...(own.gates === undefined ? {} : { gates: own.gates }),
  };
  const problems = checkPlan(plan);
  if (problems.length > 0) throw new PlanError('bad-input', `plan ${name}: ${problems.join('; ')}`);
  return own.capped === true ? capGrowth(plan) : plan;
}

/** What is wrong with an own plan, in words; empty when it can be drawn up. */
export function ownProblems(name: string, own: OwnPlan): string[] {
  try {
    drawOwn(name, own);
    return [];
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    return error.message.replace(`plan ${name}: `, '').split('; ');
  }
}

function shapeProblems(own: OwnPlan): string[] {
  const problems: string[] = [];
  const { rows, percent, target } = own;
  if (rows === undefined && percent === undefined && target === undefined)
    problems.push('write rows: { default: [50, 100, …] }, or target and percent, or target and days');
  if (rows !== undefined && (percent !== undefined || target !== undefined))
    problems.push('it has rows and a target: write one of the two');
  if (percent !== undefined && target === undefined) problems.push('percent of what? add target: 20_000');
  if (own.stageShare !== undefined && own.advance !== 'volume-stage')
    problems.push("stageShare means something with advance: 'volume-stage' only");
  if (own.widenAfter?.some((after, at, all) => after < (all[at - 1] ?? 0)))
    problems.push(
      `widenAfter goes back (${own.widenAfter.join(', ')}): recipients widen to 60d, 90d and all in that order`,
    );
  const curve = rows === undefined && percent === undefined;
  for (const option of ['start', 'days', 'growth'] as const) {
    if (!curve && own[option] !== undefined) problems.push(`${option} belongs to a curve: leave it out`);
  }
  for (const key of [...Object.keys(rows ?? {}), ...(typeof target === 'object' ? Object.keys(target) : [])]) {
    if (!ROW_KEYS.includes(key)) problems.push(`no provider is called "${key}": choose among ${ROW_KEYS.join(', ')}`);
  }
  if (typeof target === 'object' && !Object.hasOwn(target, 'default')) problems.push('target names no "default"');
  percent?.forEach((share, index) => {
    const where = `percent, stage ${index + 1}`;
    if (!(share > 0 && share <= 100)) problems.push(`${where}: ${share} is not above 0 and at most 100`);
    const before = percent[index - 1];
    if (before !== undefined && share < before)
      problems.push(`${where}: falls from ${before} to ${share}: no percent may be below the one before`);
  });
  return problems;
}

function rowsOf(own: OwnPlan, input: PlanInput): { readonly rows: Record<string, Stage[]>; readonly days: number } {
  const targets = input.targets ?? (typeof own.target === 'object' ? own.target : { default: own.target ?? 1 });
  if (own.rows !== undefined) {
    const written = own.rows;
    const keys = new Set([...Object.keys(written), ...Object.keys(input.targets ?? {})]);
    const rows: Record<string, Stage[]> = {};
    for (const key of keys) {
      const row = (Object.hasOwn(written, key) ? written[key] : written.default) ?? [];
      rows[key] = upTo(staged(row, own), figureFor(input.targets, key));
    }
    return { rows, days: Math.max(0, ...Object.values(rows).map((row) => row.length)) };
  }
  if (own.percent !== undefined) {
    const { percent } = own;
    const entries = Object.entries(targets).map(([key, target]) => [key, staged(ofTarget(percent, target), own)]);
    return { rows: Object.fromEntries(entries), days: percent.length };
  }
  const { start, days, growth } = own;
  const curve = planNamed('geometric', {
    targets,
    ...(start === undefined ? {} : { start }),
    ...(days === undefined ? {} : { days }),
    ...(growth === undefined ? {} : { growth }),
  });
  if (own.widenAfter === undefined) return { rows: curve.rows as Record<string, Stage[]>, days: curve.days };
  const rows = Object.entries(curve.rows).map(([key, row]) => [
    key,
    staged(
      row.map((stage) => stage.ceiling),
      own,
    ),
  ]);
  return { rows: Object.fromEntries(rows), days: curve.days };
}

/** Written stages with the segment of each. */
function staged(row: readonly OwnStage[], { widenAfter }: OwnPlan): Stage[] {
  return row.map((stage, index) => {
    const passed = widenAfter?.filter((after) => index >= after).length ?? SEGMENTS.length - 1;
    const segment = SEGMENTS[passed] ?? 'all';
    if (typeof stage === 'number') return { ceiling: stage, segment };
    return { ceiling: stage.ceiling, segment: stage.segment ?? segment };
  });
}

/** A written row cut at a target: its last stage is the target, if the row goes that far. */
function upTo(row: readonly Stage[], target: number | undefined): Stage[] {
  if (target === undefined) return [...row];
  const last = Math.min(DEFAULTS.mostCeiling, Math.max(1, Math.round(target)));
  const end = row.findIndex((stage) => stage.ceiling >= last);
  const stage = row[end];
  return stage === undefined ? [...row] : [...row.slice(0, end), { ...stage, ceiling: last }];
}
