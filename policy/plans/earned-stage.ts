/**
 * The stage a lane has earned elsewhere: an address that another engine sends from is not cold, and starting it at zero
 * would be a month of mail with nowhere to go. Providers remember about 30 days (Braze, SendGrid, docs/defaults.md), so
 * the last 30 count; what it sustained is its third-best day, because one large day proves nothing; and a lane that was
 * silent for more than a week has lost some of it (policy/idle.ts).
 */
import { DEFAULTS } from '../defaults.ts';
import { decayedCeiling } from '../idle.ts';
import { type Plan, stageCount, stageOf } from './model.ts';

const DAY_MS = 24 * 3_600_000;

/** One day's deliveries of a lane; 0 is today. */
export interface EarnedDay {
  readonly daysAgo: number;
  readonly messages: number;
}

export interface Earned {
  /** Index of the stage it starts at. */
  readonly stage: number;
  /** Messages a day it sustained, and what is left of that. */
  readonly sustained: number;
  readonly left: number;
  /** Days of the last 30 that had mail. */
  readonly days: number;
}

/** Null: it has earned nothing beyond the first stage. Never more than the plan's last stage, and never a warm lane. */
export function earnedStage(plan: Plan, provider: string, history: readonly EarnedDay[]): Earned | null {
  const { lookbackDays, sustainedDays } = DEFAULTS.earned;
  const days = history.filter((day) => day.daysAgo >= 0 && day.daysAgo < lookbackDays && day.messages > 0);
  if (days.length < sustainedDays) return null;
  const sustained = days.map((day) => day.messages).sort((a, b) => b - a)[sustainedDays - 1] ?? 0;
  const idleMs = Math.min(...days.map((day) => day.daysAgo)) * DAY_MS;
  const left = decayedCeiling({ provider, normal: sustained }, plan, idleMs);
  let stage = 0;
  for (let index = 1; index < stageCount(plan, provider); index++) {
    if ((stageOf(plan, provider, index)?.ceiling ?? Number.POSITIVE_INFINITY) <= left) stage = index;
  }
  return stage === 0 ? null : { stage, sustained, left, days: days.length };
}

/** For the decision that starts a ramp. */
export function earnedText({ stage, sustained, left, days }: Earned, stages: number): string {
  const decayed = left < sustained ? `, of which ${left} are left after the time without mail` : '';
  return `starts at stage ${stage + 1} of ${stages}: it has sustained ${sustained} a day elsewhere (third-best of ${days} days with mail in the last 30${decayed})`;
}
