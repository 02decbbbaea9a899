/** What a cutover shares out: how much mail a front has, what the new arm may send, and what each provider's share was. */

import type { Window } from '../policy/calendar.ts';
import type { Stream } from '../policy/cutover/split.ts';
import type { Queryable } from './connect.ts';

export interface FrontVolume {
  readonly provider: string;
  readonly stream: Stream;
  readonly window: number;
  readonly messages: number;
}

/** Messages of a front by provider of the mailbox, stream and window of their first attempt, over both arms. */
export async function frontVolumes(db: Queryable, front: string, windows: readonly Window[]): Promise<FrontVolume[]> {
  const { rows } = await db.query(
    `select coalesce(a.mailbox_provider, a.provider) as provider, m.stream, w.index as window, count(*)::int as messages
     from unnest($2::int[], $3::timestamptz[], $4::timestamptz[]) as w(index, starts, ends)
       join attempts a on a.front = $1 and a.first_at >= w.starts and a.first_at < w.ends and a.number = 1
       join messages m on m.id = a.message
     where not a.probe and a.outside is distinct from 'probe' group by 1, 2, 3`,
    [
      front,
      windows.map((window) => window.index),
      windows.map((window) => new Date(window.start)),
      windows.map((window) => new Date(window.end)),
    ],
  );
  return rows;
}

/** Puts windows' volumes in the place of what was kept of them. */
export async function keepVolumes(
  db: Queryable,
  cutover: string,
  windows: readonly number[],
  volumes: readonly FrontVolume[],
): Promise<void> {
  await db.query('delete from cutover_volumes where cutover = $1 and window_index = any($2::int[])', [
    cutover,
    windows,
  ]);
  const column = <Key extends keyof FrontVolume>(key: Key) => volumes.map((one) => one[key]);
  await db.query(
    `insert into cutover_volumes (cutover, window_index, provider, stream, messages)
     select $1, * from unnest($2::int[], $3::text[], $4::text[], $5::int[])`,
    [cutover, column('window'), column('provider'), column('stream'), column('messages')],
  );
}

/** Volumes that were kept, since a window. */
export async function keptVolumes(db: Queryable, cutover: string, since: number): Promise<FrontVolume[]> {
  const { rows } = await db.query(
    `select window_index as window, provider, stream, messages from cutover_volumes where cutover = $1 and window_index >= $2`,
    [cutover, since],
  );
  return rows;
}

export interface ArmCapacity {
  readonly provider: string;
  /** Units its lanes may use in the window, and in the next one as far as that is decided. */
  readonly units: number;
  readonly next: number;
  /** Lanes that are stopped for the sender's reputation: held by a gate or an incident, or in quarantine. */
  readonly stopped: number;
  readonly lanes: number;
}

/** What a pool's lanes may send in a window, by provider; empty: it has none (an upstream). A warm lane has its ceiling. */
export async function armCapacity(db: Queryable, pool: string, window: number): Promise<ArmCapacity[]> {
  const { rows } = await db.query(
    `select l.provider, count(*)::int as lanes,
       sum(case when l.phase in ('planned', 'quarantined') then 0
             else coalesce(g.units, case when l.phase = 'warm' then l.ceiling else 0 end) end)::float8 as units,
       sum(case when l.phase in ('planned', 'quarantined') then 0
             else coalesce(n.units, g.units, case when l.phase = 'warm' then l.ceiling else 0 end) end)::float8 as next,
       count(*) filter (where l.phase = 'quarantined' or exists (
         select from holds h where h.cleared_at is null and (h.until is null or h.until > now())
           and h.scope = 'lane' and h.target = host(l.address) || ' ' || l.provider
           and h.cause ~ '^(gate:(block|reputation)|incident:)'))::int as stopped
     from lanes l join addresses a using (address)
       left join grants g on g.address = l.address and g.provider = l.provider and g.window_index = $2
       left join grants n on n.address = l.address and n.provider = l.provider and n.window_index = $2 + 1
     where a.pool = $1 group by 1 order by 1`,
    [pool, window],
  );
  return rows;
}

/** How many senders an arm has: addresses, or hosts of its upstream. */
export async function armSenders(db: Queryable, pool: string): Promise<number> {
  const { rows } = await db.query(
    `select greatest((select count(*) from addresses where pool = $1), (select coalesce(cardinality(upstream), 0) from pools where name = $1), 1)::int as n`,
    [pool],
  );
  return rows[0].n;
}

export interface ShareRow {
  readonly window: number;
  readonly stream: Stream;
  readonly provider: string;
  readonly points: number;
  readonly binds: string;
  readonly step: number;
  readonly forecast: number;
  readonly grants: number | null;
  readonly needed: number;
}

/** Keeps a window's shares; written again when they change within it. */
export async function keepShares(db: Queryable, cutover: string, shares: readonly ShareRow[]): Promise<void> {
  if (shares.length === 0) return;
  const column = <Key extends keyof ShareRow>(key: Key) => shares.map((share) => share[key]);
  await db.query(
    `insert into cutover_shares (cutover, window_index, stream, provider, points, binds, step, forecast, grants, needed)
     select $1, * from unnest($2::int[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::float8[], $8::float8[],
       $9::float8[], $10::int[])
     on conflict (cutover, window_index, stream, provider) do update set points = excluded.points, binds = excluded.binds,
       step = excluded.step, forecast = excluded.forecast, grants = excluded.grants, needed = excluded.needed`,
    [
      ...[cutover, column('window'), column('stream'), column('provider'), column('points'), column('binds')],
      ...[column('step'), column('forecast'), column('grants'), column('needed')],
    ],
  );
}

/** Shares of a cutover since a window, oldest first. */
export async function sharesOf(db: Queryable, cutover: string, since: number): Promise<ShareRow[]> {
  const { rows } = await db.query(
    `select window_index as window, stream, provider, points, binds, step, forecast, grants, needed
     from cutover_shares where cutover = $1 and window_index >= $2 order by window_index, stream, provider`,
    [cutover, since],
  );
  return rows;
}
