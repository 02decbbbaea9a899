/**
 * Who must not get mail: entries, matching, and their end. Entries match by the SHA-256 of the normalised recipient, so
 * a list that was imported as hashes works like any other.
 */

import type { SuppressionReach } from '../policy/suppression.ts';
import { byteaArray } from './binary.ts';
import { type Queryable, type Store, tx } from './connect.ts';
import { envelopeKeys } from './recipient-key.ts';

export type Streams = 'all' | 'marketing';
export type SuppressionSource = 'hard-bounce' | 'complaint' | 'manual' | 'import' | 'unsubscribe';

/** Whose mail an entry stops: everybody's, one pool's, or one tenant's. */
export interface SuppressionScope {
  readonly kind: 'global' | 'pool' | 'tenant';
  /** Name of the pool or tenant; global: `*`. */
  readonly target: string;
}

export const EVERYWHERE: SuppressionScope = { kind: 'global', target: '*' };

export interface SuppressionEntry {
  /** SHA-256 of the normalised recipient (recipient-key.ts); from a list of another system also its MD5 or SHA-1. */
  readonly key: Buffer;
  /** The normalised recipient; null: only its hash is known. */
  readonly recipient: string | null;
  readonly scope: SuppressionScope;
  readonly streams: Streams;
  readonly source: SuppressionSource;
  readonly reason: string;
  readonly actor: string;
  /** The provider that said so; null: a person or a list. */
  readonly provider?: string | null;
  /** ms; default: now. */
  readonly since?: number;
  /** ms after which it does not match any more (provisional); default: it stays. */
  readonly until?: number | null;
}

/** What a person or a log is told about a match. */
export interface Suppressed {
  readonly reason: string;
  readonly source: SuppressionSource;
  readonly since: Date;
}

const LIVE = '(s.until is null or s.until > now())';
/**
 * The keys of a row q that may match. Asked once a query: most lists have none but SHA-256. The order makes it look into the
 * small index of the others: without it a third of the list is thought to be such, and the list is read.
 */
const HASHES = `unnest(case when
    (select length(key) from suppressions where length(key) < 32 order by length(key) limit 1) is null
  then array[q.key] else array[q.key, q.md5, q.sha1] end)`;
/** Of several entries the one that stops most is named. */
const STRONGEST_FIRST = `(s.streams = 'all') desc, (s.scope = 'global') desc, s.since`;

/** An entry as injection looks at it: what it stops, and what is said of it. */
export interface RecipientEntry extends Suppressed, SuppressionReach {}

/**
 * Every live entry of these recipients, by recipient as given, those that stop most first; who has none is left out. One
 * query, whatever their number.
 */
export async function suppressionEntries(
  db: Queryable,
  recipients: readonly string[],
): Promise<ReadonlyMap<string, readonly RecipientEntry[]>> {
  if (recipients.length === 0) return new Map();
  const [sha256, md5, sha1] = keyColumns(recipients);
  const { rows } = await db.query({
    name: 'suppression-entries',
    text: `select q.n::int, s.reason, s.source, s.since, s.scope, s.target, s.streams
      from unnest($1::bytea[], $2::bytea[], $3::bytea[]) with ordinality as q(key, md5, sha1, n)
      cross join lateral ${HASHES} as k(key) join suppressions s on s.key = k.key and ${LIVE}
      order by q.n, ${STRONGEST_FIRST}`,
    values: [sha256, md5, sha1],
  });
  const byRecipient = new Map<string, RecipientEntry[]>();
  for (const { n, ...entry } of rows) {
    const recipient = recipients[n - 1] as string;
    const entries = byRecipient.get(recipient);
    if (entries === undefined) byRecipient.set(recipient, [entry]);
    else entries.push(entry);
  }
  return byRecipient;
}

/** The keys of recipients as parameters: SHA-256, MD5, SHA-1. */
function keyColumns(recipients: readonly string[]) {
  const keys = recipients.map(envelopeKeys);
  const column = (n: 0 | 1 | 2) => byteaArray(keys.map((of) => of[n]));
  return [column(0), column(1), column(2)] as const;
}

/** What of queued mail decides whether an entry stops it. */
export interface Addressed {
  readonly id: number;
  readonly rcpt: string;
  readonly pool: string;
  readonly tenant: string;
  readonly stream: string;
  /** The pool the application named, where another carries it; null or absent: the same. */
  readonly front?: string | null;
}

/** Which queue rows, each of its own pool, tenant and stream, must not be sent; keys are their ids. */
export async function suppressedAmong(
  db: Queryable,
  rows: readonly Addressed[],
): Promise<ReadonlyMap<number, Suppressed>> {
  if (rows.length === 0) return new Map();
  const [sha256, md5, sha1] = keyColumns(rows.map(({ rcpt }) => rcpt));
  const found = await db.query({
    name: 'suppressed-among',
    text: `select distinct on (q.id) q.id, s.reason, s.source, s.since
      from unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[])
         as q(id, key, tenant, stream, pool, md5, sha1)
       cross join lateral ${HASHES} as k(key)
       join suppressions s on s.key = k.key and ${LIVE} and (s.streams = 'all' or q.stream = 'marketing')
         and (s.scope, s.target) in (('global', '*'), ('pool', q.pool), ('tenant', q.tenant))
      order by q.id, ${STRONGEST_FIRST}`,
    values: [
      rows.map((row) => row.id),
      sha256,
      rows.map((row) => row.tenant),
      rows.map((row) => row.stream),
      rows.map((row) => row.front ?? row.pool),
      md5,
      sha1,
    ],
  });
  return new Map(found.rows.map(({ id, ...entry }) => [id, entry]));
}

/**
 * Adds what a relation of entries holds. The first reason is kept beside the new one: both are true. Sorted by key, so
 * that two who add the same entries at once wait for each other and never in a circle.
 */
const addFrom = (relation: string) =>
  `insert into suppressions as s (key, recipient, scope, target, streams, source, reason, actor, provider, since, until)
   select distinct on (key, scope, target) key, recipient, scope, target, streams, source, left(reason, 500), actor,
     provider, coalesce(since, now()), until
   from ${relation} as e(key, recipient, scope, target, streams, source, reason, actor, provider, since, until)
   order by key, scope, target, streams, until desc nulls first, since
   on conflict (key, scope, target) do update set
     recipient = coalesce(s.recipient, excluded.recipient),
     streams = case when s.until <= now() then excluded.streams else least(s.streams, excluded.streams) end,
     source = case when s.until <= now() then excluded.source else s.source end,
     actor = case when s.until <= now() then excluded.actor else s.actor end,
     provider = case when s.until <= now() then excluded.provider else s.provider end,
     since = case when s.until <= now() then excluded.since else s.since end,
     until = case when s.until is null or excluded.until is null then null else greatest(s.until, excluded.until) end,
     reason = case when s.until <= now() or s.reason = excluded.reason then excluded.reason
       else left(s.reason || '; ' || excluded.reason, 500) end
   where excluded.streams < s.streams or (s.recipient is null and excluded.recipient is not null)
     or (s.until is not null and (excluded.until is null or excluded.until > s.until))`;

const GIVEN = `unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
  $9::text[], $10::timestamptz[], $11::timestamptz[])`;

function columns(entries: readonly SuppressionEntry[]): unknown[] {
  const column = <T>(pick: (entry: SuppressionEntry) => T) => entries.map(pick);
  const date = (at: number | null | undefined) => (at === null || at === undefined ? null : new Date(at));
  return [
    column((e) => e.key),
    column((e) => e.recipient),
    column((e) => e.scope.kind),
    column((e) => e.scope.target),
    column((e) => e.streams),
    column((e) => e.source),
    column((e) => e.reason),
    column((e) => e.actor),
    column((e) => e.provider ?? null),
    column((e) => date(e.since)),
    column((e) => date(e.until)),
  ];
}

/** Adds entries; returns how many are new or say more than what was there (more streams, a longer time). */
export async function suppress(db: Queryable, entries: readonly SuppressionEntry[]): Promise<number> {
  if (entries.length === 0) return 0;
  const { rowCount } = await db.query(addFrom(GIVEN), columns(entries));
  return rowCount ?? 0;
}

/**
 * Adds any number of entries, all or none: where `batches` throws, nothing was added. They are collected in a table of
 * this connection first, so that nobody who suppresses meanwhile waits for the reading of a file.
 */
export async function importSuppressions(
  store: Store,
  batches: AsyncIterable<readonly SuppressionEntry[]>,
): Promise<{ readonly read: number; readonly changed: number }> {
  return tx(store, async (db) => {
    await db.query(
      `create temporary table suppression_import (key bytea, recipient text, scope text, target text, streams text,
         source text, reason text, actor text, provider text, since timestamptz, until timestamptz) on commit drop`,
    );
    let read = 0;
    for await (const batch of batches) {
      read += batch.length;
      await db.query(`insert into suppression_import select * from ${GIVEN}`, columns(batch));
    }
    const { rowCount } = await db.query(addFrom('(select * from suppression_import)'));
    return { read, changed: rowCount ?? 0 };
  });
}

const TO_HISTORY = `insert into suppression_history
  (key, recipient, scope, target, streams, source, reason, actor, since, ended_by, end_reason)
  select key, recipient, scope, target, streams, source, reason, actor, since`;

/**
 * Ends entries; they go to the history with who ended them and why. `keys` null: all that are provisional; `scope`
 * null: wherever they are. Returns what ended.
 */
export async function unsuppress(
  db: Queryable,
  which: { readonly keys: readonly Buffer[] | null; readonly scope: SuppressionScope | null },
  by: { readonly actor: string; readonly reason: string },
): Promise<{ readonly recipient: string | null; readonly scope: string; readonly target: string }[]> {
  const { rows } = await db.query(
    `with gone as (
       delete from suppressions where case when $1::bytea[] is null then until is not null else key = any($1) end
         and ($2::text is null or (scope, target) = ($2, $3)) returning *
     ), kept as (${TO_HISTORY}, $4, $5 from gone)
     select recipient, scope, target from gone`,
    [which.keys, which.scope?.kind ?? null, which.scope?.target ?? null, by.actor, by.reason],
  );
  return rows;
}

/** Provisional entries that a person looked at stay. `keys` null: all of them. Returns how many. */
export async function confirmSuppressions(
  db: Queryable,
  keys: readonly Buffer[] | null,
  by: { readonly actor: string; readonly reason: string },
): Promise<number> {
  const { rowCount } = await db.query(
    `update suppressions set until = null, reason = left(format('%s; confirmed by %s: %s', reason, $2::text, $3::text), 500)
     where until is not null and ($1::bytea[] is null or key = any($1))`,
    [keys, by.actor, by.reason],
  );
  return rowCount ?? 0;
}

/** Provisional entries whose time is over go to the history. Returns how many. */
export async function expireSuppressions(db: Queryable): Promise<number> {
  const { rowCount } = await db.query(
    `with gone as (delete from suppressions where until <= now() returning *)
     ${TO_HISTORY}, 'expiry', 'it was provisional and nobody confirmed it' from gone`,
  );
  return rowCount ?? 0;
}

/** Hard bounces of a provider since then become provisional: it may have answered wrongly. Returns how many. */
export async function makeProvisional(db: Queryable, provider: string, since: number, until: number): Promise<number> {
  const { rowCount } = await db.query(
    `update suppressions set until = $3
     where source = 'hard-bounce' and provider = $1 and since >= $2 and until is null`,
    [provider, new Date(since), new Date(until)],
  );
  return rowCount ?? 0;
}

export interface SuppressionRow {
  readonly id: number;
  /** In hexadecimal digits. null: known by another hash alone. */
  readonly sha256: string | null;
  readonly sha1: string | null;
  readonly md5: string | null;
  readonly recipient: string | null;
  readonly scope: 'global' | 'pool' | 'tenant';
  readonly target: string;
  readonly streams: Streams;
  readonly source: SuppressionSource;
  readonly reason: string;
  readonly actor: string;
  readonly since: Date;
  readonly until: Date | null;
}

export interface SuppressionFilter {
  /** Any of these. */
  readonly keys?: readonly Buffer[];
  readonly scope?: SuppressionScope;
  readonly source?: string;
  readonly provisional?: boolean;
}

/** A key under the name of the hash it is, by its length. */
const HASH = (name: string, bytes: number) => `case when length(key) = ${bytes} then encode(key, 'hex') end as ${name}`;

/** Live entries in the order they were added, from the one after `after`: a page of at most `limit`. */
export async function suppressionPage(
  db: Queryable,
  filter: SuppressionFilter,
  after: number,
  limit: number,
): Promise<SuppressionRow[]> {
  const { rows } = await db.query(
    `select id, ${HASH('sha256', 32)}, ${HASH('sha1', 20)}, ${HASH('md5', 16)}, recipient, scope, target, streams, source, reason, actor, since, until
     from suppressions s where id > $1 and ${LIVE} and ($2::bytea[] is null or key = any($2))
       and ($3::text is null or (scope, target) = ($3, $4)) and ($5::text is null or source = $5)
       and (not $6 or until is not null) order by id limit $7`,
    [
      after,
      filter.keys ?? null,
      filter.scope?.kind ?? null,
      filter.scope?.target ?? null,
      filter.source ?? null,
      filter.provisional ?? false,
      limit,
    ],
  );
  return rows;
}

export interface EndedSuppression extends Omit<SuppressionRow, 'id' | 'sha256' | 'sha1' | 'md5' | 'until'> {
  readonly endedAt: Date;
  readonly endedBy: string;
  readonly endReason: string;
}

/** Entries of a recipient that ended, oldest first. */
export async function suppressionHistory(db: Queryable, keys: readonly Buffer[]): Promise<EndedSuppression[]> {
  const { rows } = await db.query(
    `select recipient, scope, target, streams, source, reason, actor, since, ended_at as "endedAt",
       ended_by as "endedBy", end_reason as "endReason"
     from suppression_history where key = any($1::bytea[]) order by id`,
    [keys],
  );
  return rows;
}
