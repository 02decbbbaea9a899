/** What a tenant had of a cold lane in the open window, and whether others wait for it: for people who ask why. */
import type { Queryable } from './connect.ts';

export interface TenantUse {
  /** Units of this tenant, and of all. */
  readonly used: number;
  readonly total: number;
  /** New mail of another tenant waits that this lane may carry. */
  readonly othersWait: boolean;
}

/** `segments`: those the lane's stage admits. */
export async function tenantUse(
  db: Queryable,
  lane: { readonly address: string; readonly provider: string; readonly pool: string },
  window: { readonly index: number; readonly start: number },
  tenant: string,
  segments: readonly string[],
): Promise<TenantUse> {
  const { rows } = await db.query(
    `select count(*)::int as total, (count(*) filter (where tenant = $5))::int as used,
       exists (select from queue q where q.pool = $6 and q.provider = $2 and q.stream = 'marketing' and q.tenant <> $5
         and q.claim is null and q.address is null and q.due <= now() and q.one_click and not q.freed
         and q.segment = any($7::text[])) as "othersWait"
     from attempts where address = $1 and provider = $2 and at >= $3 and window_index = $4 and unit`,
    [lane.address, lane.provider, new Date(window.start), window.index, tenant, lane.pool, segments],
  );
  return rows[0];
}
