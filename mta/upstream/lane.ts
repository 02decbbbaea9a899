/** An upstream in a lane's place, for those who hand mail to lanes: always warm, and bound by no ceiling. */
import type { LaneRow } from '../../store/lanes.ts';
import { UPSTREAM } from '../../store/pools.ts';

/** It has no address of ours: no queued mail ever belongs to it. */
export function upstreamLane(pool: string, node: string): LaneRow {
  return {
    address: '',
    provider: UPSTREAM,
    pool,
    phase: 'warm',
    stage: 0,
    ceiling: Number.MAX_SAFE_INTEGER,
    normal: Number.MAX_SAFE_INTEGER,
    pauseReasons: [],
    rampId: null,
    evidenceSince: 0,
    clean: 0,
    evaluated: null,
    advanced: null,
    revision: 0,
    phaseSince: 0,
    // Idle or not, another engine's reputation does not cool down here.
    lastSentAt: Number.POSITIVE_INFINITY,
    node,
    ehloName: '',
    overflow: 'wait',
    calendar: { kind: 'civil', zone: 'UTC', sendDays: [1, 2, 3, 4, 5, 6, 7], sendHours: { from: 0, to: 24 } },
    segment: null,
  };
}
