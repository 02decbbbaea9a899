/**
 * What a gate does when its metric goes wrong, as a plan sets it: one setting for each metric, each with a default.
 *
 * The shipped actions blame what is at fault: answers to the address (deferrals, blocks) step the lane back; complaints
 * that no single campaign explains step it back twice; dead addresses and failed deliveries are the list's, and hold.
 */
import { DEFAULTS } from '../defaults.ts';
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
  /** Send days whose evidence may let a lane advance; of a counted metric its level has the same. Placement: windows. */
  readonly lookbackDays: number;
}

export const GATED = [...COUNTED, 'placement'] as const;
export type Gated = (typeof GATED)[number];

export interface Gates {
  readonly metrics: Readonly<Record<Gated, GateSetting>>;
  readonly levels: Levels;
  /** Evaluations in a row in which all gates pass that an advance needs. */
  readonly consecutiveGood: number;
}

/** What a plan or the configuration may say of gates; all of it optional. */
export interface GateOptions extends GateChoice {
  /** The same for a provider's lanes alone; sums over an address go by the choice for all. */
  readonly providers?: Readonly<Record<string, GateChoice | undefined>> | undefined;
}

/** Gates of lanes that are judged alike. */
export interface GateChoice {
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
  readonly lookbackDays?: number | undefined;
  /** Levels of its own, as in gates/levels.ts. */
  readonly fine?: number | undefined;
  readonly harmful?: number | undefined;
  readonly lagHours?: number | undefined;
  readonly lane?: number | undefined;
  readonly address?: number | undefined;
}

/** Judgement: four weeks of send days are stored in a few hundred bytes; late reports are looked for in the last eight windows. */
const MOST = { lookbackDays: 28, lagHours: 72 } as const;
const LEVEL_FIGURES = ['fine', 'harmful', 'lagHours', 'lane', 'address'] as const;

const setting = (action: GateAction, over: Partial<GateSetting> = {}): GateSetting => ({
  action,
  steps: 1,
  dryRun: false,
  budgetHours: 0,
  lookbackDays: DEFAULTS.lookbackWindows,
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

/**
 * The gates of a plan's lanes at a provider; the shipped ones where nothing is said. Without a provider: those of all, which
 * sums over an address go by.
 */
export function gatesOf(options: GateOptions | undefined, provider?: string): Gates {
  const own =
    provider !== undefined && Object.hasOwn(options?.providers ?? {}, provider)
      ? options?.providers?.[provider]
      : undefined;
  const { falseStopsPerRamp, campaignsCv, consecutiveGood = 1, metrics = {} } = overlaid(options ?? {}, own);
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

/** `base` with what `over` says; figure by figure, so that a plan that sets one keeps the others. */
export function overlaid(base: GateChoice, over: GateChoice | undefined): GateChoice {
  const metrics: Partial<Record<Gated, GateMetricOptions>> = {};
  for (const metric of GATED) {
    const merged = { ...said(base.metrics?.[metric] ?? {}), ...said(over?.metrics?.[metric] ?? {}) };
    if (Object.keys(merged).length > 0) metrics[metric] = merged;
  }
  const figures = ({ falseStopsPerRamp, campaignsCv, consecutiveGood }: GateChoice) =>
    said({ falseStopsPerRamp, campaignsCv, consecutiveGood });
  return {
    ...figures(base),
    ...figures(over ?? {}),
    ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
  };
}

/** The same of whole options, providers and all; undefined where neither says anything. */
export function overlaidOptions(base: GateOptions | undefined, over: GateOptions | undefined): GateOptions | undefined {
  const all = overlaid(base ?? {}, over);
  const names = [...new Set([...Object.keys(base?.providers ?? {}), ...Object.keys(over?.providers ?? {})])];
  const providers = Object.fromEntries(
    // What `over` says of all goes before what `base` says of one: the nearer word counts.
    names.map((name) => [name, overlaid(overlaid(base?.providers?.[name] ?? {}, over), over?.providers?.[name])]),
  );
  const merged = { ...all, ...(names.length === 0 ? {} : { providers }) };
  return Object.keys(merged).length === 0 ? undefined : merged;
}

function said<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Does a failing metric change what the lane does? */
export function acts(one: GateSetting): boolean {
  return !one.dryRun && one.action !== 'observe';
}

/** What is wrong with gates, in words; empty when they can be used. */
export function gateProblems(options: GateOptions): string[] {
  const providers = Object.keys(options.providers ?? {});
  const all = choiceProblems(options, gatesOf(options));
  const of = providers.flatMap((provider) =>
    choiceProblems(options.providers?.[provider] ?? {}, gatesOf(options, provider))
      // What is wrong for all is said once.
      .filter((problem) => !all.includes(problem))
      .map((problem) => `${provider}: ${problem}`),
  );
  return [...all, ...of];
}

function choiceProblems(options: GateChoice, gates: Gates): string[] {
  const problems: string[] = [];
  const { falseStopsPerRamp: share, consecutiveGood: good } = options;
  if (share !== undefined && !(share > 0 && share < 1))
    problems.push(`falseStopsPerRamp is ${share}: give a share of ramps above 0 and below 1`);
  if (good !== undefined && !(Number.isInteger(good) && good >= 1))
    problems.push(`consecutiveGood is ${good}: give a whole number of evaluations, at least 1`);
  for (const metric of GATED) {
    const { steps, budgetHours, lookbackDays } = gates.metrics[metric];
    if (!(Number.isInteger(steps) && steps >= 1)) problems.push(`${metric}: steps is ${steps}: give at least 1`);
    if (!(budgetHours >= 0)) problems.push(`${metric}: budgetHours is ${budgetHours}: give 0 or more`);
    if (!(Number.isInteger(lookbackDays) && lookbackDays >= 1 && lookbackDays <= MOST.lookbackDays))
      problems.push(`${metric}: lookbackDays is ${lookbackDays}: give 1 to ${MOST.lookbackDays} send days`);
    problems.push(...idle(metric, options.metrics?.[metric]).map((says) => `${metric}: ${says}`));
  }
  for (const metric of COUNTED) {
    const { fine, harmful, lagHours, lane, address } = gates.levels[metric];
    if (!(lagHours >= 0 && lagHours <= MOST.lagHours))
      problems.push(
        `${metric}: lagHours is ${lagHours}: give 0 to ${MOST.lagHours} (what comes a week after its message is not looked for)`,
      );
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

/** Figures that would do nothing where they were written. */
function idle(metric: Gated, given: GateMetricOptions = {}): string[] {
  const set = (name: keyof GateMetricOptions) => given[name] !== undefined;
  if (metric === 'placement')
    return LEVEL_FIGURES.filter(set).map(
      (name) => `${name} is for metrics that count events, and seeds have a rule of their own`,
    );
  return metric !== 'complaint' && set('budgetHours')
    ? ['budgetHours is for feeds that may fall silent, and these answers are heard by Rampart itself: leave it out']
    : [];
}

function settingPart(metric: Gated, given: GateMetricOptions = {}): GateSetting {
  const base = GATE_DEFAULTS[metric];
  return {
    action: given.action ?? base.action,
    steps: given.steps ?? base.steps,
    dryRun: given.dryRun ?? base.dryRun,
    budgetHours: given.budgetHours ?? base.budgetHours,
    lookbackDays: given.lookbackDays ?? base.lookbackDays,
  };
}

function levelPart(given: GateMetricOptions = {}): Partial<Level> {
  const { fine, harmful, lagHours, lane, address, lookbackDays } = given;
  return said({ fine, harmful, lagHours, lane, address, lookbackDays }) as Partial<Level>;
}
