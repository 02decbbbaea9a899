/** Applies the joint budget (policy/ranges/joint-budget.ts) to one cold lane's next grant, under the budget's row lock. */
import type { Window } from '../policy/calendar.ts';
import type { LaneDecision } from '../policy/decision.ts';
import { isCold } from '../policy/lane.ts';
import { grantUnits } from '../policy/lane-grant.ts';
import { RANGE } from '../policy/ranges/defaults.ts';
import { allot, fitted, type JointLane, jointBudget, jointText, mayWant } from '../policy/ranges/joint-budget.ts';
import type { JointShare } from '../policy/recorded.ts';
import type { Queryable } from '../store/connect.ts';
import { bestDay, type JointLaneRow, jointLanes, lockJointBudget, noteJointBudget } from '../store/joint-budget.ts';
import type { LaneRow } from '../store/lanes.ts';

export interface Fitted {
  readonly decision: LaneDecision | null;
  /** What it may have in the window; absent: the budget says nothing of this lane. */
  readonly share?: JointShare;
  /** What it would have had alone. */
  readonly wants?: number;
}

/**
 * What of `decision` (null: the lane goes on as it is) fits the budget of its pool at its provider in a window. Call it in the
 * transaction that writes the grant, lanes in the order of their providers. `most`: units the window can have anyway.
 */
export async function withinJointBudget(
  db: Queryable,
  lane: LaneRow,
  decision: LaneDecision | null,
  window: Window,
  most = Number.MAX_SAFE_INTEGER,
): Promise<Fitted> {
  const after = decision ?? lane;
  const wants = Math.min(grantUnits(after), most);
  if (wants === 0 || !isCold(after.phase) || !window.sends) return { decision };
  const { pool, provider, address } = lane;
  const before = await lockJointBudget(db, pool, provider, window.index);
  const rows = (await jointLanes(db, pool, provider, window.index)).filter((row) => row.address !== address);
  const lanes: JointLane[] = [
    { address, granted: null, wants },
    ...rows.map((row) => ({ address: row.address, granted: row.granted, wants: asked(row) })),
  ];
  const addresses = lanes.map((one) => one.address);
  const best = await bestDay(db, addresses, provider, window.index, RANGE.lookbackWindows);
  // It may rise while the day still brings mail. Grants given out under it stay within it, so it never falls.
  const budget = Math.max(before.budget, jointBudget(provider, lanes, best));
  const units = allot(address, lanes, budget);
  const short = wants - units;
  await noteJointBudget(
    db,
    { pool, provider, window: window.index },
    { budget, bestDay: best, lanes: lanes.length, wanted: short > 0 ? wants : 0, trimmed: short },
  );
  if (short === 0) return { decision };
  const says = jointText({
    pool,
    provider,
    window: window.label,
    budget,
    lanes: lanes.length,
    bestDay: best,
    units,
    wants,
  });
  return { decision: decision === null ? null : fitted(lane, decision, units, says), share: { units, says }, wants };
}

/** What a lane asked for. Past its plan the grant's plan figure is the lane's normal limit, which nobody asked for. */
function asked(row: JointLaneRow): number {
  if (row.granted === null) return mayWant(row);
  const past = row.phase === 'graduating' || row.phase === 'cooling';
  return past ? row.granted : Math.max(row.granted, row.planUnits ?? 0);
}
