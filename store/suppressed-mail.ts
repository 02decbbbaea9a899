/** Queued mail whose recipient was suppressed after it was accepted: it ends unsent, with the reason. */
import type { Queryable } from './connect.ts';

/**
 * Finishes recipients this process has claimed and did not attempt: an attempt row without a unit says why, so the lane's
 * evidence does not see them. Rows whose claim is no longer this process's are left alone.
 */
export async function endSuppressed(
  db: Queryable,
  process: string,
  ended: readonly { readonly id: number; readonly reply: string }[],
): Promise<void> {
  await db.query(
    `with ended as (
       select * from unnest($2::bigint[], $3::text[]) as e(id, reply)
     ), gone as (
       delete from queue q using ended where q.id = ended.id and q.claim is not distinct from $1 returning q.*, ended.reply
     )
     insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope, rule,
       reply, final, campaign, tenant, probe, process, rcpt)
     select id, message, address, coalesce(provider, 'other'), now(), attempts + 1, first_attempt, false, 'soft',
       'recipient', 'recipient', 'suppressed', reply, true, campaign, tenant, campaign = 'probe', $1, rcpt from gone`,
    [process, ended.map((one) => one.id), ended.map((one) => one.reply)],
  );
}
