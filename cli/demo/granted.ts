/** What a lane was while a grant was open, as far as the verdict has to know it. Pure. */
import { type Plan, stageOf } from '../../policy/plan.ts';
import type { DecisionRow } from '../../store/decisions.ts';
import type { GrantHistory } from '../../store/grants.ts';
import type { GrantFact } from './verdict.ts';

type Decided = Pick<DecisionRow, 'provider' | 'toPhase' | 'toStage' | 'at'>;
type Granted = Pick<GrantHistory, 'address' | 'provider' | 'windowIndex' | 'start' | 'end' | 'units' | 'planUnits'>;

/** A grant with the segment its stage admitted: the stage of the last decision before its window. */
export function granted(grant: Granted, plan: Plan | undefined, decisions: readonly Decided[]): GrantFact {
  const { address, provider, windowIndex, start, end, units, planUnits } = grant;
  const ofLane = decisions.filter((one) => one.provider === provider);
  const last = ofLane.findLast((one) => one.at <= start + (end - start) / 50);
  // An evaluation that comes late ends the ramp in mid-window: from then on the pool's warm addresses share its mail.
  const endsInside = ofLane.some((one) => one.toPhase === 'warm' && one.at > start && one.at < end);
  const ramping = last !== undefined && last.toPhase !== 'warm' && !endsInside;
  const growing = last === undefined || last.toPhase === 'graduating' || last.toPhase === 'warm';
  const segment = (growing ? undefined : plan && stageOf(plan, provider, last.toStage)?.segment) ?? 'all';
  return { address, provider, windowIndex, start, end, units, planUnits, segment, ramping };
}
