/** What the lanes of an address have earned at another engine, from the logs that were imported. */
import { DAY_MS } from '../policy/calendar.ts';
import { DEFAULTS } from '../policy/defaults.ts';
import { type Plan, stageCount } from '../policy/plan.ts';
import { earnedStage, earnedText } from '../policy/plans/earned-stage.ts';
import type { Queryable } from '../store/connect.ts';
import { legacyDays } from '../store/legacy-volumes.ts';

export interface EarnedLane {
  readonly stage: number;
  readonly says: string;
}

export const NOTHING_EARNED: ReadonlyMap<string, EarnedLane> = new Map();

/** By provider; lanes that start at their first stage have no entry. Providers without a lane of their own are `other`. */
export async function earnedElsewhere(
  db: Queryable,
  address: string,
  lanes: readonly { readonly provider: string }[],
  plan: Plan,
  now: number,
): Promise<ReadonlyMap<string, EarnedLane>> {
  const since = new Date(now - DEFAULTS.earned.lookbackDays * DAY_MS).toISOString().slice(0, 10);
  const known = new Set(lanes.map((lane) => lane.provider));
  const byLane = new Map<string, Map<number, number>>();
  for (const { provider, day, messages } of await legacyDays(db, address, since)) {
    const lane = known.has(provider) ? provider : 'other';
    const days = byLane.get(lane) ?? new Map<number, number>();
    const daysAgo = Math.max(0, Math.floor((now - Date.parse(day)) / DAY_MS));
    days.set(daysAgo, (days.get(daysAgo) ?? 0) + messages);
    byLane.set(lane, days);
  }
  const earned = new Map<string, EarnedLane>();
  for (const [provider, days] of byLane) {
    const history = [...days].map(([daysAgo, messages]) => ({ daysAgo, messages }));
    const found = earnedStage(plan, provider, history);
    if (found === null) continue;
    earned.set(provider, { stage: found.stage, says: earnedText(found, stageCount(plan, provider)) });
  }
  return earned;
}
