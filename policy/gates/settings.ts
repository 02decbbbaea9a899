/**
 * What a gate does when its metric goes wrong, as a plan sets it: one setting for each metric, each with a default.
 *
 * The shipped actions blame what is at fault: answers to the address (deferrals, blocks) step the lane back; complaints
 * that no single campaign explains step it back twice; dead addresses and failed deliveries are the list's, and hold.
 */
import { COUNTED, type Counted, type Level, type Levels, levelsFor } from './levels.ts';

/**
 * - `observe`: recorded and shown, nothing else.
 * - `hold`: the lane does not advance while it lasts; it goes on sending.
 * - `step-back`: silence for some hours, then `steps` stages lower, and a cool-down.
 * - `pause`: no new cold mail until a person resumes the lane.
 * - `quarantine`: nothing is sent until a person releases the lane by name.
 */
export const GATE_ACTIONS = ['observe', 'hold', 'step-back', 'pause', 'quarantine'] as const;
export type GateAction = (typeof GATE_ACTIONS)[number];

export interface GateSetting {
  readonly action: GateAction;
  /** Stages of a step back. */
  readonly steps: number;
  /** Judged, recorded and shown, and not acted on. */
  readonly dryRun: boolean;
  /** Plan hours its sensor may be broken before the lane holds for it; until then its last evidence counts. */
  readonly budgetHours: number;
}

export const GATED = [...COUNTED, 'placement'] as const;
export type Gated = (typeof GATED)[number];

export interface Gates {
  readonly metrics: Readonly<Record<Gated, GateSetting>>;
  readonly levels: Levels;
  /** Evaluations in a row in which all gates pass that an advance needs. */
  readonly consecutiveGood: number;
}

/** What a plan may say of its gates; all of it optional. */
export interface GateOptions {
  /** Share of healthy ramps that may be stopped by mistake; default 0.01. */
  readonly falseStopsPerRamp?: number | undefined;
  /** Coefficient of variation of event rates among the sender's past campaigns: above 0.7 the levels are calmer. */
  readonly campaignsCv?: number | undefined;
  readonly consecutiveGood?: number | undefined;
  readonly metrics?: Readonly<Partial<Record<Gated, GateMetricOptions | undefined>>> | undefined;
}

export interface GateMetricOptions {
  readonly action?: GateAction | undefined;
  readonly steps?: number | undefined;
  readonly dryRun?: boolean | undefined;
  readonly budgetHours?: number | undefined;
  /** Levels of its own, as in gates/levels.ts. */
  readonly fine?: number | undefined;
  readonly harmful?: number | undefined;
  readonly lane?: number | undefined;
  readonly address?: number | undefined;
}

const setting = (action: GateAction, over: Partial<GateSetting> = {}): GateSetting => ({
  action,
  steps: 1,
  dryRun: false,
  budgetHours: 0,
  ...over,
});

export const GATE_DEFAULTS: Gates['metrics'] = {
  deferral: setting('step-back'),
  block: setting('step-back'),
  'hard-bounce': setting('hold'),
  delivery: setting('hold'),
  // A complaint feed counts as silent only after days (policy/feeds.ts): that is its budget already.
  complaint: setting('step-back', { steps: 2 }),
  placement: setting('hold', { budgetHours: 24 }),
};

/** The gates of a plan's lanes; the shipped ones where it says nothing, or where no plan is followed. */
export function gatesOf(options: GateOptions | undefined): Gates {
  const { falseStopsPerRamp, campaignsCv, consecutiveGood = 1, metrics = {} } = options ?? {};
  const set: Partial<Record<Counted, Partial<Level>>> = {};
  for (const metric of COUNTED) set[metric] = levelPart(metrics[metric]);
  return {
    metrics: Object.fromEntries(
      GATED.map((metric) => [metric, settingPart(metric, metrics[metric])]),
    ) as Gates['metrics'],
    levels: levelsFor({ falseStopsPerRamp, campaignsCv, set }),
    consecutiveGood,
  };
}

/** Does a failing metric change what the lane does? */
export function acts(one: GateSetting): boolean {
  return !one.dryRun && one.action !== 'observe';
}

/** What is wrong with gates, in words; empty when they can be used. */
export function gateProblems(options: GateOptions): string[] {
  const problems: string[] = [];
  const { falseStopsPerRamp: share, consecutiveGood: good } = options;
  if (share !== undefined && !(share > 0 && share < 1))
    problems.push(`falseStopsPerRamp is ${share}: give a share of ramps above 0 and below 1`);
  if (good !== undefined && !(Number.isInteger(good) && good >= 1))
    problems.push(`consecutiveGood is ${good}: give a whole number of evaluations, at least 1`);
  const gates = gatesOf(options);
  for (const metric of GATED) {
    const { steps, budgetHours } = gates.metrics[metric];
    if (!(Number.isInteger(steps) && steps >= 1)) problems.push(`${metric}: steps is ${steps}: give at least 1`);
    if (!(budgetHours >= 0)) problems.push(`${metric}: budgetHours is ${budgetHours}: give 0 or more`);
  }
  for (const metric of COUNTED) {
    const { fine, harmful, lane, address } = gates.levels[metric];
    if (!(fine > 0 && fine < harmful && harmful < 1))
      problems.push(`${metric}: fine ${fine} and harmful ${harmful} must be rates, the second larger than the first`);
    if (!(lane > 0 && address > 0)) problems.push(`${metric}: heights ${lane} and ${address} must be above 0`);
  }
  const placed = gates.metrics.placement.action;
  if (placed !== 'hold' && placed !== 'observe')
    problems.push(
      `placement: ${placed} is more than seeds can bear: choose hold or observe (ten seeds can not estimate a rate)`,
    );
  return problems;
}

function settingPart(metric: Gated, given: GateMetricOptions = {}): GateSetting {
  const base = GATE_DEFAULTS[metric];
  return {
    action: given.action ?? base.action,
    steps: given.steps ?? base.steps,
    dryRun: given.dryRun ?? base.dryRun,
    budgetHours: given.budgetHours ?? base.budgetHours,
  };
}

function levelPart(given: GateMetricOptions = {}): Partial<Level> {
  const { fine, harmful, lane, address } = given;
  const part = { fine, harmful, lane, address };
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined));
}
