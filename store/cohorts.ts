/**
 * Counts of the gates' cohorts: messages by the window (and, where they are no campaign's, the six hours) in which they
 * were first tried on their lane. Totals, not news: counting them again gives the same, late answers included.
 */
import type { Counted } from '../policy/gates/levels.ts';
import type { Queryable } from './connect.ts';

/** Cause of the hold that marks a provider's own outage. */
export const PROVIDER_OUTAGE = 'incident:provider-outage';

export interface CohortQuery {
  readonly address: string;
  /** Windows whose sends are counted, oldest first; ms. */
  readonly windows: readonly { readonly index: number; readonly start: number; readonly end: number }[];
  readonly now: number;
  /** ms after its first attempt at which an undelivered message is a deferral. */
  readonly deferralAfterMs: number;
  /** ms before a provider's incident was noticed in which its answers were part of it. */
  readonly incidentMs: number;
}

export interface CohortCount {
  readonly provider: string;
  readonly metric: Counted;
  /** '' for metrics that count by six hours, and for mail without a campaign. */
  readonly campaign: string;
  readonly day: number;
  readonly part: number;
  readonly trials: number;
  readonly events: number;
  /** Deferral: tried, and neither delivered nor old enough to be one. */
  readonly undecided: number;
}

interface Row {
  readonly provider: string;
  /** null: the row is of six hours, else of a campaign. */
  readonly campaign: string | null;
  readonly day: number;
  readonly part: number;
  readonly byPart: boolean;
  readonly deferralTrials: number;
  readonly deferrals: number;
  readonly undecided: number;
  readonly messages: number;
  readonly blocks: number;
  readonly bounceTrials: number;
  readonly bounces: number;
  readonly failures: number;
  readonly deliveries: number;
  readonly complaints: number;
}

/** Totals of every cohort of the address's lanes that was sent in these windows, since each lane's last retreat. */
export async function measureCohorts(db: Queryable, query: CohortQuery): Promise<CohortCount[]> {
  const { windows } = query;
  if (windows.length === 0) return [];
  const since = Math.min(...windows.map((one) => one.start));
  const { rows } = await db.query<Row>(
    `with w as (
       select * from unnest($6::int[], $7::timestamptz[], $8::timestamptz[]) as w(day, starts, ends)
     ), sent as (
       select a.provider, a.recipient, a.campaign, min(a.first_at) as first_at,
         min(a.at) filter (where a.severity = 'delivered') as delivered_at,
         bool_or(a.severity = 'deferred' and a.class <> 'greylist') as was_deferred,
         bool_or(a.severity = 'hard') as hard, bool_or(a.severity = 'soft') as soft,
         bool_or(a.severity = 'blocked') as blocked, bool_or(a.severity = 'expired') as expired,
         bool_or(a.unit) as tried
       from attempts a join lanes l on l.address = a.address and l.provider = a.provider
       where a.address = $1 and a.at >= $2 and a.at <= $3 and (a.unit or a.severity = 'expired') and not a.probe
         and a.severity <> 'in-doubt' and a.first_at >= greatest(l.evidence_since, $2)
         -- What a provider's own bad hour answered says nothing about us (DEFAULTS.providerIncident).
         and not (a.class = 'infrastructure' and exists (
           select from holds h where h.scope = 'provider' and h.target = a.provider and h.cause = $9
             and a.at between h.since - make_interval(secs => $5::float8 / 1000)
               and least(coalesce(h.cleared_at, 'infinity'), coalesce(h.until, 'infinity'))))
       group by 1, 2, 3
     ), judged as (
       select s.*, w.day,
         least(3, floor(4 * extract(epoch from s.first_at - w.starts) / extract(epoch from w.ends - w.starts)))::int as part,
         s.first_at <= $3::timestamptz - make_interval(secs => $4::float8 / 1000) as old,
         s.delivered_at is not null
           and s.delivered_at <= s.first_at + make_interval(secs => $4::float8 / 1000) as in_time,
         c.recipient is not null as complained, lb.recipient is not null as late
       from sent s join w on s.first_at >= w.starts and s.first_at < w.ends
         left join complaints c on c.recipient = s.recipient
         left join late_bounces lb on lb.recipient = s.recipient and lb.severity = 'hard'
       where s.tried
     ), cut as (
       select *, case when campaign = '' then part else 0 end as campaign_part from judged
     )
     select provider, day, grouping(campaign) = 1 as "byPart",
       case when grouping(campaign) = 1 then null else campaign end as campaign,
       case when grouping(campaign) = 1 then part else campaign_part end as part,
       count(*) filter (where not hard and (old or in_time))::int as "deferralTrials",
       count(*) filter (where old and not in_time and was_deferred and not hard)::int as deferrals,
       count(*) filter (where not old and not in_time and was_deferred and not hard)::int as undecided,
       count(*)::int as messages, count(*) filter (where blocked)::int as blocks,
       count(*) filter (where hard or soft or blocked or expired or delivered_at is not null)::int as "bounceTrials",
       count(*) filter (where hard or late)::int as bounces,
       count(*) filter (where (soft or expired) and delivered_at is null and not hard and not blocked)::int as failures,
       -- What bounced after 250 reached nobody who could complain.
       count(*) filter (where delivered_at is not null and not late)::int as deliveries,
       count(*) filter (where complained)::int as complaints
     from cut group by grouping sets ((provider, day, part), (provider, day, campaign, campaign_part))`,
    [
      query.address,
      new Date(since),
      new Date(query.now),
      query.deferralAfterMs,
      query.incidentMs,
      windows.map((one) => one.index),
      windows.map((one) => new Date(one.start)),
      windows.map((one) => new Date(one.end)),
      PROVIDER_OUTAGE,
    ],
  );
  return rows.flatMap(countsOf);
}

function countsOf(row: Row): CohortCount[] {
  const { provider, day, part } = row;
  const count = (metric: Counted, trials: number, events: number, undecided = 0): CohortCount => ({
    ...{ provider, day, part, metric, trials, events, undecided },
    campaign: row.campaign ?? '',
  });
  if (row.byPart)
    return [
      count('deferral', row.deferralTrials, row.deferrals, row.undecided),
      count('block', row.messages, row.blocks),
    ];
  return [
    count('hard-bounce', row.bounceTrials, row.bounces),
    count('delivery', row.bounceTrials, row.failures),
    count('complaint', row.deliveries, row.complaints),
  ];
}

/** Has a report about an address's mail come in since an instant (ms)? */
export async function reportsSince(db: Queryable, address: string, since: number): Promise<boolean> {
  const { rows } = await db.query(
    `select exists (select from complaints where address = $1 and at > $2)
       or exists (select from late_bounces where address = $1 and at > $2) as news`,
    [address, new Date(since)],
  );
  return rows[0].news;
}
