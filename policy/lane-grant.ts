/** What a lane may send in a window, by its phase, stage and plan. Pure. */
import { DEFAULTS } from './defaults.ts';
import { maySend, type Phase } from './lane.ts';
import { type Plan, stageOf } from './plan.ts';
import { probeUnits } from './quarantine.ts';

/** What the lane may send a day at this phase and stage. */
export function grantUnits(decided: { readonly phase: Phase; readonly ceiling: number }): number {
  if (decided.phase === 'probing') return probeUnits(decided.ceiling);
  return maySend(decided.phase) ? decided.ceiling : 0;
}

/** Plan ms between two messages of a lane in this phase; null: its day's pace decides. */
export function grantGap(phase: Phase): number | null {
  return phase === 'probing' ? DEFAULTS.probing.gapMs : null;
}

/** The plan's own ceiling for a lane: its row, or the provider's normal limit once the plan is done. */
export function planUnits(plan: Plan | null, provider: string, phase: Phase, stage: number, normal: number): number {
  if (plan === null || phase === 'warm' || growsToNormal(phase)) return normal;
  return stageOf(plan, provider, stage)?.ceiling ?? normal;
}

/** Past its plan: a lane that graduates, or that was warm and idle, grows step by step into its normal limit. */
export function growsToNormal(phase: Phase): boolean {
  return phase === 'graduating' || phase === 'cooling';
}
