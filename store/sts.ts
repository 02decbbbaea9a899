/** MTA-STS policies that were fetched (RFC 8461 §3.3): one row a domain, the last one that was fetched. */
import type { Queryable } from './connect.ts';

export interface StoredStsPolicy {
  /** The id= of the TXT record it was fetched for. */
  readonly id: string;
  readonly mode: 'enforce' | 'testing' | 'none';
  /** MX patterns, lower case. */
  readonly mx: readonly string[];
  /** Seconds. */
  readonly maxAge: number;
  /** ms since 1970. */
  readonly fetchedAt: number;
}

/** The domain's policy unless its time has run out. */
export async function stsPolicyOf(db: Queryable, domain: string): Promise<StoredStsPolicy | undefined> {
  const { rows } = await db.query(
    `select policy_id as id, mode, mx, max_age as "maxAge", extract(epoch from fetched_at)::float8 * 1000 as "fetchedAt"
     from sts_policies where domain = $1 and fetched_at + make_interval(secs => max_age) > now()`,
    [domain],
  );
  return rows[0];
}

/** Keeps what was fetched now. */
export async function storeStsPolicy(
  db: Queryable,
  domain: string,
  policy: Omit<StoredStsPolicy, 'fetchedAt'>,
): Promise<void> {
  await db.query(
    `insert into sts_policies (domain, policy_id, mode, mx, max_age) values ($1, $2, $3, $4, $5)
     on conflict (domain) do update set policy_id = excluded.policy_id, mode = excluded.mode, mx = excluded.mx,
       max_age = excluded.max_age, fetched_at = now()`,
    [domain, policy.id, policy.mode, policy.mx, policy.maxAge],
  );
}
