/**
 * What a plan is: the daily ceilings of a lane, stage by stage, and what moves a lane from one stage to the next. A plan
 * is data that is drawn up once, at the start of a ramp, and kept with it; a later change of these rules never changes a
 * running ramp.
 */
import { type Calendar, checkCalendar } from '../calendar.ts';
import { DEFAULTS } from '../defaults.ts';
import { type GateOptions, gateProblems } from '../gates/settings.ts';

/** Who may receive a cold lane's mail: recipients who engaged within so many days. Widening order. */
export const SEGMENTS = ['engaged-30d', '60d', '90d', 'all'] as const;
export type Segment = (typeof SEGMENTS)[number];

/** One stage of a plan: `ceiling` in messages a day. */
export interface Stage {
  readonly ceiling: number;
  readonly segment: Segment;
}

/**
 * What a stage needs besides gates that pass. No mode raises a lane on a failing, silent or insufficient gate, and none
 * raises it twice in a window: vendors' clocks run without gates, ours never do (policy/advance.ts).
 *
 * - `gated`: the window used 80% of its ceiling. The gates saw the stage at its full volume.
 * - `calendar`: nothing more. The plan goes on by date, also through a window with little mail or none.
 * - `send-days`: the window sent at least one message. Days without mail don't count.
 * - `volume-stage`: the stage's ceiling (or `stageShare` of it) was sent since the stage began, over one window or many.
 */
export const ADVANCE_MODES = ['gated', 'calendar', 'send-days', 'volume-stage'] as const;
export type AdvanceMode = (typeof ADVANCE_MODES)[number];

/** Largest factor from one stage's ceiling to the next: up to `DEFAULTS.largeLane` messages a day, and above. */
export interface GrowthCap {
  readonly small: number;
  readonly large: number;
}

/** Days and hours on which a plan's cold mail is sent, where they differ from the pool's: fixed when its ramp starts. */
export interface PlanCalendar {
  readonly zone?: string;
  /** ISO weekdays, 1 is Monday. */
  readonly sendDays?: readonly number[];
  /** Local hours, 0 to 24. */
  readonly sendHours?: { readonly from: number; readonly to: number };
}

export interface Plan {
  readonly name: string;
  /** Whose figures these are, with the page. */
  readonly source: string;
  /** How a vendor's figures became a lane's, and what the vendor does otherwise: for people. */
  readonly notes?: readonly string[];
  readonly advance: AdvanceMode;
  /** `volume-stage`: share of its ceiling that ends a stage; default 1. */
  readonly stageShare?: number;
  readonly overflow: 'warm-peers';
  /** Days asked for. A row is longer where a growth bound binds. */
  readonly days: number;
  /** Stages by provider key; `default` serves every provider without a row. */
  readonly rows: Readonly<Record<string, readonly Stage[]>>;
  /** Absent: DEFAULTS.growthCap. */
  readonly cap?: GrowthCap;
  readonly calendar?: PlanCalendar;
  /** What its lanes' gates do, where that differs from the shipped ones (gates/settings.ts). */
  readonly gates?: GateOptions;
}

/** What a plan is drawn up from. Presets with rows of their own take no `start`, `days` or `growth`. */
export interface PlanInput {
  /** First day's ceiling, messages a day; default DEFAULTS.planStart. */
  readonly start?: number;
  /** Last stage's ceiling by provider key, messages a day; `default` is required. Absent: a table's whole row. */
  readonly targets?: Readonly<Record<string, number>>;
  readonly days?: number;
  /** Factor a day. */
  readonly growth?: number;
  /** Share (0 to 1) of an address's mail by provider key, to split figures a vendor gives for the whole address. */
  readonly shares?: Readonly<Record<string, number>>;
}

export class PlanError extends Error {
  readonly code: 'unknown-plan' | 'bad-input';

  constructor(code: 'unknown-plan' | 'bad-input', message: string) {
    super(message);
    this.name = 'PlanError';
    this.code = code;
  }
}

/** The stage at an index (0 = first day); undefined past the end of the row. */
export function stageOf(plan: Plan, provider: string, index: number): Stage | undefined {
  return rowOf(plan, provider)[index];
}

/** How many stages a provider's row has. */
export function stageCount(plan: Plan, provider: string): number {
  return rowOf(plan, provider).length;
}

/** A provider's stages. Keys come from MX answers and files: "constructor" must not find Object's. */
export function rowOf(plan: Pick<Plan, 'rows'>, provider: string): readonly Stage[] {
  return (Object.hasOwn(plan.rows, provider) ? plan.rows[provider] : plan.rows.default) ?? [];
}

/** Why a plan can not be used, in words; empty when it can. Growth over its cap is another question (growth.ts). */
export function checkPlan(plan: Plan): string[] {
  const problems = Object.hasOwn(plan.rows, 'default') ? [] : ['no row "default" for the providers without one'];
  if (!ADVANCE_MODES.includes(plan.advance))
    problems.push(`advance is "${plan.advance}": choose one of ${ADVANCE_MODES.join(', ')}`);
  if (plan.stageShare !== undefined && !(plan.stageShare > 0 && plan.stageShare <= 1))
    problems.push(`stageShare is ${plan.stageShare}: give a share above 0 and at most 1`);
  if (plan.cap !== undefined && !(plan.cap.small > 1 && plan.cap.large > 1))
    problems.push(`the growth cap is ${plan.cap.small} and ${plan.cap.large}: give factors above 1`);
  for (const [provider, row] of Object.entries(plan.rows)) problems.push(...rowProblems(provider, row));
  if (plan.gates !== undefined) problems.push(...gateProblems(plan.gates));
  const utc: Calendar = { kind: 'civil', zone: 'UTC', sendDays: [1], sendHours: { from: 0, to: 24 } };
  return [...problems, ...checkCalendar(calendarOf(plan, utc))];
}

function rowProblems(provider: string, row: readonly Stage[]): string[] {
  const problems = row.length === 0 ? [`${provider}: no stages: give it a ceiling at least, or leave the row out`] : [];
  row.forEach((stage, index) => {
    const where = `${provider}, stage ${index + 1}`;
    const before = row[index - 1];
    if (!Number.isInteger(stage.ceiling) || stage.ceiling < 1 || stage.ceiling > DEFAULTS.mostCeiling) {
      problems.push(`${where}: ceiling ${stage.ceiling} is not a whole number from 1 to ${DEFAULTS.mostCeiling}`);
    }
    if (!SEGMENTS.includes(stage.segment)) problems.push(`${where}: unknown segment "${stage.segment}"`);
    if (before === undefined) return;
    if (stage.ceiling < before.ceiling)
      problems.push(
        `${where}: ceiling falls from ${before.ceiling} to ${stage.ceiling}: no stage may be below the one before`,
      );
    if (SEGMENTS.indexOf(stage.segment) < SEGMENTS.indexOf(before.segment)) {
      problems.push(`${where}: segment narrows from ${before.segment} to ${stage.segment}: recipients may only widen`);
    }
  });
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
 * The calendar of a ramp under this plan in a pool. A compressed day has neither weekdays nor hours: a trial of a plan in
 * minutes takes every day.
 */
export function calendarOf(plan: Pick<Plan, 'calendar'>, pool: Calendar): Calendar {
  return pool.kind === 'compressed' ? pool : { ...pool, ...plan.calendar };
}

/**
 * Ceiling of a first day that begins late: with fewer sending hours left than a full day needs, its share of the stage
 * (a whole number, at least 1). Hours are plan hours of sending.
 */
export function prorate(stage: Stage, hoursLeft: number, hoursInDay: number): number {
  if (hoursLeft >= DEFAULTS.fullDayHours || hoursLeft >= hoursInDay) return stage.ceiling;
  return Math.max(1, Math.floor((stage.ceiling * hoursLeft) / hoursInDay));
}
