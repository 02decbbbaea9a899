/** What a resume may lift of an address: an operator's own pauses, held ceilings, and refusals that are named. Pure. */
import { type Hold, laneTarget } from '../../policy/holds.ts';
import type { LaneOrder } from '../../policy/orders.ts';
import { holdText } from '../status/hold-text.ts';

export const RESUME_CAUSES = ['operator', 'freeze', 'incident'] as const;
export type ResumeCause = (typeof RESUME_CAUSES)[number];

export interface Liftable {
  readonly holds: readonly Hold[];
  readonly orders: readonly LaneOrder[];
}

/** Stops that wait for a person: an incident, or a gate whose plan says `pause`. */
function isStop(hold: Hold): boolean {
  return /^(incident|pause):/.test(hold.cause);
}

/**
 * A refusal of the provider (an incident) is lifted only where its lane is named: a person answers for that it was
 * delisted. Holds of gates end by themselves. `only` leaves every other reason on the lane. Returns why there is nothing
 * to lift, in words, where there is not.
 */
export function liftable(
  live: { readonly holds: readonly Hold[]; readonly orders: readonly LaneOrder[] },
  about: { readonly address: string; readonly provider: string | null; readonly only: ResumeCause | undefined },
): Liftable | string {
  const { address, provider, only } = about;
  // What stopped the whole address is lifted by naming the address; a lane's own stop by naming the lane.
  const own = live.holds.filter((hold) => hold.cause === 'operator' || (hold.scope === 'address' && isStop(hold)));
  const wanted =
    provider === null
      ? own
      : live.holds.filter(
          (hold) => (hold.cause === 'operator' || isStop(hold)) && hold.target === laneTarget(address, provider),
        );
  const holds = wanted.filter((hold) => only === undefined || hold.cause.split(':')[0] === only);
  const orders = live.orders.filter(
    (order) =>
      order.kind === 'freeze' &&
      (provider === null || order.provider === provider) &&
      (only === undefined || only === 'freeze'),
  );
  if (holds.length + orders.length > 0) return { holds, orders };
  const onAddress = own.find((hold) => hold.scope === 'address');
  if (provider !== null && onAddress !== undefined)
    return `the pause is on the whole address (${holdText(onAddress)}): resume it without --provider`;
  const where = provider === null ? address : `the ${provider} lane of ${address}`;
  const other = live.holds.find(
    (hold) => provider === null || hold.target === laneTarget(address, provider) || hold.scope === 'address',
  );
  const held = other === undefined ? '' : ` (${holdText(other)} is ${notYours(other, provider)})`;
  return `nothing to resume: no operator's pause on ${where}${held}; see ./rampart warmup status ${address}`;
}

function notYours(hold: Hold, provider: string | null): string {
  const named = provider === null && isStop(hold);
  return named ? 'lifted by name alone: --provider' : 'not yours to lift';
}
