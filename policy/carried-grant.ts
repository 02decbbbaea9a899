/**
 * The grant a cold lane carries into a window that nobody decided: that of its last send day, for at most so many windows,
 * never above itself, and never above what the lane may send now (a retreat on a day without sending lowers no grant). Pure.
 */
import { type Calendar, windowAt } from './calendar.ts';
import { DEFAULTS } from './defaults.ts';
import type { Phase } from './lane.ts';
import { grantUnits } from './lane-grant.ts';

export interface EarlierGrant {
  readonly windowIndex: number;
  readonly units: number;
  /** Windows it was carried already. */
  readonly carried: number;
}

/** What to carry into window `index`; null: nothing, for it is too old or there is none. `grants`: earlier ones, newest first. */
export function carriedGrant<Grant extends EarlierGrant>(
  grants: readonly Grant[],
  index: number,
  lane: { readonly phase: Phase; readonly ceiling: number; readonly calendar: Calendar },
): { readonly from: Grant; readonly units: number } | null {
  // The grant of a day without sending is 0, and says nothing of the days on which there is any.
  const from = grants.find((one) => one.windowIndex < index && windowAt(one.windowIndex, lane.calendar).sends);
  if (from === undefined || from.carried + (index - from.windowIndex) > DEFAULTS.carryWindows) return null;
  return { from, units: Math.min(from.units, grantUnits(lane)) };
}
