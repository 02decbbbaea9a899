/** Options of `cutover start`: what moves, in which steps, and who approves. */
import { CUTOVER_PLAN, type CutoverPlan, cutoverPlanProblems, mostAfter, stepsOf } from '../../policy/cutover/plan.ts';
import { type SplitScope, STREAMS } from '../../policy/cutover/split.ts';
import { badInput, type CommandOption, type Invocation, text } from '../command.ts';

export const PLAN_OPTIONS: readonly CommandOption[] = [
  {
    name: 'step',
    type: 'string',
    value: 'N%',
    says: 'points a step takes after the canary of 1, 2 and 5% (default: 10%)',
  },
  { name: 'steps', type: 'string', value: 'LIST', says: 'steps of your own, such as 1,2,5,10,25,50,100' },
  {
    name: 'uncapped',
    type: 'boolean',
    says: 'let shares jump further than twice, or ten points, a day (needs --reason)',
  },
  {
    name: 'approve',
    type: 'string',
    value: 'HOW',
    says: 'manual: a person approves every step; 10,50,100: these; auto: none',
  },
];

export const SCOPE_OPTIONS: readonly CommandOption[] = [
  { name: 'tenant', type: 'string', value: 'LIST', says: 'only mail of these tenants' },
  { name: 'provider', type: 'string', value: 'LIST', says: 'only mail to these providers' },
  { name: 'stream', type: 'string', value: 'S', says: 'only marketing, or only transactional mail' },
];

/** The plan with what the command line says of it; throws CliError `bad-input`. */
export function chosenPlan(invocation: Invocation, plan: CutoverPlan): CutoverPlan {
  const [step, steps, approve] = [text(invocation, 'step'), text(invocation, 'steps'), text(invocation, 'approve')];
  if (step !== undefined && steps !== undefined) throw badInput('give --step or --steps, not both');
  const uncapped = invocation.options.uncapped === true;
  const chosen: CutoverPlan = {
    ...plan,
    ...(step === undefined ? {} : { steps: stepsOf(points(step, '--step')) }),
    ...(steps === undefined ? {} : { steps: list(steps, '--steps') }),
    ...(approve === undefined ? {} : { approve: approval(approve) }),
    ...(uncapped ? { uncapped } : {}),
  };
  const problems = cutoverPlanProblems(chosen);
  if (problems.length > 0) throw badInput(problems.join('; '));
  return chosen;
}

/** Jumps of an own list that take several days, in words: they are slowed down, not refused. */
export function slowedSteps({ steps, uncapped }: Pick<CutoverPlan, 'steps' | 'uncapped'>): string[] {
  if (uncapped || steps === CUTOVER_PLAN.steps) return [];
  return steps.flatMap((step, at) => {
    const before = steps[at - 1] ?? 0;
    return step > mostAfter(before) && step > 10
      ? [
          `the step from ${before}% to ${step}% takes several days: shares at most double, or grow by ten points, a day (--uncapped)`,
        ]
      : [];
  });
}

export function chosenScope(invocation: Invocation): SplitScope {
  const [tenants, providers, stream] = [
    text(invocation, 'tenant'),
    text(invocation, 'provider'),
    text(invocation, 'stream'),
  ];
  const known = STREAMS.find((one) => one === stream);
  if (stream !== undefined && known === undefined)
    throw badInput(`--stream is "${stream}": marketing or transactional`);
  return {
    ...(tenants === undefined ? {} : { tenants: names(tenants) }),
    ...(providers === undefined ? {} : { providers: names(providers) }),
    ...(known === undefined ? {} : { streams: [known] }),
  };
}

/** `20%` or `20` as points. */
export function points(given: string, option: string): number {
  const value = Number(/^(\d{1,3}(?:\.\d+)?) ?%?$/.exec(given.trim())?.[1] ?? Number.NaN);
  if (value >= 0 && value <= 100) return value;
  throw badInput(`${option} is "${given}": give a share such as 10%`);
}

function list(given: string, option: string): number[] {
  return names(given).map((one) => points(one, option));
}

function approval(given: string): CutoverPlan['approve'] {
  return given === 'manual' || given === 'auto' ? given : list(given, '--approve');
}

function names(given: string): string[] {
  return given
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
