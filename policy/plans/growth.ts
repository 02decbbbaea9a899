/**
 * Growth caps: how much a lane's ceiling may rise from one stage to the next. Google's guidelines warn that doubling at
 * once brings limits (support.google.com/a/answer/81126), and where a provider tells nobody of complaints, growth is all
 * there is to be careful with. Vendors' schedules do not keep to this: a plan is checked, and repaired only when asked.
 */
import { DEFAULTS } from '../defaults.ts';
import { PROVIDERS } from '../providers.ts';
import { roundBelow } from './curve.ts';
import { type GrowthCap, type Plan, rowOf, type Stage } from './model.ts';

export interface FastStage {
  /** From 1. */
  readonly stage: number;
  readonly from: number;
  readonly to: number;
  /** Largest ceiling the cap allows after `from`. */
  readonly allowed: number;
}

export interface FastRow {
  readonly provider: string;
  readonly stages: readonly FastStage[];
  /** The provider's own bound is what binds, because it reports no complaints. */
  readonly unseen: boolean;
}

/** Largest ceiling after `ceiling` (messages a day): the cap's factor, the provider's own, and always one message more. */
export function mostAfter(ceiling: number, provider: string, cap: GrowthCap = DEFAULTS.growthCap): number {
  const factor = ceiling <= DEFAULTS.largeLane ? cap.small : cap.large;
  return Math.max(ceiling + 1, Math.floor(ceiling * Math.min(factor, boundOf(provider) ?? factor)));
}

/**
 * Stages that grow faster than the plan's cap, row by row. Providers with a bound of their own that follow the default
 * row are looked at apart; `providers` (default: all with such a bound) says which lanes there are.
 */
export function growthProblems(plan: Plan, providers?: readonly string[]): FastRow[] {
  return rowKeys(plan, providers).flatMap((provider) => {
    const stages = fastStages(rowOf(plan, provider), provider, plan.cap);
    return stages.length === 0 ? [] : [{ provider, stages, unseen: boundOf(provider) !== undefined }];
  });
}

/** `default: stage 3 grows from 100 to 500 (×5, at most 200), and 2 more: stages 5, 9`. */
export function growthText({ provider, stages, unseen }: FastRow): string {
  const [first, ...rest] = stages;
  if (first === undefined) return '';
  const why = unseen ? '; this provider reports no complaints' : '';
  const more = rest.length === 0 ? '' : `, and ${rest.length} more: ${listed(rest.map(({ stage }) => stage))}`;
  const factor = Number((first.to / first.from).toPrecision(3));
  const [from, to, allowed] = [first.from, first.to, first.allowed].map((figure) => figure.toLocaleString('en'));
  return `${provider}: stage ${first.stage} grows from ${from} to ${to} a day (×${factor}, at most ${allowed}${why})${more}`;
}

/** The same plan with stages put in wherever it grew faster than its cap; every figure it had stays. */
export function capGrowth(plan: Plan, providers?: readonly string[]): Plan {
  const rows: Record<string, readonly Stage[]> = { ...plan.rows };
  for (const provider of rowKeys(plan, providers)) rows[provider] = slowed(rowOf(plan, provider), provider, plan.cap);
  return { ...plan, rows };
}

/** A row with stages put in where it grew faster than the cap; those have the segment of the stage before them. */
export function slowed(row: readonly Stage[], provider: string, cap?: GrowthCap): Stage[] {
  const done: Stage[] = [];
  for (const stage of row) {
    for (let before = done.at(-1); before !== undefined; before = done.at(-1)) {
      const most = mostAfter(before.ceiling, provider, cap);
      if (stage.ceiling <= most) break;
      done.push({ ceiling: roundBelow(most, before.ceiling), segment: before.segment });
    }
    done.push(stage);
  }
  return done;
}

function fastStages(row: readonly Stage[], provider: string, cap: GrowthCap | undefined): FastStage[] {
  return row.flatMap(({ ceiling }, index) => {
    const before = row[index - 1];
    if (before === undefined) return [];
    const allowed = mostAfter(before.ceiling, provider, cap);
    return ceiling <= allowed ? [] : [{ stage: index + 1, from: before.ceiling, to: ceiling, allowed }];
  });
}

/** The plan's rows, and the providers that share its default row but not its bound. */
function rowKeys(plan: Plan, providers: readonly string[] | undefined): string[] {
  const lanes = providers ?? PROVIDERS.map(({ key }) => key);
  return [...new Set([...Object.keys(plan.rows), ...lanes.filter((key) => boundOf(key) !== undefined)])].filter(
    (key) => key === 'default' || providers === undefined || providers.includes(key),
  );
}

function boundOf(provider: string): number | undefined {
  return PROVIDERS.find(({ key }) => key === provider)?.maxGrowth;
}

function listed(stages: readonly number[]): string {
  const shown = stages.slice(0, 8).join(', ');
  return `${stages.length === 1 ? 'stage' : 'stages'} ${shown}${stages.length > 8 ? ', …' : ''}`;
}
