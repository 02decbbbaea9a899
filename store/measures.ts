/** What evaluations and fast gates measure: cohorts by the time a message was first sent on its lane. */
import type { WarmLaneTrouble } from '../policy/provider-incident.ts';
import type { Queryable } from './connect.ts';

/** Cause of the hold that marks a provider's own outage. */
export const PROVIDER_OUTAGE = 'incident:provider-outage';

/** Numbers of one lane over one stretch of sends. Late metrics are matured by their reporting lag. */
export interface LaneMeasure {
  readonly provider: string;
  readonly messages: number;
  readonly deferralTrials: number;
  readonly deferrals: number;
  readonly deferralAwaiting: number;
  readonly deferralCampaigns: number;
  readonly blocks: number;
  readonly blockCampaigns: number;
  readonly bounceTrials: number;
  readonly bounces: number;
  readonly bounceCampaigns: number;
  readonly complaintTrials: number;
  readonly complaintAwaiting: number;
  readonly complaints: number;
  readonly complaintCampaigns: number;
}

export interface MeasureQuery {
  readonly address: string;
  /** Earliest send that counts; a lane's own `evidence_since` may be later. */
  readonly since: number;
  readonly now: number;
  /** ms after its first attempt at which an undelivered message is a deferral. */
  readonly deferralAfterMs: number;
  readonly complaintLagMs: number;
  /** ms before a provider's incident was noticed in which its answers were part of it. */
  readonly incidentMs: number;
  /** Campaigns that are suspended: their bounces and complaints are their own, not the lane's. */
  readonly excluded: readonly string[];
}

/** One row a lane of the address that sent anything since then. */
export async function measureLanes(db: Queryable, query: MeasureQuery): Promise<LaneMeasure[]> {
  const { rows } = await db.query(
    `with sent as (
       select a.provider, a.recipient, a.campaign, min(a.at) as first_at,
         min(a.at) filter (where a.severity = 'delivered') as delivered_at,
         bool_or(a.severity = 'deferred' and a.class <> 'greylist') as was_deferred,
         bool_or(a.severity = 'hard') as hard, bool_or(a.severity in ('soft')) as soft, bool_or(a.severity = 'blocked') as blocked
       from attempts a join lanes l on l.address = a.address and l.provider = a.provider
       where a.address = $1 and a.at >= $2 and a.at <= $3 and a.unit and not a.probe and a.severity <> 'in-doubt'
         and a.first_at >= greatest(l.evidence_since, $2)
         -- What a provider's own bad hour answered says nothing about us (DEFAULTS.providerIncident).
         and not (a.class = 'infrastructure' and exists (
           select from holds h where h.scope = 'provider' and h.target = a.provider and h.cause = $7
             and a.at between h.since - make_interval(secs => $8::float8 / 1000)
               and least(coalesce(h.cleared_at, 'infinity'), coalesce(h.until, 'infinity'))))
       group by 1, 2, 3
     ), judged as (
       select s.*, s.campaign = any($6::text[]) as excluded,
         s.first_at <= $3::timestamptz - make_interval(secs => $4::float8 / 1000) as old,
         s.delivered_at is not null
           and s.delivered_at <= s.first_at + make_interval(secs => $4::float8 / 1000) as in_time,
         1 - exp(-greatest(0, extract(epoch from $3::timestamptz - s.delivered_at)) * 1000 / $5::float8) as matured,
         c.recipient is not null as complained, lb.recipient is not null as late
       from sent s left join complaints c on c.recipient = s.recipient
         left join late_bounces lb on lb.recipient = s.recipient and lb.severity = 'hard'
     )
     select provider, count(*)::int as messages,
       count(*) filter (where not hard and (old or in_time))::int as "deferralTrials",
       count(*) filter (where old and not in_time and was_deferred and not hard)::int as "deferrals",
       count(*) filter (where not old and not in_time and was_deferred and not hard)::int as "deferralAwaiting",
       count(distinct campaign) filter (where old and not in_time and was_deferred and not hard)::int as "deferralCampaigns",
       count(*) filter (where blocked)::int as blocks,
       count(distinct campaign) filter (where blocked)::int as "blockCampaigns",
       count(*) filter (where not excluded and (hard or soft or blocked or delivered_at is not null))::int as "bounceTrials",
       count(*) filter (where (hard or late) and not excluded)::int as bounces,
       count(distinct campaign) filter (where (hard or late) and not excluded)::int as "bounceCampaigns",
       -- What bounced after 250 reached nobody who could complain.
       coalesce(sum(matured) filter (where delivered_at is not null and not late and not excluded), 0)::float8
         as "complaintTrials",
       coalesce(sum(1 - matured) filter (where delivered_at is not null and not late and not excluded), 0)::float8
         as "complaintAwaiting",
       count(*) filter (where complained and not excluded)::int as complaints,
       count(distinct campaign) filter (where complained and not excluded)::int as "complaintCampaigns"
     from judged group by provider`,
    [
      query.address,
      new Date(query.since),
      new Date(query.now),
      query.deferralAfterMs,
      query.complaintLagMs,
      query.excluded,
      PROVIDER_OUTAGE,
      query.incidentMs,
    ],
  );
  return rows;
}

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
}

/** Probes of an address since a window; `bad` = spam or missing. A mailbox that could not be read is no trial. */
export async function measurePlacement(
  db: Queryable,
  address: string,
  sinceWindow: number,
): Promise<PlacementMeasure[]> {
  const { rows } = await db.query(
    `select p.provider, count(*) filter (where placement in ('inbox', 'tab', 'spam', 'missing'))::int as observed,
       count(*) filter (where placement in ('spam', 'missing'))::int as bad,
       count(*) filter (where placement = 'unobserved')::int as unobserved,
       count(*) filter (where placement is null)::int as waiting
     from probes p join lanes l using (address, provider)
     where p.address = $1 and p.window_index >= $2 and p.sent_at >= l.evidence_since group by p.provider`,
    [address, sinceWindow],
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
