/**
 * What bounds the tables of mail, and of what was learned from it: a message whose recipients have all ended goes as a whole, its attempts, its body and
 * itself, so that no story is ever told in part. Small pages in the order of ids, each a transaction of some milliseconds:
 * no partition, because an attempt is unique by its recipient, not by its day, and a page that is skipped hurts nobody.
 *
 * Kept whatever their age: what a running ramp sent (its gates and its report look back to its start), and what still waits.
 */
import { type Queryable, type Store, tx } from './connect.ts';

/** Any number: it names this lock among the store's advisory locks. */
const LOCK = 7_245_910_313;

/** Does a ramp that still runs need this row of `address` at `at`? */
const needed = (row: string, at: string) =>
  `exists (select from ramps r where r.address = ${row}.address and r.ended_at is null and ${row}.${at} >= r.started_at)`;

export interface Page {
  /** The id to go on after. */
  readonly last: number;
  readonly dropped: number;
  /** The page's end is too young to go: there is nothing more to do for now. */
  readonly done: boolean;
}

/** Looks at `limit` messages after `after`. null: another process is at it. */
export async function dropOldMessages(store: Store, days: number, after: number, limit: number): Promise<Page | null> {
  return alone(store, async (db) => {
    const { rows } = await db.query(
      `with page as materialized (
         select id, recipients, received_at < now() - make_interval(days => $1) as old
         from messages where id > $2 order by id limit $3
       ), ended as materialized (
         select page.id from page cross join lateral (
           select count(distinct a.recipient) filter (where a.final) as ended, max(a.at) as last,
             bool_or(${needed('a', 'at')}) as needed
           from attempts a where a.message = page.id
         ) told
         where page.old and told.ended >= page.recipients and told.last < now() - make_interval(days => $1)
           and not told.needed
       ), attempted as (
         delete from attempts a using ended e where a.message = e.id
       ), embodied as (
         delete from bodies b using ended e where b.id = e.id
       ), gone as (
         delete from messages m using ended e where m.id = e.id
       )
       select coalesce((select max(id) from page), 0) as last, (select count(*)::int from page) as looked,
         (select count(*)::int from ended) as dropped, coalesce((select bool_or(not old) from page), false) as young`,
      [days, after, limit],
    );
    const { last, looked, dropped, young } = rows[0];
    return { last: Math.max(after, last), dropped, done: young || looked < limit };
  });
}

/** Where the reading of rollups stands: they have no id. */
export type RollupPosition = Date | null;

/** Drops at most `limit` rollups older than `days`, after `after`. null: another process is at it. */
export async function dropOldRollups(
  store: Store,
  days: number,
  after: RollupPosition,
  limit: number,
): Promise<{ readonly last: RollupPosition; readonly dropped: number; readonly done: boolean } | null> {
  return alone(store, async (db) => {
    const { rows } = await db.query(
      // What a ramp needs is stepped over; the next page begins after it.
      `with page as materialized (
         select ctid, bucket from rollups u
         where bucket < now() - make_interval(days => $1) and ($2::timestamptz is null or bucket >= $2)
           and not ${needed('u', 'bucket')}
         order by bucket limit $3
       ), gone as (
         delete from rollups r using page where r.ctid = page.ctid returning 1
       )
       select (select max(bucket) from page) as last, (select count(*)::int from gone) as dropped`,
      [days, after, limit],
    );
    const { last, dropped } = rows[0];
    return { last: last ?? after, dropped, done: dropped < limit };
  });
}

/**
 * Drops reports (complaints and late bounces) that arrived longer ago than `days`; each provider's last stays, for it says
 * when the feed spoke. null: another process is at it.
 */
export async function dropOldReports(store: Store, days: number, limit: number): Promise<number | null> {
  return alone(store, async (db) => {
    let dropped = 0;
    for (const table of ['complaints', 'late_bounces']) {
      const { rowCount } = await db.query(
        `delete from ${table} where recipient in (
           select c.recipient from ${table} c where c.at < now() - make_interval(days => $1)
             and c.at < (select max(x.at) from ${table} x where x.provider = c.provider)
             and not ${needed('c', 'sent_at')} limit $2)`,
        [days, limit],
      );
      dropped += rowCount ?? 0;
    }
    return dropped;
  });
}

/**
 * Drops events of other engines that were noted longer ago than `days`, of the `limit` after `after`; with them what their
 * readers remember of messages that old. null: another process is at it.
 */
export async function dropOldLegacyEvents(
  store: Store,
  days: number,
  after: number,
  limit: number,
): Promise<Page | null> {
  return alone(store, async (db) => {
    const { rows } = await db.query(
      `with page as materialized (
         select id, noted_at < now() - make_interval(days => $1) as old from legacy_events where id > $2 order by id limit $3
       ), gone as (
         delete from legacy_events e using page where e.id = page.id and page.old returning 1
       ), forgotten as (
         delete from legacy_open where since < now() - make_interval(days => $1)
       ), unread as (
         delete from legacy_positions where at < now() - make_interval(days => $1)
       ), uncounted as (
         delete from legacy_rollups where bucket < now() - make_interval(days => $1)
       )
       select coalesce((select max(id) from page), 0) as last, (select count(*)::int from page) as looked,
         (select count(*)::int from gone) as dropped, coalesce((select bool_or(not old) from page), false) as young`,
      [days, after, limit],
    );
    const { last, looked, dropped, young } = rows[0];
    return { last: Math.max(after, last), dropped, done: young || looked < limit };
  });
}

/**
 * Drops what the gates no longer need: numbers of campaigns nobody used for `days` and no detector remembers, and what block
 * lists and consoles said before then, but for each source's last word. null: another process is at it.
 */
export async function dropOldWords(store: Store, days: number, limit: number): Promise<number | null> {
  return alone(store, async (db) => {
    // A detector names campaigns by number: of its cohorts every sixth, and first of each pair it blames (policy/gates/packed.ts).
    const campaigns = await db.query(
      `with old as materialized (
         select id from campaign_numbers where seen_at < now() - make_interval(days => $1) order by seen_at limit $2
       ), remembered as (
         select campaign as id from gate_counted
         union select (one.value)::int from gate_states,
           jsonb_array_elements_text(state->'cohorts') with ordinality as one(value, at) where one.at % 6 = 1
         union select (pair->>0)::int from gate_states, jsonb_array_elements(state->'since') as pair
       )
       delete from campaign_numbers c using old where c.id = old.id and c.seen_at < now() - make_interval(days => $1)
         and not exists (select from remembered r where r.id = c.id)`,
      [days, limit],
    );
    const signals = await db.query(
      `delete from signals where id in (
         select s.id from signals s where s.at < now() - make_interval(days => $1)
           and exists (select from signals n where n.address = s.address and n.kind = s.kind and n.source = s.source
             and n.provider is not distinct from s.provider and n.id > s.id)
         limit $2)`,
      [days, limit],
    );
    return (campaigns.rowCount ?? 0) + (signals.rowCount ?? 0);
  });
}

/** One process of all at a time: two that delete the same rows would only wait for each other. */
export async function alone<T>(store: Store, work: (db: Queryable) => Promise<T>): Promise<T | null> {
  return tx(store, async (db) => {
    const { rows } = await db.query('select pg_try_advisory_xact_lock($1) as mine', [LOCK]);
    return rows[0].mine ? work(db) : null;
  });
}
