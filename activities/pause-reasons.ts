import type { Hold } from '../policy/holds.ts';
import type { PauseReason } from '../policy/lane.ts';

/** Why a lane is paused, from its live holds; a gate's hold that was answered by a step back is only a silence. */
export function pauseReasons(holds: readonly Hold[]): PauseReason[] {
  const reasons = new Set<PauseReason>();
  for (const { cause } of holds) {
    if (cause === 'operator' || cause === 'freeze' || cause === 'no-data') reasons.add(cause);
    if (cause.startsWith('incident:')) reasons.add('incident');
    // A gate whose plan says `pause`: until a person resumes the lane.
    if (cause.startsWith('pause:')) reasons.add('gate');
  }
  return [...reasons];
}
