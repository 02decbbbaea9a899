/**
 * The joint budget: what a pool's cold lanes may send to one provider together in a window. Each ramp keeps to its own
 * plan, but eight of them that begin, or advance, on the same day are one sender to the provider. Google warns that
 * doubling at once brings limits (support.google.com/a/answer/81126); the cap on a stage's growth holds for the sum too.
 *
 *   budget = the largest of: the floor; what the largest single lane asks for; growth cap × the best day of the last ones
 *
 * So one ramp alone is never slowed below its plan. Who gets how much is max-min fair: small lanes get all they ask for,
 * what is left is shared evenly among the large ones. A lane that was not evaluated yet has its share kept for it, whoever
 * comes first; whatever the order, the grants of a window never sum to more than its budget.
 */

import type { LaneDecision, LaneState } from '../decision.ts';
import { DEFAULTS } from '../defaults.ts';
import { transition } from '../lane.ts';
import { grantUnits } from '../lane-grant.ts';
import { mostAfter } from '../plans/growth.ts';
import { RANGE } from './defaults.ts';

export interface JointLane {
  readonly address: string;
  /** Units of the window it has already; null: nobody has decided yet. */
  readonly granted: number | null;
  /** What it asks for, or the most it may ask for. */
  readonly wants: number;
}

/** A cold lane as rows tell it, where nobody has asked for it yet. */
export interface Standing {
  readonly phase: string;
  readonly ceiling: number;
  readonly normal: number;
  /** Ceiling of the plan's next stage; null past the last one. */
  readonly nextStage: number | null;
}

/** The most a lane may ask for at its next evaluation: its next stage, or a step of growth past its plan. */
export function mayWant({ phase, ceiling, normal, nextStage }: Standing): number {
  const past = phase === 'graduating' || phase === 'cooling' || nextStage === null;
  const next = past ? Math.min(normal, Math.ceil(ceiling * DEFAULTS.graduationGrowth)) : nextStage;
  return Math.max(ceiling, next ?? 0);
}

/** Messages the pool's cold lanes may send a provider in a window; `bestDay`: the most these lanes sent in one of the last. */
export function jointBudget(provider: string, lanes: readonly JointLane[], bestDay: number): number {
  return Math.max(RANGE.jointFloor, mostAfter(bestDay, provider), ...lanes.map((lane) => lane.wants));
}

/** Units for one of the lanes out of `budget`: at most what it wants, at least 0. Depends on nothing but its arguments. */
export function allot(address: string, lanes: readonly JointLane[], budget: number): number {
  const others = lanes.filter((lane) => lane.address !== address);
  let room = budget - others.reduce((sum, lane) => sum + (lane.granted ?? 0), 0);
  const asking = lanes
    .filter((lane) => lane.address === address || lane.granted === null)
    .toSorted((a, b) => a.wants - b.wants || (a.address < b.address ? -1 : 1));
  for (const [at, lane] of asking.entries()) {
    const share = Math.max(0, Math.min(lane.wants, Math.floor(room / (asking.length - at))));
    if (lane.address === address) return share;
    room -= share;
  }
  return 0;
}

/**
 * The decision with what the budget leaves of it. A raise that does not fit stays at its stage and goes as far as it may; one
 * that may not go at all is a hold. A lane that keeps its ceiling keeps it: only its next grant is smaller.
 */
export function fitted(lane: LaneState, decision: LaneDecision, units: number, says: string): LaneDecision {
  if (units >= grantUnits(decision)) return decision;
  const reason = `${decision.reason}; ${says}`;
  if (!decision.raised) return { ...decision, reason };
  const ceiling = Math.max(lane.ceiling, units);
  if (ceiling > lane.ceiling) return { ...decision, ceiling, stage: lane.stage, reason };
  return {
    ...decision,
    kind: 'hold',
    phase: transition(lane.phase, 'hold', []) ?? lane.phase,
    stage: lane.stage,
    ceiling,
    raised: false,
    reason,
  };
}

/** How the budget came about, for the decision's reason and for `why`. */
export function jointText(about: {
  readonly pool: string;
  readonly provider: string;
  readonly window: string;
  readonly budget: number;
  readonly lanes: number;
  readonly bestDay: number;
  readonly units: number;
  readonly wants: number;
}): string {
  const { pool, provider, window, budget, lanes, bestDay, units, wants } = about;
  const from =
    mostAfter(bestDay, provider) === budget
      ? `the growth cap over the ${bestDay} of their best day`
      : `their best day had ${bestDay}`;
  return `joint budget: the ${lanes} cold lanes of pool ${pool} may send ${provider} ${budget} on ${window} (${from}): ${units} of ${wants} for this one`;
}
