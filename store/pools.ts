/** Pools: streams of mail, each with addresses of ours or with an upstream that takes it. */
import type { Calendar } from '../policy/calendar.ts';
import type { Overflow } from '../policy/overflow.ts';
import type { Queryable } from './connect.ts';

/** Provider of queued mail that goes to an upstream: nobody has to know whose mailbox it is for. */
export const UPSTREAM = 'upstream';

export interface PoolSpec {
  readonly name: string;
  readonly overflow: Overflow;
  readonly calendar: Calendar;
  /** Hosts of the engine that takes its mail, `host:port`; absent: the pool has addresses. */
  readonly upstream?: readonly string[];
}

/** Makes a pool known, or what is written of it current. */
export async function upsertPool(db: Queryable, pool: PoolSpec): Promise<void> {
  // A compressed calendar keeps the epoch it began with: windows must not move when a process starts again.
  await db.query(
    `insert into pools (name, overflow, calendar, upstream) values ($1, $2, $3, $4)
     on conflict (name) do update set overflow = excluded.overflow, upstream = excluded.upstream,
       calendar = case when pools.calendar->>'kind' = 'compressed' and excluded.calendar->>'kind' = 'compressed'
                        and pools.calendar->>'dayLength' = excluded.calendar->>'dayLength'
                  then pools.calendar else excluded.calendar end`,
    [pool.name, pool.overflow, JSON.stringify(pool.calendar), pool.upstream ?? null],
  );
}

export interface PoolRow {
  readonly name: string;
  readonly overflow: Overflow;
  readonly calendar: Calendar;
  readonly upstream: readonly string[] | null;
}

export async function poolRows(db: Queryable): Promise<PoolRow[]> {
  return (await db.query('select name, overflow, calendar, upstream from pools order by name')).rows;
}

/** Pools that can take mail, with the providers they have lanes for: [UPSTREAM] where another engine takes all. */
export async function poolProviders(db: Queryable): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await db.query(
    `select a.pool, array_agg(distinct l.provider order by l.provider) as providers
     from lanes l join addresses a using (address) group by a.pool
     union all select name, array['${UPSTREAM}'] from pools where upstream is not null order by pool`,
  );
  return new Map(rows.map((row) => [row.pool, row.providers]));
}

/**
 * Provider of a queue row in the pool named by this SQL expression: one that comes back from an upstream has to be found
 * out again.
 */
export function providerIn(pool: string): string {
  return `case when exists (select from pools p where p.name = ${pool} and p.upstream is not null) then '${UPSTREAM}'
    else nullif(provider, '${UPSTREAM}') end`;
}

/** Queued mail of a pool follows it when it gets an upstream, or addresses instead of one. Returns how many rows changed. */
export async function followPool(db: Queryable, pool: string): Promise<number> {
  const { rowCount } = await db.query(
    `update queue set provider = ${providerIn('$1')}, address = null
     where pool = $1 and claim is null and not pinned and provider is distinct from ${providerIn('$1')}`,
    [pool],
  );
  return rowCount ?? 0;
}

/**
 * Mail of these pools that came without a provider (probes, rerouted mail) goes to their upstream; not that of `fronts`,
 * whose arm is to be chosen first. Returns how many rows.
 */
export async function routeToUpstreams(
  db: Queryable,
  pools: readonly string[],
  fronts: readonly string[],
): Promise<number> {
  const { rowCount } = await db.query(
    `update queue set provider = '${UPSTREAM}'
     where provider is null and claim is null and pool = any($1::text[]) and coalesce(front, pool) <> all($2::text[])`,
    [pools, fronts],
  );
  return rowCount ?? 0;
}
