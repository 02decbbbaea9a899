/** Operators' orders for later evaluations of a lane: placed, found, ended once. */
import type { LaneOrder } from '../policy/orders.ts';
import type { Queryable } from './connect.ts';

const ORDER = `id, host(address) as address, provider, kind, actor, reason,
  extract(epoch from since)::float8 * 1000 as since, extract(epoch from until)::float8 * 1000 as until`;

export interface OrderRow extends LaneOrder {
  readonly address: string;
}

export type OrderWrite = Omit<OrderRow, 'id'>;

/** Places an order; one of the same kind on the lane ends with it. Returns its id. */
export async function placeOrder(db: Queryable, order: OrderWrite): Promise<number> {
  const { address, provider, kind, actor, reason, since, until } = order;
  await db.query(
    `update lane_orders set ended_at = $4, ended_by = $5, end_reason = 'replaced'
     where address = $1 and provider = $2 and kind = $3 and ended_at is null`,
    [address, provider, kind, new Date(since), actor],
  );
  const { rows } = await db.query(
    `insert into lane_orders (address, provider, kind, actor, reason, since, until)
     values ($1, $2, $3, $4, $5, $6, $7) returning id`,
    [address, provider, kind, actor, reason, new Date(since), until === null ? null : new Date(until)],
  );
  return rows[0].id;
}

/** Orders of an address that nobody ended and whose time is not over. */
export async function liveOrders(db: Queryable, address: string, now: number): Promise<OrderRow[]> {
  const { rows } = await db.query(
    `select ${ORDER} from lane_orders where address = $1 and ended_at is null and (until is null or until > $2) order by id`,
    [address, new Date(now)],
  );
  return rows;
}

/** Ends orders: used, lifted or void. Returns those that had not ended. */
export async function endOrders(
  db: Queryable,
  ids: readonly number[],
  by: { readonly actor: string; readonly reason: string; readonly at: number },
): Promise<number[]> {
  const { rows } = await db.query(
    `update lane_orders set ended_at = $2, ended_by = $3, end_reason = $4
     where id = any($1::bigint[]) and ended_at is null returning id`,
    [ids, new Date(by.at), by.actor, by.reason],
  );
  return rows.map((row) => row.id);
}
