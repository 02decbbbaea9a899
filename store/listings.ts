/** What DNS lists said of each address when they were asked last. */
import type { Queryable } from './connect.ts';

export interface ListingCheckRow {
  readonly zone: string;
  /** Instants, ms. */
  readonly askedAt: number;
  readonly answeredAt: number | null;
  readonly listedSince: number | null;
  readonly codes: readonly string[];
  readonly problem: string | null;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;

export async function listingChecks(db: Queryable, address: string): Promise<ListingCheckRow[]> {
  const { rows } = await db.query(
    `select zone, ${ms('asked_at')} as "askedAt", ${ms('answered_at')} as "answeredAt",
       ${ms('listed_since')} as "listedSince", codes, problem
     from listing_checks where address = $1 order by zone`,
    [address],
  );
  return rows;
}

export interface ListingAnswer {
  readonly address: string;
  readonly zone: string;
  /** ms */
  readonly at: number;
  /** Return codes; none: not listed; null: the list gave no answer, and what it said before stands. */
  readonly codes: readonly string[] | null;
  readonly problem: string | null;
}

/** Keeps an answer, and what was known before it. The row is locked until the transaction ends: two readers count one change once. */
export async function noteListing(
  db: Queryable,
  answer: ListingAnswer,
): Promise<{ readonly before: readonly string[] }> {
  const { address, zone, at, codes, problem } = answer;
  await db.query(`insert into listing_checks (address, zone, asked_at) values ($1, $2, $3) on conflict do nothing`, [
    address,
    zone,
    new Date(at),
  ]);
  const { rows } = await db.query('select codes from listing_checks where address = $1 and zone = $2 for update', [
    address,
    zone,
  ]);
  await db.query(
    `update listing_checks set asked_at = greatest(asked_at, $3), problem = $5,
       answered_at = case when $4::text[] is null then answered_at else $3 end,
       codes = coalesce($4, codes),
       listed_since = case when $4 is null then listed_since when $4 = '{}' then null else coalesce(listed_since, $3) end
     where address = $1 and zone = $2`,
    [address, zone, new Date(at), codes, problem],
  );
  return { before: rows[0].codes };
}

export interface QuotedListing {
  readonly address: string;
  readonly provider: string;
  /** The last such answer, ms. */
  readonly at: number;
}

/** Addresses that a provider has refused since an instant (ms) quoting a list, with the last time of each. */
export async function quotedListings(db: Queryable, since: number): Promise<QuotedListing[]> {
  // The minute rollups say where there was any such answer at all: attempts are only read there.
  const { rows } = await db.query(
    `select distinct on (r.address) host(r.address) as address, r.provider, ${ms('a.at')} as at
     from rollups r join attempts a on a.address = r.address and a.provider = r.provider and a.at >= $1
     where r.bucket >= $1::timestamptz - interval '2 minutes' and r.reputation > 0 and a.class = 'listing' and a.scope = 'ip'
     order by r.address, a.at desc`,
    [new Date(since)],
  );
  return rows;
}

/** Live holds that listings have placed on an address, with the list of each. */
export async function listingHolds(db: Queryable, address: string): Promise<{ id: number; zone: string }[]> {
  const { rows } = await db.query(
    `select id, split_part(cause, ':', 3) as zone from holds
     where scope = 'address' and target = $1 and cleared_at is null and (until is null or until > now())
       and starts_with(cause, 'incident:dnsbl:')`,
    [address],
  );
  return rows;
}
