/**
 * Idle decay: providers forget. A warm lane that sent nothing for a week is cold again, and the longer it was silent the
 * lower it starts; after a month it starts over. On its way back it grows like a lane that graduates, gates and all. A
 * lane that follows a plan loses rows of it in the same way.
 * Practice and figures: docs/defaults.md ("idle").
 */
import { DEFAULTS } from './defaults.ts';
import { type Plan, stageOf } from './plan.ts';

export interface IdleLane {
  readonly provider: string;
  /** Messages a day it sent when it was warm at most. */
  readonly normal: number;
}

/** Is a lane that sent nothing for `idleMs` of plan time cold? */
export function isIdle(idleMs: number): boolean {
  return idleMs > DEFAULTS.idleMs;
}

/**
 * Rows of its plan that a lane loses now which sent nothing for `idleMs`, and whose last retreat was `sinceMs` ago (both
 * plan time): one after a week and one per step from then on, all of them after a month.
 */
export function idleRows(idleMs: number, sinceMs: number): number {
  if (!isIdle(idleMs) || sinceMs < DEFAULTS.idleStepMs) return 0;
  return idleMs < DEFAULTS.idleRestartMs ? 1 : Number.MAX_SAFE_INTEGER;
}

/** Ceiling (messages a day) of a lane that was idle for `idleMs` of plan time; `plan` is the one it was warmed by. */
export function decayedCeiling(lane: IdleLane, plan: Plan | null, idleMs: number): number {
  if (!isIdle(idleMs)) return lane.normal;
  const steps = 1 + Math.floor((idleMs - DEFAULTS.idleMs) / DEFAULTS.idleStepMs);
  const decayed = Math.max(1, Math.floor(lane.normal / DEFAULTS.graduationGrowth ** steps));
  if (idleMs < DEFAULTS.idleRestartMs) return decayed;
  const first = plan === null ? undefined : stageOf(plan, lane.provider, 0);
  return Math.min(decayed, first?.ceiling ?? DEFAULTS.idleRestartCeiling);
}
