/** How much mail there was for a lane: from its grants and the minute rollups, which a month of attempts would be too much for. */
import type { Window } from '../policy/calendar.ts';
import type { Queryable } from './connect.ts';

export interface Settled {
  readonly provider: string;
  /** Windows with a grant since its ceiling last changed, with this one; and those in which anything was attempted. */
  readonly windows: number;
  readonly used: number;
}

/** Whole windows of an address's lanes since each was last raised, started or stepped back, up to `window`. */
export async function settledWindows(db: Queryable, address: string, window: number): Promise<Settled[]> {
  const { rows } = await db.query(
    `select g.provider, count(*)::int as windows,
       count(*) filter (where exists (select from rollups r where r.address = g.address and r.provider = g.provider
         and r.bucket >= g.starts and r.bucket < g.ends))::int as used
     from grants g join lanes l using (address, provider)
     where g.address = $1 and g.window_index <= $2 and g.units > 0 and g.starts >= l.evidence_since
       and (l.advanced is null or g.window_index > l.advanced)
     group by g.provider`,
    [address, window],
  );
  return rows;
}

/**
 * The largest demand of one of these windows for an address's lanes, by provider: what a lane tried itself, or its even part
 * of what all addresses of its pool tried there, if that is more (a stage that admits few recipients leaves mail to others).
 * What still waits in the queue for the provider is demand that nobody has met: an engine that is slow is no lack of mail.
 */
export async function peakDemand(
  db: Queryable,
  address: string,
  providers: readonly string[],
  windows: readonly Window[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query(
    `with peers as (
       select l.address, l.provider, count(*) over (partition by l.provider) as lanes
       from lanes l join addresses a using (address)
       where a.pool = (select pool from addresses where address = $1) and l.provider = any($2::text[]) and l.phase <> 'planned'
     ), waiting as (
       select case when q.provider in (select provider from lanes where address = $1) then q.provider else 'other' end as provider,
         count(*) as n
       from queue q where q.pool = (select pool from addresses where address = $1) and q.provider is not null and not q.pinned
       group by 1
     )
     select days.provider, (max(greatest(own, ceil(everybody::numeric / lanes)))
       + ceil(coalesce(max(w.n), 0)::numeric / max(lanes)))::int as peak
     from (
       select r.provider, w.starts, max(p.lanes) as lanes, sum(r.attempts) as everybody,
         coalesce(sum(r.attempts) filter (where r.address = $1), 0) as own
       from unnest($3::timestamptz[], $4::timestamptz[]) as w(starts, ends) cross join peers p
         join rollups r on r.address = p.address and r.provider = p.provider and r.bucket >= w.starts and r.bucket < w.ends
       group by 1, 2) days left join waiting w on w.provider = days.provider
     group by days.provider`,
    [
      address,
      providers,
      windows.map((window) => new Date(window.start)),
      windows.map((window) => new Date(window.end)),
    ],
  );
  return new Map(rows.map((row) => [row.provider, row.peak]));
}
