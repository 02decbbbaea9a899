/** When each complaint feed spoke, and what was delivered meanwhile: whether its silence means anything. */
import type { FeedHistory } from '../policy/feeds.ts';
import type { Queryable } from './connect.ts';

/** History of providers' feeds between two instants (ms), over all addresses: a feed is one for all of them. */
export async function feedHistories(
  db: Queryable,
  providers: readonly string[],
  since: number,
  now: number,
): Promise<ReadonlyMap<string, FeedHistory>> {
  const { rows } = await db.query(
    `with spoke as (
       select provider, count(*)::int as reports, max(at) as last from complaints
       where provider = any($1::text[]) and at >= $2 and at <= $3 group by 1
     ), sent as (
       select provider, bucket, sum(delivered) as delivered from rollups
       where provider = any($1::text[]) and bucket >= $2 and bucket <= $3 group by 1, 2
     )
     select p.provider, coalesce(max(spoke.reports), 0) as reports,
       extract(epoch from max(spoke.last))::float8 * 1000 as "lastReport",
       coalesce(sum(delivered) filter (where bucket <= spoke.last), 0)::int as "deliveredBefore",
       coalesce(sum(delivered) filter (where spoke.last is null or bucket > spoke.last), 0)::int as "deliveredSince"
     from unnest($1::text[]) as p(provider) left join spoke using (provider) left join sent using (provider)
     group by 1`,
    [providers, new Date(since), new Date(now)],
  );
  return new Map(rows.map(({ provider, ...history }) => [provider, history]));
}
