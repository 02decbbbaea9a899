/**
 * The outbox that sinks follow: attempts by their own id, everything else through event_log. Rows are read in the order
 * of their ids and never changed; where a sink stands is its own affair (store/event-sinks.ts).
 */
import type { Queryable } from './connect.ts';

/** Highest ids of the two tables. */
export interface OutboxEnds {
  readonly attempts: number;
  readonly log: number;
}

export interface OutboxView {
  /** Highest ids that are visible; 0: none. */
  readonly ends: OutboxEnds;
  /** Transactions that may still hold lower ids back: `PID VIRTUAL-ID`. */
  readonly writers: readonly string[];
}

/**
 * What is visible, and who may still commit rows with lower ids.
 *
 * A row gets its id before its transaction commits, so a row with a lower id may appear after one with a higher id.
 * Every statement that inserts takes a RowExclusiveLock on the table before it takes an id, and its transaction lets go
 * of the lock after its rows became visible. So once all who hold the lock now have let go of it, nothing up to the
 * highest id visible now can still appear. It costs writers nothing: no column, no index, no lock they wait for
 * (docs/events.md compares it with the other ways).
 */
export async function outboxView(db: Queryable): Promise<OutboxView> {
  const { rows } = await db.query(
    `select coalesce((select max(id) from attempts), 0) as attempts, coalesce((select max(id) from event_log), 0) as log,
       (select coalesce(array_agg(distinct concat(pid, ' ', virtualtransaction)), '{}') from pg_locks
        where locktype = 'relation' and granted and mode = 'RowExclusiveLock'
          and database = (select oid from pg_database where datname = current_database())
          and relation in ('attempts'::regclass, 'event_log'::regclass)) as writers`,
  );
  const { attempts, log, writers } = rows[0];
  return { ends: { attempts, log }, writers };
}

/** An attempt as it is told; instants in ms since 1970. */
export interface AttemptFact {
  readonly id: number;
  readonly at: number;
  readonly recipient: number;
  readonly rcpt: string | null;
  readonly messageId: string | null;
  readonly pool: string | null;
  readonly stream: string | null;
  readonly tenant: string;
  readonly campaign: string;
  readonly address: string | null;
  readonly provider: string;
  readonly number: number;
  readonly severity: 'delivered' | 'relayed' | 'deferred' | 'hard' | 'soft' | 'blocked' | 'expired' | 'in-doubt';
  readonly class: string;
  readonly scope: string;
  readonly rule: string;
  readonly reply: string;
  readonly host: string | null;
  readonly tls: string | null;
  readonly final: boolean;
  readonly probe: boolean;
}

/** Attempts with ids in (after, upTo], by id, at most `limit`. */
export async function attemptFacts(db: Queryable, after: number, upTo: number, limit: number): Promise<AttemptFact[]> {
  const { rows } = await db.query({
    name: 'attempt-facts',
    text: `select a.id, extract(epoch from a.at)::float8 * 1000 as at, a.recipient, a.rcpt, m.message_id as "messageId", m.pool,
       m.stream, a.tenant, a.campaign, host(a.address) as address, a.provider, a.number, a.severity, a.class, a.scope,
       a.rule, a.reply, a.host, a.tls, a.final, a.probe or a.campaign = 'probe' as probe
     from (select * from attempts where id > $1 and id <= $2 order by id limit $3) a
     left join messages m on m.id = a.message order by a.id`,
    values: [after, upTo, limit],
  });
  return rows;
}

/** A noted change: the row as it was, and what other tables know of it. */
export interface LogFact {
  readonly id: number;
  readonly at: number;
  readonly kind: string;
  /** The changed row, its columns by name. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Pool of the address or message it is about. */
  readonly pool: string | null;
  readonly stream: string | null;
  readonly rcpt: string | null;
  readonly messageId: string | null;
}

/** Noted changes of one sort with ids in (after, upTo], by id, at most `limit`. */
export async function logFacts(
  db: Queryable,
  about: 'mail' | 'operations',
  after: number,
  upTo: number,
  limit: number,
): Promise<LogFact[]> {
  const { rows } = await db.query({
    name: 'log-facts',
    text: `select e.id, extract(epoch from e.at)::float8 * 1000 as at, e.kind, e.data,
       coalesce(mail.pool, (select pool from addresses where address = (e.data->>'address')::inet)) as pool,
       mail.stream, mail.rcpt, mail."messageId"
     from (select * from event_log where id > $1 and id <= $2 and about = $3 order by id limit $4) e
     left join lateral (
       select a.rcpt, m.message_id as "messageId", m.pool, m.stream from attempts a left join messages m on m.id = a.message
       -- Elsewhere "recipient" is a mail address, and no order of conditions keeps it from being cast.
       where a.recipient = case when e.kind in ('message.complained', 'message.late-bounced')
         then (e.data->>'recipient')::bigint end
       order by a.number limit 1
     ) mail on true
     order by e.id`,
    values: [after, upTo, about, limit],
  });
  return rows;
}

/** Ids up to which rows were dropped for their age. */
export async function droppedTo(db: Queryable): Promise<OutboxEnds> {
  const { rows } = await db.query(
    `select coalesce(max(dropped_to) filter (where source = 'attempts'), 0) as attempts,
       coalesce(max(dropped_to) filter (where source = 'event_log'), 0) as log from event_retention`,
  );
  return rows[0];
}

/** For whoever drops attempts by the partition: call it in the same transaction, so that no sink passes by in silence. */
export async function noteAttemptsDropped(db: Queryable, upToId: number): Promise<void> {
  await db.query(
    `insert into event_retention (source, dropped_to) values ('attempts', $1)
     on conflict (source) do update set dropped_to = greatest(event_retention.dropped_to, excluded.dropped_to)`,
    [upToId],
  );
}

/** Forgets noted changes older than `days`. The attempts have a retention of their own. */
export async function dropOldLog(db: Queryable, days: number, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from event_log where id in (
       select id from event_log where at < now() - make_interval(days => $1) order by id limit $2)`,
    [days, limit],
  );
  return rowCount ?? 0;
}

/**
 * Positions from which everything at or after an instant (ms since 1970) is sent again. Ids grow with time, give or take
 * the seconds a transaction takes: found by halving, with `slackMs` to spare, instead of an index that every attempt
 * would pay for.
 */
export async function positionsBefore(db: Queryable, instant: number, slackMs: number): Promise<OutboxEnds> {
  const before = new Date(instant - slackMs);
  return { attempts: await lastBefore(db, 'attempts', before), log: await lastBefore(db, 'event_log', before) };
}

async function lastBefore(db: Queryable, table: 'attempts' | 'event_log', before: Date): Promise<number> {
  const { rows } = await db.query(`select coalesce(min(id), 1) as low, coalesce(max(id), 0) + 1 as high from ${table}`);
  let { low, high } = rows[0] as { low: number; high: number };
  // Everything below `low` is before the instant; nothing from `high` on is.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = await db.query(`select id, at < $2 as early from ${table} where id >= $1 order by id limit 1`, [
      middle,
      before,
    ]);
    if (found.rows[0]?.early) low = found.rows[0].id + 1;
    else high = middle;
  }
  return low - 1;
}

/** The name of this installation in its events. */
export async function eventSource(db: Queryable): Promise<string> {
  return `urn:uuid:${(await db.query('select id from event_source')).rows[0].id}`;
}
