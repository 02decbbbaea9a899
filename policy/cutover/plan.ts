/**
 * What a cutover follows: its steps, what each asks for, and what a failure does. Fixed when it starts. Figures without a
 * source are our judgement, named here and nowhere else; each can be set in the configuration.
 */
import { type Freeze, freezeProblems } from './freeze.ts';

export const CUT_METRICS = ['deferral', 'block', 'hard-bounce', 'complaint', 'placement'] as const;
export type CutMetric = (typeof CUT_METRICS)[number];

/** What a failed metric does. */
export const FAIL_ACTIONS = ['hold', 'step-back', 'rollback'] as const;
export type FailAction = (typeof FAIL_ACTIONS)[number];

export const WEBHOOK_GATES = ['confirm-step', 'confirm-rollback'] as const;
export type WebhookGate = (typeof WEBHOOK_GATES)[number];

/** Somebody else who is asked. A 2xx is yes, any other answer no; what silence means stands in gates.ts. */
export interface Webhook {
  readonly gate: WebhookGate;
  readonly url: string;
  /** Real ms an answer may take. */
  readonly timeoutMs: number;
}

export interface CutoverPlan {
  /** Share of the new arm in points (1 to 100), ascending, the last one 100. */
  readonly steps: readonly number[];
  /** Steps of transactional mail, which moves when the rest has; empty: with the rest. */
  readonly transactionalSteps: readonly number[];
  /** An own list may jump: somebody answers for it. */
  readonly uncapped: boolean;
  /** Plan hours a step takes at least, from when its share was reached. */
  readonly minHours: number;
  /** Campaigns a step needs on both arms. */
  readonly minCampaigns: number;
  /** From this step on (points) it is also one reporting lag old, and complaints must have passed from the other. */
  readonly lagFrom: number;
  readonly lagHours: number;
  readonly complaintFrom: number;
  /** Plan hours after a step back until it goes on. */
  readonly coolDownHours: number;
  /** Steps back without an advance between them after which it is rolled back, and a person decides. */
  readonly mostStepBacks: number;
  /** Plan days the old arm is kept warm after the last step. */
  readonly watchDays: number;
  /** `manual`: a person approves every step; a list: those steps (points). */
  readonly approve: 'auto' | 'manual' | readonly number[];
  /** Before the first step: so many plan hours, or so many messages seen. */
  readonly baseline: { readonly hours: number; readonly messages: number };
  /** The old arm keeps so many messages a day, provider and address (of an upstream: host), at most this share of a provider's mail. */
  readonly floor: { readonly perDay: number; readonly mostShare: number };
  /** Difference to the old arm (events per message) that may not be exceeded: compare.ts makes the margin of it. */
  readonly worst: Readonly<Record<Exclude<CutMetric, 'placement'>, number>>;
  readonly onFail: Readonly<Record<CutMetric, FailAction>>;
  /** When no step is taken; lowering always may be. */
  readonly freezes: readonly Freeze[];
  readonly webhooks: readonly Webhook[];
}

/** Steps at the low end at most double (nearly: 2 to 5 takes two windows, share.ts); then ten points. */
export const STEPS = [1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100] as const;

export const CUTOVER_PLAN: CutoverPlan = {
  steps: STEPS,
  transactionalSteps: [10, 50, 100],
  uncapped: false,
  minHours: 24,
  minCampaigns: 3,
  lagFrom: 10,
  lagHours: 48,
  complaintFrom: 30,
  coolDownHours: 24,
  mostStepBacks: 2,
  watchDays: 7,
  approve: 'auto',
  baseline: { hours: 24, messages: 10_000 },
  floor: { perDay: 1_000, mostShare: 0.2 },
  worst: { deferral: 0.02, block: 0.001, 'hard-bounce': 0.005, complaint: 0.0005 },
  onFail: {
    deferral: 'step-back',
    block: 'rollback',
    'hard-bounce': 'step-back',
    complaint: 'rollback',
    placement: 'hold',
  },
  freezes: [],
  webhooks: [],
};

/** The canary, then so many points a time: `10` gives 1, 2, 5, 10, 20, … 100. */
export function stepsOf(points: number): number[] {
  const steps: number[] = [1, 2, 5].filter((step) => step < points);
  for (let step = points; step < 100; step += points) steps.push(Math.round(step * 100) / 100);
  return [...steps, 100];
}

/** The most a share may grow to from one send window to the next, points. At the low end double, then ten points. */
export function mostAfter(points: number): number {
  if (points <= 0) return 1;
  return Math.min(100, points < 10 ? Math.min(10, 2 * points) : points + 10);
}

/** Why a plan can not be used, in words; empty when it can. */
export function cutoverPlanProblems(plan: CutoverPlan): string[] {
  const problems = [...listProblems('steps', plan.steps), ...freezeProblems(plan.freezes)];
  if (plan.transactionalSteps.length > 0) problems.push(...listProblems('transactionalSteps', plan.transactionalSteps));
  if (Array.isArray(plan.approve))
    for (const step of plan.approve)
      if (!plan.steps.includes(step)) problems.push(`approve names ${step}%, which is no step`);
  for (const hook of plan.webhooks)
    if (!/^https?:\/\//.test(hook.url))
      problems.push(`the webhook of ${hook.gate} is "${hook.url}": give an http(s) URL`);
  return problems;
}

function listProblems(name: string, steps: readonly number[]): string[] {
  if (steps.some((step) => !(step > 0 && step <= 100))) return [`${name}: every step is above 0 and at most 100`];
  if (steps.some((step, at) => at > 0 && step <= (steps[at - 1] ?? 0)))
    return [`${name}: each step is above the one before`];
  return steps.at(-1) === 100 ? [] : [`${name}: the last step is 100 (it is ${steps.at(-1) ?? 'missing'})`];
}

/** Does a person approve the raise to this step (points)? */
export function wantsApproval(plan: CutoverPlan, points: number): boolean {
  return plan.approve === 'manual' || (Array.isArray(plan.approve) && plan.approve.includes(points));
}
