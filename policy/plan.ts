/**
 * Plans: the daily ceilings of a lane, stage by stage. A plan is data that is drawn up once, at the start of a ramp, and
 * kept with it; a later change of these rules never changes a running ramp.
 */
import { DEFAULTS } from './defaults.ts';
import { PROVIDERS } from './providers.ts';

/** Who may receive a cold lane's mail: recipients who engaged within so many days. */
export type Segment = 'engaged-30d' | '60d' | '90d' | 'all';

/** One day of a plan: `ceiling` in messages a day. */
export interface Stage {
  readonly ceiling: number;
  readonly segment: Segment;
}

/** What moves a lane to its next stage: the date, a day with mail, a stage's volume sent, or passed gates. */
export type AdvanceMode = 'calendar' | 'send-days' | 'volume-stage' | 'gated';

export interface Plan {
  readonly name: string;
  readonly source: string;
  readonly advance: AdvanceMode;
  readonly overflow: 'warm-peers';
  /** Days asked for. A row is longer where a growth bound binds. */
  readonly days: number;
  /** Stages by provider key; `default` serves every provider without a row. */
  readonly rows: Readonly<Record<string, readonly Stage[]>>;
}

export interface PlanInput {
  /** First day's ceiling, messages a day. */
  readonly start: number;
  /** Last stage's ceiling by provider key, messages a day; `default` is required. */
  readonly targets: Readonly<Record<string, number>>;
  readonly days?: number;
}

export class PlanError extends Error {
  readonly code: 'unknown-plan' | 'bad-input';

  constructor(code: 'unknown-plan' | 'bad-input', message: string) {
    super(message);
    this.name = 'PlanError';
    this.code = code;
  }
}

const SEGMENTS: readonly Segment[] = ['engaged-30d', '60d', '90d', 'all'];

interface Shape {
  readonly name: string;
  readonly days: number;
  /** Days after which the segment widens to 60d, 90d and all; they scale when other `days` are asked for. */
  readonly widenAfter: readonly [number, number, number];
}

/** Recipients widen later than at other senders' plans: complaints of the unengaged are what stops a ramp. */
const SHAPES: readonly Shape[] = [
  { name: 'six-week', days: 42, widenAfter: [14, 21, 28] },
  { name: 'four-week', days: 28, widenAfter: [10, 15, 20] },
];

/** 42 days, engaged recipients only for the first 14. */
export function sixWeek(input: PlanInput): Plan {
  return planNamed('six-week', input);
}

/** 28 days, engaged recipients only for the first 10. */
export function fourWeek(input: PlanInput): Plan {
  return planNamed('four-week', input);
}

/** Draws up a plan. Throws PlanError `unknown-plan` (the message says which exist) or `bad-input`. */
export function planNamed(name: string, input: PlanInput): Plan {
  const shape = SHAPES.find((candidate) => candidate.name === name);
  if (shape === undefined) {
    const known = SHAPES.map((candidate) => candidate.name).join(', ');
    throw new PlanError('unknown-plan', `no plan is called "${name}": choose one of ${known}`);
  }
  const days = input.days ?? shape.days;
  const fallback = checkInput(input, days);

  // Providers with their own growth bound need their own row even when nobody named a target for them: the default row
  // would let them grow faster.
  const targets = new Map(PROVIDERS.filter((provider) => provider.maxGrowth).map(({ key }) => [key, fallback]));
  for (const [key, target] of Object.entries(input.targets)) targets.set(key, target);

  const rows: Record<string, Stage[]> = {};
  for (const [key, target] of targets) {
    const bound = PROVIDERS.find((provider) => provider.key === key)?.maxGrowth;
    const ceilings = curve(input.start, target, days, bound === undefined ? growthBound : () => bound);
    rows[key] = ceilings.map((ceiling, index) => ({ ceiling, segment: segmentOf(index, shape, days) }));
  }
  return {
    name,
    source:
      'geometric from start to target; growth bounded after the bulk sender guidelines (support.google.com/a/answer/81126)',
    advance: 'gated',
    overflow: 'warm-peers',
    days,
    rows,
  };
}

/**
 * Daily ceilings (whole messages) from `start` to exactly `target`, geometric over `days`, in two significant digits,
 * never falling. No day exceeds the day before times `maxGrowth(day before)`, but may always exceed it by one message;
 * where that binds, the curve is longer than `days`.
 */
export function curve(
  start: number,
  target: number,
  days: number,
  maxGrowth: (ceiling: number) => number = growthBound,
): number[] {
  const last = Math.max(1, Math.round(target));
  const first = Math.max(1, Math.round(start));
  if (last <= first) return [last];

  const growth = (last / first) ** (1 / Math.max(1, days - 1));
  const ceilings = [first];
  let ideal = first;
  for (let previous = first; previous < last || ceilings.length < days; ) {
    ideal *= Math.min(growth, maxGrowth(ideal));
    // The ideal curve meets its target within rounding of the last multiplication, not exactly.
    const wanted = ideal >= last * (1 - 1e-9) ? last : Math.min(last, round2(ideal));
    const limit = Math.max(previous + 1, Math.floor(previous * maxGrowth(previous)));
    previous = Math.max(previous, wanted <= limit ? wanted : Math.max(previous + 1, floor2(limit)));
    ceilings.push(previous);
  }
  return ceilings;
}

/** The stage at an index (0 = first day); undefined past the end of the row. */
export function stageOf(plan: Plan, provider: string, index: number): Stage | undefined {
  return rowOf(plan, provider)[index];
}

/** How many stages a provider's row has. */
export function stageCount(plan: Plan, provider: string): number {
  return rowOf(plan, provider).length;
}

/** What is wrong with a plan, in words; empty when nothing is. Plans may come from a configuration file. */
export function checkPlan(plan: Plan): string[] {
  const problems = Object.hasOwn(plan.rows, 'default') ? [] : ['no row "default" for the providers without one'];
  for (const [provider, row] of Object.entries(plan.rows)) {
    if (row.length === 0) problems.push(`${provider}: no stages`);
    row.forEach((stage, index) => {
      const where = `${provider}, day ${index + 1}`;
      const before = row[index - 1];
      if (!Number.isInteger(stage.ceiling) || stage.ceiling < 1) {
        problems.push(`${where}: ceiling ${stage.ceiling} is not a whole number of at least 1`);
      }
      if (!SEGMENTS.includes(stage.segment)) problems.push(`${where}: unknown segment "${stage.segment}"`);
      if (before === undefined) return;
      if (stage.ceiling < before.ceiling)
        problems.push(`${where}: ceiling falls from ${before.ceiling} to ${stage.ceiling}`);
      if (SEGMENTS.indexOf(stage.segment) < SEGMENTS.indexOf(before.segment)) {
        problems.push(`${where}: segment narrows from ${before.segment} to ${stage.segment}`);
      }
    });
  }
  return problems;
}

/** Rows that a growth bound made longer than the days asked for, in words. */
export function lengthenedRows(plan: Plan): string[] {
  return Object.entries(plan.rows)
    .filter(([, row]) => row.length > plan.days)
    .map(
      ([provider, row]) =>
        `${provider}: ${row.length} days, ${row.length - plan.days} more than ${plan.days}, because daily growth is bounded`,
    );
}

/**
 * Ceiling of a first day that begins late: with fewer sending hours left than a full day needs, its share of the stage
 * (a whole number, at least 1). Hours are plan hours of sending.
 */
export function prorate(stage: Stage, hoursLeft: number, hoursInDay: number): number {
  if (hoursLeft >= DEFAULTS.fullDayHours || hoursLeft >= hoursInDay) return stage.ceiling;
  return Math.max(1, Math.floor((stage.ceiling * hoursLeft) / hoursInDay));
}

/** Google warns that doubling at once brings limits; large lanes take small steps. */
function growthBound(ceiling: number): number {
  return ceiling <= 10_000 ? 1.5 : 1.25;
}

/** Provider keys come from MX answers and files: "constructor" must not find Object's. */
function rowOf(plan: Plan, provider: string): readonly Stage[] {
  return (Object.hasOwn(plan.rows, provider) ? plan.rows[provider] : plan.rows.default) ?? [];
}

function segmentOf(index: number, shape: Shape, days: number): Segment {
  const passed = shape.widenAfter.filter((after) => index >= Math.round((after * days) / shape.days));
  return SEGMENTS[passed.length] ?? 'all';
}

/** Returns the default target; throws PlanError `bad-input`. */
function checkInput(input: PlanInput, days: number): number {
  const fallback = Object.hasOwn(input.targets, 'default') ? input.targets.default : undefined;
  if (fallback === undefined) throw new PlanError('bad-input', 'name a target for "default", in messages a day');
  if (!(input.start >= 1 && Number.isFinite(input.start))) {
    throw new PlanError('bad-input', `start with at least 1 message a day, not ${input.start}`);
  }
  if (!Number.isInteger(days) || days < 1)
    throw new PlanError('bad-input', `${days} days is not a whole number above 0`);
  for (const [provider, target] of Object.entries(input.targets)) {
    if (!(target >= 0 && Number.isFinite(target))) {
      throw new PlanError('bad-input', `the target of ${provider} is ${target}: give messages a day`);
    }
  }
  return fallback;
}

/** Two significant digits; whole below 100. */
function round2(value: number): number {
  const unit = unitOf(value);
  return Math.round(value / unit) * unit;
}

function floor2(value: number): number {
  const unit = unitOf(value);
  return Math.floor(value / unit) * unit;
}

function unitOf(value: number): number {
  return 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
}
