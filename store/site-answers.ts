/**
 * What a site said about a lane before any message: in the banner, to EHLO or to MAIL. No message was attempted, so there is
 * no attempt row and no unit; but the fast gates must see it, or a provider that refuses at the door looks like silence.
 */
import type { Queryable } from './connect.ts';

export interface SiteAnswer {
  readonly address: string;
  readonly provider: string;
  /** ms since 1970. */
  readonly at: number;
  /** A 5xx: counted as a block as well. */
  readonly blocked: boolean;
}

/** Counts the answer in the lane's rollup as one attempt that met a reputation answer. `bucketMs`: as in commitOutcomes. */
export async function countSiteAnswer(db: Queryable, answer: SiteAnswer, bucketMs: number): Promise<void> {
  await db.query(
    `insert into rollups as r (address, provider, campaign, bucket, attempts, deferred, reputation, blocked)
     values ($1, $2, '', date_bin(make_interval(secs => $5::float8 / 1000), $3, 'epoch'), 1, $6, 1, $4)
     on conflict (address, provider, campaign, bucket, process) do update set
       attempts = r.attempts + 1, deferred = r.deferred + excluded.deferred, reputation = r.reputation + 1,
       blocked = r.blocked + excluded.blocked`,
    [answer.address, answer.provider, new Date(answer.at), answer.blocked ? 1 : 0, bucketMs, answer.blocked ? 0 : 1],
  );
}
