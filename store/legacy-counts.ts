/** The legacy arm's side of a comparison: what became of the mail that was handed on, by its engine's own events. */
import type { Queryable } from './connect.ts';
import { UPSTREAM } from './pools.ts';

export interface LegacyCount {
  readonly provider: string;
  readonly campaign: string;
  readonly segment: string;
  readonly stream: 'marketing' | 'transactional';
  /** Start of the hour in which it was handed over, ms. */
  readonly hour: number;
  /** Recipients handed over, and those of them whose engine said anything that ends or delays them. */
  readonly relayed: number;
  readonly messages: number;
  readonly delivered: number;
  /** Put off, and not delivered `deferralAfterMs` after the first attempt; greylisting apart. Hard bounces are none. */
  readonly deferred: number;
  /** Put off, and not old enough to be one. */
  readonly undecided: number;
  readonly hard: number;
  readonly blocked: number;
  readonly complaints: number;
}

/**
 * Counts of mail the application handed in for pool `front`, and an upstream took between `from` and `to` (ms), by the
 * hour it was handed over: a late event updates its cohort. Probes are left out. The provider is that of the events; where
 * they do not show it, the one known when it was handed over, else `other`.
 */
export async function legacyCounts(
  db: Queryable,
  front: string,
  from: number,
  to: number,
  options: { readonly deferralAfterMs: number; readonly now: number },
): Promise<LegacyCount[]> {
  const { rows } = await db.query(
    `with recursive known(provider) as (
       -- Attempts without an address are found by provider and time; there are few providers.
       (select provider from attempts where address is null order by provider limit 1)
       union all
       select (select a.provider from attempts a where a.address is null and a.provider > k.provider order by a.provider limit 1)
       from known k where k.provider is not null
     ), sent as (
       select distinct on (a.recipient) a.recipient, a.at, nullif(a.provider, $6) as provider, m.campaign, m.segment, m.stream
       from known k join attempts a on a.address is null and a.provider = k.provider and a.at >= $2 and a.at < $3
         join messages m on m.id = a.message
       where m.pool = $1 and a.severity in ('relayed', 'in-doubt') and not a.probe
       order by a.recipient, a.at
     ), told as (
       select s.*, e.provider as by_engine, e.first_at, e.delivered_at, e.put_off, e.hard, e.blocked, e.complained, e.ended
       from sent s left join lateral (
         -- A complaint names no MX host, and DNS may not have answered: whoever answered knows best.
         select (array_agg(e.provider order by e.host is null, e.provider = 'other', e.at desc)
             filter (where e.provider is not null))[1] as provider,
           min(e.at) filter (where e.kind not in ('accepted', 'complaint')) as first_at,
           min(e.at) filter (where e.kind = 'delivered') as delivered_at,
           bool_or(e.kind = 'deferred' and e.class is distinct from 'greylist') as put_off,
           bool_or(e.kind = 'hard') as hard, bool_or(e.kind = 'blocked') as blocked,
           bool_or(e.kind = 'complaint') as complained, bool_or(e.kind <> 'accepted') as ended
         from legacy_events e where e.recipient = s.recipient
       ) e on true
     ), judged as (
       select *, coalesce(put_off and not hard, false)
           and (delivered_at is null or delivered_at > first_at + make_interval(secs => $4::float8 / 1000)) as late,
         first_at <= to_timestamp($5::float8 / 1000) - make_interval(secs => $4::float8 / 1000) as old
       from told
     )
     select coalesce(by_engine, provider, 'other') as provider, campaign, segment, stream,
       extract(epoch from date_trunc('hour', at, 'UTC'))::float8 * 1000 as hour, count(*)::int as relayed,
       count(*) filter (where ended)::int as messages, count(delivered_at)::int as delivered,
       count(*) filter (where late and old)::int as deferred, count(*) filter (where late and not old)::int as undecided,
       count(*) filter (where hard)::int as hard, count(*) filter (where blocked)::int as blocked,
       count(*) filter (where complained)::int as complaints
     from judged group by 1, 2, 3, 4, 5 order by 5, 1, 2, 3, 4`,
    [front, new Date(from), new Date(to), options.deferralAfterMs, options.now, UPSTREAM],
  );
  return rows;
}
