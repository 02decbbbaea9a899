/**
 * What other engines say became of mail. A batch, the place it was read up to and what the reader has to remember are one
 * transaction: whoever reads on after a crash neither loses nor doubles anything.
 */
import { byteaArray } from './binary.ts';
import { type Queryable, type Store, tx } from './connect.ts';
import type { Position, StoredOpenMessage } from './legacy-feeds.ts';

export interface LegacyEventRow {
  /** 16 bytes: its second, then a hash. */
  readonly key: Buffer;
  readonly kind: 'accepted' | 'delivered' | 'deferred' | 'hard' | 'soft' | 'blocked' | 'expired' | 'complaint';
  /** ms */
  readonly at: number;
  readonly messageId: string | null;
  /** In lower case. */
  readonly rcpt: string;
  readonly provider: string | null;
  readonly campaign: string | null;
  readonly address: string | null;
  readonly host: string | null;
  readonly reply: string | null;
  readonly class: string | null;
  readonly scope: string | null;
  readonly rule: string | null;
}

export interface LegacyBatch {
  readonly feed: number;
  readonly events: readonly LegacyEventRow[];
  readonly unreadable?: number;
  readonly tooOld?: number;
  readonly positions?: readonly Position[];
  readonly opened?: readonly StoredOpenMessage[];
  readonly closed?: readonly string[];
}

export interface Written {
  /** Events that were not there before, and those of them that are about mail of ours. */
  readonly kept: number;
  readonly joined: number;
}

/**
 * The recipient of ours an event is about: handed to an upstream under this Message-ID. Of several (an application that
 * uses an id again) the one that was handed over last before it. A hand-over whose answer was lost may have happened.
 */
const RECIPIENT = (event: string) =>
  `select a.recipient from messages m join attempts a on a.message = m.id
     and a.severity in ('relayed', 'in-doubt') and lower(a.rcpt) = ${event}.rcpt
   where m.message_id = ${event}.message_id
   order by a.at > ${event}.at + interval '5 seconds', a.at desc limit 1`;

/** Keeps a batch. An event whose key the feed has already is counted and dropped. */
export function writeLegacyEvents(store: Store, batch: LegacyBatch): Promise<Written> {
  return tx(store, async (db) => {
    const { feed, events } = batch;
    // The tables grow from nothing to millions while a plan is kept: what has an index is read through it.
    await db.query('set local enable_seqscan = off; set local jit = off');
    const written = await insertEvents(db, feed, events);
    const last = events.reduce((max, event) => Math.max(max, event.at), 0);
    await db.query({
      name: 'legacy-feed-heard',
      text: `update legacy_feeds set heard_at = now(), events = events + $2, repeated = repeated + $3,
         unreadable = unreadable + $4, too_old = too_old + $5,
         last_at = greatest(last_at, case when $6::float8 > 0 then to_timestamp($6::float8 / 1000) end) where id = $1`,
      values: [feed, written.kept, events.length - written.kept, batch.unreadable ?? 0, batch.tooOld ?? 0, last],
    });
    await keepPlace(db, batch);
    return written;
  });
}

async function insertEvents(db: Queryable, feed: number, events: readonly LegacyEventRow[]): Promise<Written> {
  if (events.length === 0) return { kept: 0, joined: 0 };
  const column = <T>(pick: (event: LegacyEventRow) => T) => events.map(pick);
  const { rows } = await db.query({
    name: 'legacy-events-keep',
    text: `with given as (
         select * from unnest($2::bytea[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::text[], $8::text[],
           $9::inet[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
           as g(key, kind, at_ms, message_id, rcpt, provider, campaign, address, host, reply, class, scope, rule)
       ), timed as (select *, to_timestamp(at_ms / 1000) as at from given)
       , kept as (
         insert into legacy_events (feed, key, kind, at, message_id, rcpt, provider, campaign, address, host, reply, class,
           scope, rule, recipient)
         select $1, t.key, t.kind, t.at, t.message_id, t.rcpt, t.provider, t.campaign, t.address, t.host, t.reply, t.class,
           t.scope, t.rule, r.recipient
         from timed t left join lateral (${RECIPIENT('t')}) r on t.message_id is not null
         on conflict (feed, key) do nothing returning recipient
       )
       select count(*)::int as kept, count(recipient)::int as joined from kept`,
    values: [
      feed,
      byteaArray(column((e) => e.key)),
      column((e) => e.kind),
      column((e) => e.at),
      column((e) => e.messageId),
      column((e) => e.rcpt),
      column((e) => e.provider),
      column((e) => e.campaign),
      column((e) => e.address),
      column((e) => e.host),
      column((e) => e.reply),
      column((e) => e.class),
      column((e) => e.scope),
      column((e) => e.rule),
    ],
  });
  return rows[0];
}

async function keepPlace(
  db: Queryable,
  { feed, positions = [], opened = [], closed = [] }: LegacyBatch,
): Promise<void> {
  if (positions.length > 0)
    await db.query({
      name: 'legacy-place',
      text: `insert into legacy_positions (feed, file, name, position)
         select $1, * from unnest($2::text[], $3::text[], $4::bigint[])
         on conflict (feed, file) do update set name = excluded.name, position = excluded.position, at = now()`,
      values: [feed, positions.map((p) => p.file), positions.map((p) => p.name), positions.map((p) => p.position)],
    });
  if (closed.length > 0)
    await db.query({
      name: 'legacy-closed',
      text: 'delete from legacy_open where feed = $1 and engine_id = any($2::text[])',
      values: [feed, closed],
    });
  if (opened.length > 0)
    await db.query({
      name: 'legacy-opened',
      text: `insert into legacy_open (feed, engine_id, message_id, since)
         select $1, id, message_id, to_timestamp(since / 1000) from unnest($2::text[], $3::text[], $4::float8[])
           as o(id, message_id, since)
         on conflict (feed, engine_id) do update set message_id = excluded.message_id, since = excluded.since`,
      values: [feed, opened.map((o) => o.engineId), opened.map((o) => o.messageId), opened.map((o) => o.since)],
    });
}

/** Looks again at events that found no mail of ours, and were noted between these instants (ms). Returns how many now do. */
export async function joinLegacyEvents(db: Queryable, from: number, to: number): Promise<number> {
  const { rowCount } = await db.query(
    `update legacy_events e set recipient = found.recipient
     from legacy_events u cross join lateral (${RECIPIENT('u')}) found
     where u.recipient is null and u.message_id is not null and u.noted_at >= $1 and u.noted_at < $2 and e.id = u.id`,
    [new Date(from), new Date(to)],
  );
  return rowCount ?? 0;
}
