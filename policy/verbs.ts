/**
 * What an operator's verb does to a lane, for every phase: a decision, or a refusal that says the way out. Pure: the
 * activity applies it by compare-and-set like any other decision.
 *
 *   hold       the ceiling stays where it is, until a time or a resume; mail goes on
 *   step-back  so many rows down, its evidence emptied; also under a pause, for it lowers
 *   advance    one stage from the next window on, if the gates pass now
 *   promote    the same over gates that hold it, once, in the window's last evaluation
 *   complete   the plan is behind it: it grows step by step into its normal limit, gates and all
 *   abort      its ramp ends: it is planned again and sends nothing
 *
 * Pause and resume are holds and stand apart (activities/ramps.ts), for they must work with nothing but the database.
 */
import { rowBelow } from './decide.ts';
import type { LaneDecision, LaneState } from './decision.ts';
import { DEFAULTS } from './defaults.ts';
import { type LaneEvent, type PauseReason, type Phase, transition } from './lane.ts';
import { type Plan, stageCount, stageOf } from './plan.ts';

export const LANE_VERBS = ['hold', 'step-back', 'advance', 'promote', 'complete', 'abort'] as const;
export type LaneVerb = (typeof LANE_VERBS)[number];

export interface VerbInput {
  readonly verb: LaneVerb;
  readonly lane: LaneState;
  readonly plan: Plan | null;
  readonly paused: readonly PauseReason[];
  /** Of a step back: rows, at least 1. */
  readonly steps: number;
  /** Of complete: though it is far from its plan's end. */
  readonly force: boolean;
  readonly reason: string;
}

/** `judge`: the gates have to be asked. */
export type VerbResult = { readonly decision: LaneDecision } | { readonly judge: true } | { readonly refused: string };

/** What a verb does to a lane. */
export function verbOn(input: VerbInput): VerbResult {
  const never = WRONG_PHASE[input.lane.phase](input.lane.address)[input.verb];
  if (never !== undefined) return { refused: never };
  switch (input.verb) {
    case 'hold':
      return decided(input, 'hold', 'hold');
    case 'step-back':
      return stepBack(input);
    case 'advance':
      return whenPaused(input) ?? { judge: true };
    case 'promote':
      return whenPaused(input) ?? withoutPlan(input) ?? decided(input, 'hold', 'promote', { stays: true });
    case 'complete':
      return whenPaused(input) ?? complete(input);
    case 'abort':
      return decided(input, 'abort', 'abort', { stage: 0, ceiling: 0, clean: 0, retreat: true });
  }
}

type Refusals = Partial<Record<LaneVerb, string>>;

/** Verbs that say nothing in a phase, and what to do instead. */
const WRONG_PHASE: Readonly<Record<Phase, (address: string) => Refusals>> = {
  planned: (address) => all(LANE_VERBS, `is not started: ./rampart warmup start ${address}`),
  ramping: () => ({}),
  holding: () => ({}),
  'stepped-back': () =>
    all(
      ['advance', 'promote', 'complete'],
      'cools down after a step back, and ramps again by itself when it stays clean',
    ),
  quarantined: () =>
    all(
      ['hold', 'step-back', 'advance', 'promote', 'complete'],
      'is quarantined and sends nothing: when the provider has delisted it, resume it by name (--provider)',
    ),
  probing: () =>
    all(
      ['hold', 'step-back', 'advance', 'promote', 'complete'],
      'probes its way out of quarantine, a message a minute, and goes on by itself when they are accepted',
    ),
  graduating: () => ({ complete: 'has its plan behind it already, and grows into its normal limit' }),
  warm: () => ({
    ...all(['hold', 'advance', 'promote', 'complete'], 'is warm: it stands at its normal limit'),
    abort: 'is warm: it has no ramp to end',
  }),
  cooling: () => ({ complete: 'was idle, and grows back into its normal limit' }),
};

function all(verbs: readonly LaneVerb[], why: string): Refusals {
  return Object.fromEntries(verbs.map((verb) => [verb, why]));
}

function whenPaused({ paused, verb }: VerbInput): VerbResult | undefined {
  if (paused.length === 0) return undefined;
  return { refused: `is paused (${paused.join(', ')}), and nothing raises a paused lane: resume it, then ${verb}` };
}

function withoutPlan({ lane, plan }: VerbInput): VerbResult | undefined {
  if (plan === null && lane.phase !== 'cooling')
    return { refused: 'follows no plan: nothing says what its next stage is' };
  return undefined;
}

function stepBack(input: VerbInput): VerbResult {
  const { lane, plan, steps } = input;
  const to = rowBelow(lane, plan, steps);
  if (to.stage === lane.stage && to.ceiling >= lane.ceiling)
    return { refused: 'is at its lowest stage already: pause it to stop its mail' };
  return decided(input, 'step-back', 'step-back', { ...to, clean: 0, retreat: true });
}

function complete(input: VerbInput): VerbResult {
  const { lane, plan, force } = input;
  const last = plan === null ? undefined : stageOf(plan, lane.provider, stageCount(plan, lane.provider) - 1)?.ceiling;
  if (last === undefined) return { refused: 'follows no plan: there is nothing to complete' };
  if (lane.ceiling < DEFAULTS.completeShare * last && !force) {
    const share = Math.floor((100 * lane.ceiling) / last);
    return {
      refused: `is far from its end: ${lane.ceiling} a day is ${share}% of ${last}. Let it ramp, give it a lower target (set-plan), or say --force`,
    };
  }
  return decided(input, 'graduate', 'complete', { ceiling: Math.min(lane.ceiling, lane.normal) });
}

interface Change {
  readonly stage?: number;
  readonly ceiling?: number;
  readonly clean?: number;
  readonly retreat?: boolean;
  /** The phase does not change: the decision is about a later one. */
  readonly stays?: boolean;
}

function decided(input: VerbInput, event: LaneEvent, kind: LaneDecision['kind'], change: Change = {}): VerbResult {
  const { lane, paused, reason } = input;
  const phase = change.stays ? lane.phase : transition(lane.phase, event, paused);
  if (phase === undefined) return { refused: `is ${lane.phase}: ${input.verb} means nothing there` };
  return {
    decision: {
      kind,
      phase,
      stage: change.stage ?? lane.stage,
      ceiling: change.ceiling ?? lane.ceiling,
      clean: change.clean ?? lane.clean,
      retreat: change.retreat ?? false,
      raised: false,
      reason,
      judgements: [],
    },
  };
}
