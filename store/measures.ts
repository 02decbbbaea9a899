/** What evaluations and fast gates measure beside the gates' cohorts (cohorts.ts): use, placement, minute rollups. */
import type { WarmLaneTrouble } from '../policy/provider-incident.ts';
import type { Queryable } from './connect.ts';

/** Cause of the hold that marks a provider's own outage. */
export const PROVIDER_OUTAGE = 'incident:provider-outage';

/** Units used per lane in one window, as recorded (for utilisation). Its grants say when the window began. */
export async function unitsUsed(db: Queryable, address: string, windowIndex: number): Promise<Map<string, number>> {
  const { rows } = await db.query(
    `select g.provider, count(*)::int as units
     from grants g join attempts a on a.address = g.address and a.provider = g.provider and a.at >= g.starts
       and a.window_index = g.window_index
     where g.address = $1 and g.window_index = $2 and a.unit group by g.provider`,
    [address, windowIndex],
  );
  return new Map(rows.map((row) => [row.provider, row.units]));
}

export interface PlacementMeasure {
  readonly provider: string;
  readonly observed: number;
  readonly bad: number;
  readonly unobserved: number;
  readonly waiting: number;
  /** The first two of the newest windows that together have seen `least` folders: a run of two probes says nothing alone. */
  readonly lastObserved: number;
  readonly lastBad: number;
  /** The first probe since a folder was last seen whose own could not be; ms, null: the sensor works. */
  readonly brokenSince: number | null;
  /** Seeds that a warm address of the pool probed in the same window, where just one of the two was in the inbox. */
  readonly worse: number;
  readonly better: number;
}

/**
 * Probes of an address since a window; `bad` = spam or missing. A mailbox that could not be read is no trial. `least`: folders
 * that make a last run, over as many windows as they take.
 */
export async function measurePlacement(
  db: Queryable,
  address: string,
  sinceWindow: number,
  least: number,
): Promise<PlacementMeasure[]> {
  const { rows } = await db.query(
    `select p.provider, count(*) filter (where placement in ('inbox', 'tab', 'spam', 'missing'))::int as observed,
       count(*) filter (where placement in ('spam', 'missing'))::int as bad,
       count(*) filter (where placement = 'unobserved')::int as unobserved,
       count(*) filter (where placement is null)::int as waiting,
       count(*) filter (where placement in ('inbox', 'tab', 'spam', 'missing') and p.window_index >= seen.newest)::int as "lastObserved",
       count(*) filter (where placement in ('spam', 'missing') and p.window_index >= seen.newest)::int as "lastBad",
       extract(epoch from min(p.sent_at) filter (where placement = 'unobserved' and p.sent_at > coalesce(seen.last, '-infinity')))
         ::float8 * 1000 as "brokenSince",
       count(*) filter (where placement in ('spam', 'missing') and warm.inbox)::int as worse,
       count(*) filter (where placement in ('inbox', 'tab') and warm.outside)::int as better
     from probes p join lanes l using (address, provider) join addresses a using (address)
       left join lateral (
         select max(r.last) as last, coalesce(max(r.day) filter (where r.seen >= $3), min(r.day)) as newest from (
           select s.window_index as day, max(s.sent_at) as last, sum(count(*)) over (order by s.window_index desc) as seen
           from probes s
           where s.address = p.address and s.provider = p.provider and s.placement in ('inbox', 'tab', 'spam', 'missing')
             and s.sent_at >= l.evidence_since
           group by s.window_index) r) seen on true
       left join lateral (
         select bool_or(o.placement in ('inbox', 'tab')) as inbox, bool_and(o.placement in ('spam', 'missing')) as outside
         from probes o join lanes ol on ol.address = o.address and ol.provider = o.provider and ol.phase = 'warm'
           join addresses oa on oa.address = o.address and oa.pool = a.pool
         where o.address <> p.address and o.provider = p.provider and o.window_index = p.window_index and o.seed = p.seed
           and o.placement in ('inbox', 'tab', 'spam', 'missing')) warm on true
     where p.address = $1 and p.window_index >= $2 and p.sent_at >= l.evidence_since group by p.provider`,
    [address, sinceWindow, least],
  );
  return rows;
}

/** Hard bounces a lane carried of each campaign since an instant. */
export async function campaignBounces(
  db: Queryable,
  address: string,
  since: number,
  campaigns: readonly string[],
): Promise<{ provider: string; campaign: string; bounces: number; attempts: number }[]> {
  const { rows } = await db.query(
    `select provider, campaign, sum(hard)::int as bounces, sum(attempts)::int as attempts from rollups
     where address = $1 and bucket >= $2 and campaign = any($3::text[]) group by 1, 2`,
    [address, new Date(since), campaigns],
  );
  return rows;
}

export interface RollupSum {
  readonly address: string;
  readonly provider: string;
  readonly attempts: number;
  readonly reputation: number;
  readonly blocked: number;
  /** Of the lane, when this was read. */
  readonly revision: number;
}

/** Rollups of a pool by lane since an instant, probes' campaign included: what the fast gates look at. */
export async function recentRollups(db: Queryable, pool: string, since: number): Promise<RollupSum[]> {
  const { rows } = await db.query(
    `select host(r.address) as address, r.provider, sum(attempts)::int as attempts, sum(reputation)::int as reputation,
       sum(blocked)::int as blocked, max(l.revision) as revision
     from rollups r join lanes l using (address, provider) join addresses a using (address)
     where a.pool = $2 and bucket >= greatest($1, l.evidence_since) group by 1, 2`,
    [new Date(since), pool],
  );
  return rows;
}

/**
 * Hard bounces and attempts by campaign since an instant, over all lanes of a pool. What a person saw who lifted the
 * campaign's hold does not count again: the same bounces would suspend it at once.
 */
export async function campaignRollups(
  db: Queryable,
  pool: string,
  since: number,
): Promise<{ campaign: string; attempts: number; bounces: number }[]> {
  const { rows } = await db.query(
    `select campaign, sum(attempts)::int as attempts, sum(hard)::int as bounces
     from rollups join addresses using (address)
       left join (select target, max(cleared_at) as lifted from holds where scope = 'campaign' group by 1) h
         on target = campaign
     where pool = $2 and bucket >= greatest($1, lifted) group by campaign having sum(hard) > 0`,
    [new Date(since), pool],
  );
  return rows;
}

/**
 * Attempts and infrastructure answers of every warm lane since an instant; lanes that deferred little are not looked at
 * any closer, so that a quiet system pays for its rollups only.
 */
export async function warmLaneTroubles(
  db: Queryable,
  since: number,
  least: { readonly attempts: number; readonly share: number },
): Promise<WarmLaneTrouble[]> {
  const { rows } = await db.query(
    `with lately as (
       select r.address, r.provider, sum(r.attempts)::int as attempts, sum(r.deferred)::int as deferred
       from rollups r join lanes l using (address, provider)
       where r.bucket >= $1 and l.phase = 'warm' group by 1, 2
     )
     select a.pool, host(t.address) as address, t.provider, t.attempts,
       case when t.attempts < $2 or t.deferred < $3::float8 * t.attempts then 0 else (
         select count(*)::int from attempts x where x.address = t.address and x.provider = t.provider and x.at >= $1
           and x.unit and x.class = 'infrastructure') end as failed
     from lately t join addresses a using (address)`,
    [new Date(since), least.attempts, least.share],
  );
  return rows;
}

/** Attempts and failures of a pool's lanes since an instant, by provider; from the minute rollups. */
export async function poolFailures(
  db: Queryable,
  pool: string,
  since: number,
): Promise<{ provider: string; attempts: number; hard: number; blocked: number }[]> {
  const { rows } = await db.query(
    `select r.provider, sum(r.attempts)::int as attempts, sum(r.hard)::int as hard, sum(r.blocked)::int as blocked
     from rollups r join addresses a using (address) where a.pool = $1 and r.bucket >= $2 group by 1 order by 1`,
    [pool, new Date(since)],
  );
  return rows;
}
