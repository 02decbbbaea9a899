/**
 * The end of a ramp for want of mail: a lane whose ceiling has room for the mail there is needs no higher one. It graduates
 * where its ceiling is 1.2 times its peak day of the last 30 or more, and its normal limit is capped there: beyond it nobody
 * has seen it send. An address is done without its lanes of under 100 messages a day. Pure.
 */
import { DEFAULTS } from './defaults.ts';
import { type Plan, stageCount, stageOf } from './plan.ts';

/** How much mail there was for a lane, where its ceiling left room. */
export interface LaneDemand {
  /** Largest demand of one window of the last 30: its own attempts, or its part of the pool's at the provider. */
  readonly peak: number;
  /** Send windows at its present ceiling, and those of them in which it had any mail. */
  readonly windows: number;
  readonly used: number;
}

/** Does the lane's ceiling have room for all the mail there is, for long enough to know? */
export function hasRoom(ceiling: number, demand: LaneDemand | undefined): boolean {
  if (demand === undefined || demand.used < DEFAULTS.demand.settledWindows) return false;
  return ceiling >= DEFAULTS.demand.headroom * demand.peak;
}

/** Has the lane so little mail that its address is done without it? */
export function isSmall(ceiling: number, demand: LaneDemand | undefined): boolean {
  if (demand === undefined || demand.windows < DEFAULTS.demand.settledWindows) return false;
  return demand.peak < DEFAULTS.demand.smallLane && ceiling >= DEFAULTS.demand.headroom * demand.peak;
}

/** Where a plan's graduation ends: a provider's normal limit for an address, messages a day. */
export function normalAfter(plan: Plan, provider: string, fallback: number): number {
  const last = stageOf(plan, provider, stageCount(plan, provider) - 1)?.ceiling ?? fallback;
  return Math.round(last * DEFAULTS.normalFactor);
}
