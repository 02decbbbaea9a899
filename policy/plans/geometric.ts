/**
 * Our own plans: geometric from a start to a target per provider, growth bounded, recipients widening later than in other
 * senders' plans, because complaints of the unengaged are what stops a ramp.
 */
import { DEFAULTS } from '../defaults.ts';
import { PROVIDERS } from '../providers.ts';
import { curve, growthBound } from './curve.ts';
import { type GrowthCap, type Plan, PlanError, type PlanInput, SEGMENTS, type Segment, type Stage } from './model.ts';
import { type Preset, refuse } from './preset.ts';
import { checkTargets } from './targets.ts';

interface Shape {
  readonly name: string;
  readonly summary: string;
  readonly days: number;
  /** Days after which the segment widens to 60d, 90d and all; they scale when other `days` are asked for. */
  readonly widenAfter: readonly [number, number, number];
  readonly cap: GrowthCap;
  readonly bound: (ceiling: number) => number;
}

const OURS: GrowthCap = { small: 1.5, large: 1.25 };
const SOURCE =
  'geometric from start to target; growth bounded after the bulk sender guidelines (support.google.com/a/answer/81126)';

const SIX_WEEK: Shape = {
  name: 'six-week',
  summary: '42 days, geometric to a target per provider; engaged recipients first (default choice)',
  days: 42,
  widenAfter: [14, 21, 28],
  cap: OURS,
  bound: growthBound,
};

const FOUR_WEEK: Shape = {
  name: 'four-week',
  summary: '28 days, geometric to a target per provider; for a clean list and a known brand',
  days: 28,
  widenAfter: [10, 15, 20],
  cap: OURS,
  bound: growthBound,
};

const FREE: Shape = {
  name: 'geometric',
  summary: 'your own curve: --start, --target, and --days or --growth',
  days: 42,
  widenAfter: SIX_WEEK.widenAfter,
  cap: DEFAULTS.growthCap,
  bound: (ceiling) => (ceiling <= DEFAULTS.largeLane ? DEFAULTS.growthCap.small : DEFAULTS.growthCap.large),
};

/** 42 days, engaged recipients only for the first 14. */
export function sixWeek(input: PlanInput): Plan {
  return draw(SIX_WEEK, input);
}

/** 28 days, engaged recipients only for the first 10. */
export function fourWeek(input: PlanInput): Plan {
  return draw(FOUR_WEEK, input);
}

export const GEOMETRIC: readonly Preset[] = [SIX_WEEK, FOUR_WEEK, FREE].map((shape) => {
  const { name, summary } = shape;
  const takes = shape === FREE ? (['start', 'days', 'growth'] as const) : (['start', 'days'] as const);
  return {
    name,
    summary,
    source: SOURCE,
    takes,
    needsTarget: true,
    draw: (input) => {
      refuse(name, takes, input);
      return draw(shape, input);
    },
  };
});

/** The factor a day asked for, or what the days and the target make of it: bounded, at some providers more than at others. */
function draw(shape: Shape, input: PlanInput): Plan {
  const { start = DEFAULTS.planStart, growth } = input;
  const fallback = checkTargets(input.targets ?? {});
  checkCurve(start, input);
  // With a factor and no days the curve is as steep as the factor allows; with both, the factor is a bound.
  const wanted = input.days ?? (growth === undefined ? shape.days : 1);

  // Providers with their own growth bound need their own row even when nobody named a target for them: the default row
  // would let them grow faster.
  const targets = new Map(PROVIDERS.filter((provider) => provider.maxGrowth).map(({ key }) => [key, fallback]));
  for (const [key, target] of Object.entries(input.targets ?? {})) targets.set(key, target);

  const ceilings = new Map<string, readonly number[]>();
  for (const [key, target] of targets) {
    const own = PROVIDERS.find((provider) => provider.key === key)?.maxGrowth;
    // An own factor above the cap is taken as it is: the check says so (growth.ts).
    const bound = growth === undefined ? shape.bound : () => growth;
    ceilings.set(key, curve(start, target, wanted, own === undefined ? bound : (at) => Math.min(own, bound(at))));
  }
  const days = growth !== undefined && input.days === undefined ? (ceilings.get('default')?.length ?? 1) : wanted;
  const rows: Record<string, Stage[]> = {};
  for (const [key, row] of ceilings) {
    rows[key] = row.map((ceiling, index) => ({ ceiling, segment: segmentOf(index, shape, days) }));
  }
  return { name: shape.name, source: SOURCE, advance: 'gated', overflow: 'warm-peers', days, rows, cap: shape.cap };
}

/** Segment of a day (0 = first): it widens after the same shares of the plan, however long that is. */
function segmentOf(index: number, shape: Shape, days: number): Segment {
  const passed = shape.widenAfter.filter((after) => index >= Math.round((after * days) / shape.days));
  return SEGMENTS[passed.length] ?? 'all';
}

/** Throws PlanError `bad-input`. */
function checkCurve(start: number, { days, growth }: PlanInput): void {
  if (!(start >= 1 && Number.isFinite(start))) {
    throw new PlanError('bad-input', `start with at least 1 message a day, not ${start}`);
  }
  if (days !== undefined && (!Number.isInteger(days) || days < 1))
    throw new PlanError('bad-input', `${days} days is not a whole number above 0`);
  if (growth !== undefined && !(growth > 1 && growth <= 10))
    throw new PlanError('bad-input', `a growth of ${growth} a day can not be used: give a factor above 1, such as 1.3`);
}
