/**
 * What an operator ordered for later evaluations of a lane. An order stops no mail (a hold does); it binds what automation
 * may decide: `freeze` keeps the ceiling where it is, `promote` overrides the gates of one step, once.
 */
export type OrderKind = 'freeze' | 'promote';

export interface LaneOrder {
  readonly id: number;
  readonly provider: string;
  readonly kind: OrderKind;
  readonly actor: string;
  readonly reason: string;
  /** ms; `until` null: until somebody ends it. */
  readonly since: number;
  readonly until: number | null;
}

/** The order of a kind on a lane that binds now. A promotion given before the last retreat did not know of it: it is void. */
export function orderOn(
  orders: readonly LaneOrder[],
  kind: OrderKind,
  lane: { readonly provider: string; readonly evidenceSince: number },
  now: number,
): LaneOrder | undefined {
  return orders.find(
    (order) =>
      order.kind === kind &&
      order.provider === lane.provider &&
      (order.until === null || order.until > now) &&
      (kind !== 'promote' || order.since > lane.evidenceSince),
  );
}

/** An order in words: who, until when, why. */
export function orderText(order: LaneOrder): string {
  const until = order.until === null ? '' : ` until ${new Date(order.until).toISOString().slice(0, 16)}Z`;
  return `${order.actor}${until}: ${order.reason}`;
}
