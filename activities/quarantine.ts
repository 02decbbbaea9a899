/** What a quarantine leaves in the store: when it is looked at again, and that the next refusal is a new incident. */
import { planMs } from '../policy/calendar.ts';
import { type Hold, laneTarget } from '../policy/holds.ts';
import { PROBES_REFUSED, recheckAfter } from '../policy/quarantine.ts';
import type { Queryable } from '../store/connect.ts';
import { boundHolds, clearEnded, closeIncidents, placeHold } from '../store/holds.ts';
import type { LaneRow } from '../store/lanes.ts';
import { failedProbings } from '../store/probing.ts';

/**
 * Gives the refusals that pass by themselves an end, after which the lane probes. Probes that were refused without naming
 * the lane's end leave such a refusal too: nothing else would keep the lane from trying again the next day, for ever.
 * Call it when the decision is written, for that counts.
 */
export async function planRecheck(
  db: Queryable,
  lane: LaneRow,
  holds: readonly Hold[],
  reason: string,
  now: number,
): Promise<void> {
  const refusals = holds.filter((hold) => hold.cause.startsWith('incident:'));
  const open = refusals.filter((hold) => hold.until === null);
  if (lane.phase === 'probing' && refusals.length === 0) {
    const target = laneTarget(lane.address, lane.provider);
    const hold = { scope: 'lane', target, reach: 'all', cause: PROBES_REFUSED, actor: 'rampart', reason } as const;
    open.push({ ...hold, id: (await placeHold(db, hold)).id, since: now, until: null });
  }
  if (open.length === 0) return;
  const failed = await failedProbings(db, lane);
  for (const hold of open) {
    const wait = recheckAfter(hold.cause, failed);
    if (wait !== null) await boundHolds(db, [hold.id], now + planMs(wait, lane.calendar));
  }
}

/** The lane looks again: if the provider refuses it once more, that is a new incident with a hold of its own. */
export async function reopen(db: Queryable, lane: LaneRow, now: number): Promise<void> {
  await clearEnded(db, laneTarget(lane.address, lane.provider), now);
  await closeIncidents(db, 'incident', lane.address, lane.provider, now);
}
