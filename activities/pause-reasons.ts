import { type Hold, holdsOnLane } from '../policy/holds.ts';
import { isCold, type PauseReason } from '../policy/lane.ts';
import { type LaneOrder, orderOn } from '../policy/orders.ts';
import type { LaneRow } from '../store/lanes.ts';

/**
 * Why a lane is paused, from its live holds and whether its ceiling is frozen; a gate's hold that was answered by a step
 * back is only a silence.
 */
export function pauseReasons(holds: readonly Hold[], frozen: boolean): PauseReason[] {
  const reasons = new Set<PauseReason>();
  for (const { cause } of holds) {
    if (cause === 'operator' || cause === 'freeze' || cause === 'no-data') reasons.add(cause);
    if (cause.startsWith('incident:')) reasons.add('incident');
    // A gate whose plan says `pause`: until a person resumes the lane.
    if (cause.startsWith('pause:')) reasons.add('gate');
  }
  if (frozen) reasons.add('freeze');
  return [...reasons];
}

/** The same of a lane as its row, its holds and its orders are now (ms). */
export function pausedNow(
  live: readonly Hold[],
  orders: readonly LaneOrder[],
  lane: LaneRow,
  now: number,
): PauseReason[] {
  const onLane = holdsOnLane(live, { ...lane, cold: isCold(lane.phase) }, now);
  return pauseReasons(onLane, orderOn(orders, 'freeze', lane, now) !== undefined);
}
