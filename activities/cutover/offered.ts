/**
 * What a live cutover offers the lanes of its new arm: a ramp is asked to use that, not its whole ceiling, while the cutover
 * waits for the ramp (policy/cutover/share.ts). Otherwise each would wait for the other.
 */
import type { Window } from '../../policy/calendar.ts';
import { expectedUnits } from '../../policy/cutover/share.ts';
import type { Queryable } from '../../store/connect.ts';
import { frontVolumes, sharesOf } from '../../store/cutover-shares.ts';
import { cutoverInto } from '../../store/cutovers.ts';
import { laneOf } from './shares.ts';

/** What a lane with this grant was to send by now at most, by provider; undefined: no cutover feeds this pool. */
export async function offeredTo(
  db: Queryable,
  pool: string,
  window: Window,
  providers: readonly string[],
): Promise<((provider: string, granted: number) => number) | undefined> {
  const cutover = await cutoverInto(db, pool);
  if (cutover === undefined) return undefined;
  const shares = (await sharesOf(db, cutover.id, window.index)).filter((share) => share.window === window.index);
  const lane = laneOf(new Set(providers));
  const volumes = await frontVolumes(db, cutover.front, [window]);
  return (provider, granted) => {
    const own = shares.filter((share) => share.provider === provider);
    const offered = own.reduce((sum, share) => {
      const mail = volumes.filter((one) => one.stream === share.stream && lane(one.provider) === provider);
      return sum + (mail.reduce((all, one) => all + one.messages, 0) * share.points) / 100;
    }, 0);
    const needed = own.reduce((sum, share) => sum + share.needed, 0);
    return expectedUnits({ granted, grants: own[0]?.grants ?? 0, offered, needed });
  };
}
