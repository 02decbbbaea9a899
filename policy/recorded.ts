/** What is kept with a decision: all it was made from, so that it can be made again. Pure. */
import { decide } from './decide.ts';
import type { LaneDecision, LaneInput } from './decision.ts';
import { rowOf } from './plan.ts';
import { fitted } from './ranges/joint-budget.ts';

/** Who asked for a step that the gates then allowed. */
export interface AskedBy {
  readonly actor: string;
  readonly reason: string;
}

/** What the joint budget of the pool left of the step, and its words. */
export interface JointShare {
  readonly units: number;
  readonly says: string;
}

export interface RecordedInput extends LaneInput {
  readonly joint?: JointShare;
  readonly asked?: AskedBy;
}

/**
 * The input as it is kept with its decision: all that is read of it. Of the plan that is the lane's own row, so that a
 * decision costs no more room than it must.
 */
export function recordedInput(input: LaneInput, joint?: JointShare, asked?: AskedBy): RecordedInput {
  const { plan, lane } = input;
  const { address, provider, phase, stage, ceiling, normal, clean, advanced } = lane;
  const kept = {
    ...input,
    lane: { address, provider, phase, stage, ceiling, normal, clean, advanced },
    ...(joint === undefined ? {} : { joint }),
    ...(asked === undefined ? {} : { asked: { actor: asked.actor, reason: asked.reason } }),
  };
  if (plan === null) return kept;
  const { name, advance, stageShare, gates, overflow, days } = plan;
  const own = {
    ...{ name, advance, overflow, days, source: '', rows: { default: rowOf(plan, lane.provider) } },
    ...(stageShare === undefined ? {} : { stageShare }),
    ...(gates === undefined ? {} : { gates }),
  };
  return { ...kept, plan: own };
}

/** The decision that a recorded input led to. */
export function decidedFrom(recorded: RecordedInput): LaneDecision | null {
  const { lane, joint, asked } = recorded;
  const decision = decide(recorded);
  if (decision === null) return null;
  const within = joint === undefined ? decision : fitted(lane, decision, joint.units, joint.says);
  return asked === undefined ? within : asking(within, asked);
}

/** A step somebody asked for says so. */
export function asking(decision: LaneDecision, asked: AskedBy): LaneDecision {
  return { ...decision, reason: `asked by ${asked.actor} (${asked.reason}): ${decision.reason}` };
}
