/** Addresses that just turned out dead, and how unusual that is at their provider. */
import type { BounceCount } from '../policy/dead-addresses.ts';
import type { Queryable } from './connect.ts';

export interface DeadAddress {
  readonly recipient: number;
  readonly rcpt: string;
  readonly address: string | null;
  readonly provider: string;
  readonly reply: string;
  readonly at: Date;
}

/**
 * Takes dead addresses off the work list (a trigger on `attempts` fills it in the outcome's own transaction, so none is
 * passed by). Call it in the transaction that suppresses them.
 */
export async function takeDead(db: Queryable, limit: number): Promise<DeadAddress[]> {
  const { rows } = await db.query(
    `delete from dead_found where recipient in
       (select recipient from dead_found order by recipient limit $1 for update skip locked)
     returning recipient, rcpt, host(address) as address, provider, reply, at`,
    [limit],
  );
  return rows;
}

/** Cause of the holds that a provider's bad hours place. */
export const DEAD_ADDRESSES_CAUSE = 'gate:dead-addresses';

/** Earlier bad hours of a provider: they end with their hold, and count neither as recent nor as usual. */
const BAD = `bad as (
  select to_timestamp((evidence->>'from')::float8 / 1000) as from_at, least(until, coalesce(cleared_at, until)) as to_at
  from holds where cause = '${DEAD_ADDRESSES_CAUSE}' and scope = 'lane' and target like '% ' || $1 and until > $2)`;

export interface RecentBounces extends BounceCount {
  /** When they begin, ms. */
  readonly from: number;
  /** Lanes that made them. */
  readonly addresses: readonly string[];
  /** Attempts by campaign. */
  readonly campaigns: Readonly<Record<string, number>>;
  /** Its bad hours are not over: a hold of theirs is in force. */
  readonly bad: boolean;
}

/** The newest attempts at a provider: whole buckets until `window` attempts are there, none before `since` (ms). */
export async function recentBounces(
  db: Queryable,
  provider: string,
  window: number,
  since: number,
): Promise<RecentBounces> {
  const { rows } = await db.query(
    `with ${BAD}, r as (
       select address, campaign, bucket, attempts, hard from rollups
       where provider = $1 and bucket >= greatest($2, (select max(to_at) from bad))
     ), counted as (
       select bucket, sum(sum(attempts)) over (order by bucket desc) - sum(attempts) as newer from r group by bucket
     ), newest as (
       select r.* from r where bucket >= (select min(bucket) from counted where newer < $3)
     )
     select extract(epoch from min(bucket))::float8 * 1000 as "from", coalesce(sum(attempts), 0)::int as attempts,
       coalesce(sum(hard), 0)::int as hard, coalesce(array_agg(distinct host(address)), '{}') as addresses,
       coalesce((select json_object_agg(campaign, n) from (select campaign, sum(attempts) as n from newest group by 1) c), '{}')
         as campaigns,
       coalesce((select max(to_at) > now() from bad), false) as bad
     from newest`,
    [provider, new Date(since), window],
  );
  return { ...rows[0], from: rows[0].from ?? since };
}

/** Attempts and hard bounces at a provider between two instants (ms). Reads every rollup between them: remember it. */
export async function bouncesBetween(db: Queryable, provider: string, from: number, to: number): Promise<BounceCount> {
  const { rows } = await db.query(
    `with ${BAD} select coalesce(sum(attempts), 0)::int as attempts, coalesce(sum(hard), 0)::int as hard from rollups
     where provider = $1 and bucket >= $2 and bucket < $3
       and not exists (select from bad where bucket >= from_at and bucket < to_at)`,
    [provider, new Date(from), new Date(to)],
  );
  return rows[0];
}

/** The same campaigns at other providers since an instant (ms), by name. */
export async function bouncesElsewhere(
  db: Queryable,
  provider: string,
  campaigns: readonly string[],
  since: number,
): Promise<ReadonlyMap<string, BounceCount>> {
  const { rows } = await db.query(
    `select campaign, sum(attempts)::int as attempts, sum(hard)::int as hard from rollups
     where bucket >= $3 and provider <> $1 and campaign = any($2::text[]) group by 1`,
    [provider, campaigns, new Date(since)],
  );
  return new Map(rows.map(({ campaign, ...count }) => [campaign, count]));
}
