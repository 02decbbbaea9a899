import { type GateOptions, type Gates, gatesOf } from '../policy/gates/settings.ts';
import type { Plan } from '../policy/plan.ts';
import type { LaneRow } from '../store/lanes.ts';

/** The gates of a lane: its plan's, fixed when its ramp began, or the configured ones (`loose`) where it follows none. */
export function laneGates(lane: LaneRow, plans: ReadonlyMap<string, Plan>, loose: GateOptions | undefined): Gates {
  const plan = plans.get(lane.rampId ?? '');
  return gatesOf(plan === undefined ? loose : plan.gates, lane.provider);
}
