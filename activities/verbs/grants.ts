/**
 * Grants that follow at once from an operator's decision: what is written is lowered, in the running window too. Raising is
 * an evaluation's matter, but for a lane that begins to probe: it gets its few messages, never beyond what the window
 * allowed before.
 */
import { planMs, type Window, windowAt, windowOf } from '../../policy/calendar.ts';
import type { LaneDecision } from '../../policy/decision.ts';
import { grantGap, grantUnits } from '../../policy/lane-grant.ts';
import type { Queryable } from '../../store/connect.ts';
import type { LaneApply } from '../../store/decisions.ts';
import { type GrantRow, grantsAround } from '../../store/grants.ts';
import type { LaneRow } from '../../store/lanes.ts';

export async function grantsNow(
  db: Queryable,
  lane: LaneRow,
  decision: LaneDecision,
  at: number,
): Promise<LaneApply['grants']> {
  const window = windowOf(at, lane.calendar);
  const next = windowAt(window.index + 1, lane.calendar);
  const gap = grantGap(decision.phase);
  const units = grantUnits(decision);
  const gapMs = gap === null ? null : planMs(gap, lane.calendar);
  const grants = [];
  for (const day of [window, next]) {
    const [row] = await grantsAround(db, lane.address, lane.provider, day.index, 0);
    const write = { window: day, planUnits: row?.planUnits ?? units, origin: 'decided' as const, gapMs };
    if (decision.phase === 'probing') {
      if (day === window || row !== undefined) grants.push({ ...write, units: probes(day, row, units) });
    } else if (row !== undefined && units < row.units) grants.push({ ...write, units });
  }
  return grants;
}

function probes(window: Window, row: GrantRow | undefined, units: number): number {
  if (!window.sends) return 0;
  // A carried or lowered window was never allowed more than its peak: what is used of it is used.
  return row === undefined ? units : Math.min(row.peakUnits, row.handed + units);
}
