/**
 * What other engines say became of mail. A batch, the place it was read up to, what the reader has to remember and what the
 * batch suppresses are one transaction: whoever reads on after a crash neither loses nor doubles anything.
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
  /** The recipient of ours that a valid trace token in the record names. */
  readonly token: number | null;
  /** The engine read it in a mail that anybody could have sent: only a token proves such. */
  readonly hearsay: boolean;
}

/** A complaint, or a mailbox that does not exist, of a recipient of ours: what an event may suppress. */
export interface Told {
  readonly feed: string;
  readonly kind: 'hard' | 'complaint';
  /** ms */
  readonly at: number;
  readonly provider: string | null;
  readonly reply: string | null;
  readonly hearsay: boolean;
  /** Of our own record, whatever the event names. */
  readonly rcpt: string;
  readonly tenant: string;
}

/** What is to be done about them, in the transaction that keeps the events. */
export type Settle = (db: Queryable, told: readonly Told[]) => Promise<void>;

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
 * The recipient of ours an event is about: the one its token names, else one handed to an upstream under this Message-ID. Of
 * several (an application that uses an id again) the one that was handed over last before it. A hand-over whose answer was
 * lost may have happened.
 */
const HANDED_ON = `a.recipient, a.at, a.front, a.arm, a.mailbox_provider, a.rcpt, a.tenant,
  a.probe or a.outside is not distinct from 'probe' as probe`;
const RECIPIENT = (event: string) =>
  `select found.* from (
     select true as proven, ${HANDED_ON} from attempts a
     where a.recipient = ${event}.token and a.severity in ('relayed', 'in-doubt')
     union all
     select false, ${HANDED_ON} from messages m join attempts a on a.message = m.id
       and a.severity in ('relayed', 'in-doubt') and lower(a.rcpt) = ${event}.rcpt
     where m.message_id = ${event}.message_id
   ) found order by found.proven desc, found.at > ${event}.at + interval '5 seconds', found.at desc limit 1`;

/**
 * What is counted and what may suppress of events `e` (a relation with the columns of RECIPIENT beside its own). A bucket is
 * a plan minute of the front's pool, at least 250 ms, as of our own rollups.
 */
const COUNTED = (events: string) =>
  `insert into legacy_rollups as r (front, arm, provider, bucket, attempts, hard, blocked)
   select coalesce(e.front, ''), coalesce(e.arm, ''), coalesce(e.provider, e.mailbox_provider, 'other'),
     date_bin(make_interval(secs => case when p.calendar->>'kind' = 'compressed'
       then greatest(0.25, (p.calendar->>'dayLength')::float8 / 1440000) else 60 end), e.at, 'epoch'),
     count(*), count(*) filter (where e.kind = 'hard'), count(*) filter (where e.kind = 'blocked')
   from ${events} e left join pools p on p.name = e.front
   where e.recipient is not null and not e.probe and e.kind not in ('accepted', 'complaint')
   group by 1, 2, 3, 4 order by 1, 2, 3, 4
   on conflict (front, arm, provider, bucket) do update set attempts = r.attempts + excluded.attempts,
     hard = r.hard + excluded.hard, blocked = r.blocked + excluded.blocked`;
const TOLD = (events: string) =>
  `select coalesce(json_agg(json_build_object('feed', (select name from legacy_feeds f where f.id = e.feed), 'kind', e.kind,
     'at', extract(epoch from e.at)::float8 * 1000, 'provider', coalesce(e.provider, e.mailbox_provider), 'reply', e.reply,
     'hearsay', e.hearsay, 'rcpt', e.rcpt, 'tenant', e.tenant)), '[]')
   from ${events} e where e.recipient is not null and e.rcpt is not null and not e.probe
     and (e.kind = 'complaint' or (e.kind = 'hard' and e.class = 'recipient' and e.reply like '5%')) and (e.proven or not e.hearsay)`;

/** Keeps a batch. An event whose key the feed has already is counted and dropped, and suppresses nobody again. */
export function writeLegacyEvents(store: Store, batch: LegacyBatch, settle: Settle): Promise<Written> {
  return tx(store, async (db) => {
    const { feed, events } = batch;
    // The tables grow from nothing to millions while a plan is kept: what has an index is read through it.
    await db.query('set local enable_seqscan = off; set local jit = off');
    const { told, ...written } = await insertEvents(db, feed, events);
    if (told.length > 0) await settle(db, told);
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

async function insertEvents(
  db: Queryable,
  feed: number,
  events: readonly LegacyEventRow[],
): Promise<Written & { readonly told: readonly Told[] }> {
  if (events.length === 0) return { kept: 0, joined: 0, told: [] };
  const column = <T>(pick: (event: LegacyEventRow) => T) => events.map(pick);
  const { rows } = await db.query({
    name: 'legacy-events-keep',
    text: `with given as (
         select * from unnest($2::bytea[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::text[], $8::text[],
           $9::inet[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::boolean[])
           as g(key, kind, at_ms, message_id, rcpt, provider, campaign, address, host, reply, class, scope, rule, token, hearsay)
       ), timed as (select *, to_timestamp(at_ms / 1000) as at from given)
       , met as materialized (
         select t.key, t.kind, t.at, t.message_id, t.rcpt as named, t.provider, t.campaign, t.address, t.host, t.reply, t.class,
           t.scope, t.rule, t.token, t.hearsay, $1::smallint as feed, r.recipient, r.front, r.arm, r.mailbox_provider, r.rcpt,
           r.tenant, r.probe, r.proven
         from timed t left join lateral (${RECIPIENT('t')}) r on t.message_id is not null or t.token is not null
       ), kept as (
         insert into legacy_events (feed, key, kind, at, message_id, rcpt, provider, campaign, address, host, reply, class,
           scope, rule, recipient, token, hearsay)
         select feed, key, kind, at, message_id, named, provider, campaign, address, host, reply, class, scope, rule, recipient,
           token, hearsay from met
         on conflict (feed, key) do nothing returning key, recipient
       ), news as materialized (
         -- A batch may say one thing twice.
         select distinct on (m.key) m.* from kept k join met m on m.key = k.key where k.recipient is not null
       ), counted as (${COUNTED('news')})
       select (select count(*)::int from kept) as kept, (select count(recipient)::int from kept) as joined,
         (${TOLD('news')}) as told`,
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
      column((e) => e.token),
      column((e) => e.hearsay),
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

/**
 * Looks again at events that found no mail of ours, and were noted between these instants (ms): what joins now is counted and
 * settled as if it had joined at once. Returns how many do.
 */
export function joinLegacyEvents(store: Store, from: number, to: number, settle: Settle): Promise<number> {
  return tx(store, async (db) => {
    const { rows } = await db.query(
      `with met as materialized (
         select u.id, u.feed, u.kind, u.at, u.provider, u.reply, u.class, u.hearsay, r.*
         from legacy_events u cross join lateral (
           select recipient, front, arm, mailbox_provider, rcpt, tenant, probe, proven from (${RECIPIENT('u')}) found) r
         where u.recipient is null and u.message_id is not null and u.noted_at >= $1 and u.noted_at < $2
       ), joined as (
         update legacy_events e set recipient = met.recipient from met
         where e.id = met.id and e.recipient is null returning e.id
       ), news as materialized (
         select met.* from met join joined using (id)
       ), counted as (${COUNTED('news')})
       select (select count(*)::int from joined) as joined, (${TOLD('news')}) as told`,
      [new Date(from), new Date(to)],
    );
    const { joined, told } = rows[0];
    if (told.length > 0) await settle(db, told);
    return joined;
  });
}
