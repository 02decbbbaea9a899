/** The queue: claims (one per open connection), outcomes in groups, retries, expiry, and what a dead process left. */
import { type Queryable, type Store, tx } from './connect.ts';

export interface Claimed {
  readonly id: number;
  readonly message: number;
  readonly rcpt: string;
  readonly domain: string;
  readonly provider: string;
  /** The address it belongs to after a deferral, or as a probe; null: any. */
  readonly address: string | null;
  readonly tenant: string;
  readonly stream: string;
  readonly segment: string;
  readonly campaign: string;
  readonly attempts: number;
  /** Earlier attempts whose final answer never came. */
  readonly doubts: number;
  readonly firstAttempt: number | null;
  readonly pinned: boolean;
  /** Left a lane that stopped: warm addresses only. */
  readonly freed: boolean;
  readonly mailFrom: string;
  readonly messageId: string;
  readonly raw: Buffer;
}

/** Names that are held, by what of a message they match. */
export interface HeldMail {
  readonly campaigns: readonly string[];
  readonly tenants: readonly string[];
  readonly domains: readonly string[];
  readonly streams: readonly string[];
}

export interface ClaimQuery {
  readonly process: string;
  readonly pool: string;
  readonly provider: string;
  /** Lanes that can send now, with the most each may take of the mail that belongs to it. */
  readonly lanes: readonly { readonly address: string; readonly kept: number; readonly cold: boolean }[];
  /** Most messages for cold lanes, and the segments of new mail that any of them admits. */
  readonly cold: {
    readonly most: number;
    readonly segments: readonly string[];
    readonly held: HeldMail;
    /** Tenants that come last: they have had their share of every one of these lanes. */
    readonly sated: readonly string[];
  };
  /** Most messages for warm lanes. */
  readonly warm: { readonly most: number; readonly held: HeldMail };
}

const notHeld = (campaigns: number, row = '') =>
  `${row}campaign <> all($${campaigns}::text[]) and ${row}tenant <> all($${campaigns + 1}::text[])
   and ${row}domain <> all($${campaigns + 2}::text[]) and ${row}stream <> all($${campaigns + 3}::text[])`;

/**
 * Claims messages for free sending slots: due retries that belong to one of the addresses first, then new mail that a
 * cold lane may carry, then any other for warm lanes. Each is chosen by what may take it: mail that nobody can send now
 * must not stand before mail that somebody can. What a process that dies leaves claimed is what it was about to send: at
 * most one message per connection.
 */
export async function claim(db: Queryable, query: ClaimQuery): Promise<Claimed[]> {
  const { rows } = await db.query(
    `with recursive lane as (
       select * from unnest($2::inet[], $3::int[], $4::bool[]) as lane(address, most, cold)
     ), kept as (
       select mine.id, lane.cold from lane, lateral (
         select id from queue q where q.address = lane.address and q.provider = $5 and claim is null and due <= now()
           and ${notHeld(10, 'q.')} and (not lane.cold or (${notHeld(14, 'q.')}))
         order by due limit lane.most for update skip locked) mine
     ), tenants as (
       -- Every tenant with fresh mail, one step of the index each; without cold lanes there is nothing to look for.
       (select tenant from queue where $7 > 0 and pool = $6 and provider = $5 and claim is null and address is null
        order by tenant limit 1)
       union all
       select (select q.tenant from queue q where q.pool = $6 and q.provider = $5 and q.claim is null and q.address is null
         and q.tenant > t.tenant order by q.tenant limit 1) from tenants t where t.tenant is not null
     ), turns as (
       -- Tenants take turns, those that had their share of a cold lane come last.
       select mine.id, t.tenant = any($18::text[]) as sated, mine.turn, mine.due from tenants t, lateral (
         select id, due, row_number() over (order by due) as turn from (
           select id, due from queue where pool = $6 and provider = $5 and claim is null and address is null
             and tenant = t.tenant and due <= now() and not freed and stream = 'marketing' and segment = any($9::text[])
             and ${notHeld(10)} and ${notHeld(14)}
           order by due limit 4 * $7) first) mine
     ), cold as (
       -- More were looked at than are wanted: other processes look at the same ones.
       select q.id from turns join queue q on q.id = turns.id where q.claim is null
       order by sated, turn, turns.due limit greatest(0, $7 - (select count(*) from kept where cold)) for update of q skip locked
     ), warm as (
       select id from queue where pool = $6 and provider = $5 and claim is null and address is null and due <= now()
         and id not in (select id from cold) and ${notHeld(10)}
       order by due limit greatest(0, $8 - (select count(*) from kept where not cold)) for update skip locked
     ), taken as (
       update queue q set claim = $1, claimed_at = now()
       from (select id from kept union all select id from cold union all select id from warm) picked
       where q.id = picked.id returning q.*
     )
     select t.id, t.message, t.rcpt, t.domain, t.provider, host(t.address) as address, t.tenant, t.stream, t.segment, t.campaign,
       t.attempts, t.doubts, extract(epoch from t.first_attempt)::float8 * 1000 as "firstAttempt", t.pinned, t.freed,
       m.mail_from as "mailFrom", m.message_id as "messageId", b.raw
     from taken t join messages m on m.id = t.message join bodies b on b.id = t.body_id
     order by t.address nulls last, t.due, t.id`,
    [
      query.process,
      query.lanes.map((lane) => lane.address),
      query.lanes.map((lane) => lane.kept),
      query.lanes.map((lane) => lane.cold),
      query.provider,
      query.pool,
      query.cold.most,
      query.warm.most,
      query.cold.segments,
      ...names(query.warm.held),
      ...names(query.cold.held),
      query.cold.sated,
    ],
  );
  return rows;
}

function names(held: HeldMail): readonly (readonly string[])[] {
  return [held.campaigns, held.tenants, held.domains, held.streams];
}

/**
 * Hands claimed messages back unsent: nothing was attempted. `why` is what binds them, for people; `due` (ms) is when
 * they are looked at again; null leaves either as it was.
 */
export async function unclaim(
  db: Queryable,
  ids: readonly number[],
  process: string,
  why: string | null,
  due: number | null,
): Promise<void> {
  await db.query(
    `update queue set claim = null, claimed_at = null, due = coalesce($3, due), reason = coalesce(left($4, 300), reason)
     where id = any($1::bigint[]) and claim = $2`,
    [ids, process, due === null ? null : new Date(due), why],
  );
}

/** Lets go of rows a process has claimed for at least `settledMs` without knowing of it. Returns how many. */
export async function releaseUnknown(
  db: Queryable,
  process: string,
  known: readonly number[],
  settledMs: number,
): Promise<number> {
  const { rowCount } = await db.query(
    `update queue set claim = null, claimed_at = null
     where claim = $1 and id <> all($2::bigint[]) and claimed_at <= now() - make_interval(secs => $3::float8 / 1000)`,
    [process, known, settledMs],
  );
  return rowCount ?? 0;
}

export interface Outcome {
  readonly recipient: number;
  readonly message: number;
  /** null: no lane was to blame. */
  readonly address: string | null;
  readonly provider: string;
  /** null: no unit was charged, because there was nowhere to send it. */
  readonly windowIndex: number | null;
  readonly at: number;
  readonly number: number;
  readonly firstAt: number;
  readonly unit: boolean;
  readonly severity: 'delivered' | 'deferred' | 'hard' | 'soft' | 'blocked' | 'in-doubt';
  readonly class: string;
  readonly scope: string;
  readonly rule: string;
  readonly reply: string;
  readonly campaign: string;
  readonly tenant: string;
  readonly probe: boolean;
  /** null: finished. Otherwise when to try again, and whether the address is kept. */
  readonly retry: { readonly due: number; readonly free: boolean } | null;
}

/** Plan time in real ms: a rollup's bucket, and the silence after which a warm lane is cold. */
export interface OutcomeScale {
  readonly bucketMs: number;
  readonly idleMs: number;
}

/**
 * Commits a group of outcomes: the attempt row, the rollup, and the queue row finished or put back. A row whose claim
 * is no longer this process's is left alone (its claim was taken over), but the attempt is recorded. May be repeated
 * when its answer was lost: by then the row may be claimed again, which `attempts` tells.
 */
export async function commitOutcomes(
  db: Queryable,
  outcomes: readonly Outcome[],
  process: string,
  scale: OutcomeScale,
): Promise<void> {
  const column = <T>(pick: (outcome: Outcome) => T) => outcomes.map(pick);
  const date = (at: number | undefined) => (at === undefined ? null : new Date(at));
  await db.query(
    `with o as (
       select * from unnest($1::bigint[], $2::bigint[], $3::inet[], $4::text[], $5::int[], $6::timestamptz[], $7::int[],
         $8::timestamptz[], $9::bool[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
         $16::text[], $17::bool[], $18::timestamptz[], $19::bool[])
       as t(recipient, message, address, provider, window_index, at, number, first_at, unit, severity, class, scope, rule,
         reply, campaign, tenant, probe, due, free)
     ), noted as (
       insert into attempts (recipient, message, address, provider, window_index, at, number, first_at, unit, severity,
         class, scope, rule, reply, final, campaign, tenant, probe, process)
       select recipient, message, address, provider, window_index, at, number, first_at, unit, severity, class, scope,
         rule, reply, due is null, campaign, tenant, probe, $20 from o
       on conflict (recipient, number, process) do nothing
       returning address, provider, campaign, at, unit, severity, class
     ), finished as (
       delete from queue q using o where q.id = o.recipient and q.claim = $20 and o.due is null
     ), again as (
       update queue q set claim = null, claimed_at = null, attempts = o.number,
         doubts = q.doubts + (o.severity = 'in-doubt')::int, first_attempt = o.first_at, due = o.due,
         reason = left(o.reply, 300), freed = q.freed or o.free,
         address = case when o.free and not q.pinned then null else o.address end
       from o where q.id = o.recipient and q.claim = $20 and o.due is not null and q.attempts = o.number - 1
     ), lanes_due as (
       -- Roughly right is enough here; waiting for a lane another process updates could deadlock on the rollups.
       select l.address, l.provider, u.at from (select address, provider, max(at) as at from o group by 1, 2) u
       join lanes l on l.address = u.address and l.provider = u.provider
         and (l.last_sent_at is null or l.last_sent_at < u.at - interval '1 second')
         -- A warm lane that was idle stays so until an evaluation has said what that means: one message is no warmth.
         and (l.phase <> 'warm'
              or coalesce(l.last_sent_at, l.phase_since) >= u.at - make_interval(secs => $22::float8 / 1000))
       for update of l skip locked
     ), lanes_used as (
       update lanes l set last_sent_at = d.at from lanes_due d where l.address = d.address and l.provider = d.provider
     )
     insert into rollups as r (address, provider, campaign, bucket, attempts, delivered, deferred, reputation, hard, soft, blocked)
     select address, provider, campaign, date_bin(make_interval(secs => $21::float8 / 1000), at, 'epoch'), count(*),
       count(*) filter (where severity = 'delivered'), count(*) filter (where severity = 'deferred'),
       count(*) filter (where class in ('reputation', 'block', 'listing') and severity in ('deferred', 'blocked')),
       count(*) filter (where severity = 'hard'), count(*) filter (where severity = 'soft'),
       count(*) filter (where severity = 'blocked')
     from noted where unit group by 1, 2, 3, 4
     order by 1, 2, 3, 4
     on conflict (address, provider, campaign, bucket) do update set
       attempts = r.attempts + excluded.attempts, delivered = r.delivered + excluded.delivered,
       deferred = r.deferred + excluded.deferred, reputation = r.reputation + excluded.reputation,
       hard = r.hard + excluded.hard, soft = r.soft + excluded.soft, blocked = r.blocked + excluded.blocked`,
    [
      column((o) => o.recipient),
      column((o) => o.message),
      column((o) => o.address),
      column((o) => o.provider),
      column((o) => o.windowIndex),
      column((o) => date(o.at)),
      column((o) => o.number),
      column((o) => date(o.firstAt)),
      column((o) => o.unit),
      column((o) => o.severity),
      column((o) => o.class),
      column((o) => o.scope),
      column((o) => o.rule),
      column((o) => o.reply),
      column((o) => o.campaign),
      column((o) => o.tenant),
      column((o) => o.probe),
      column((o) => date(o.retry?.due)),
      column((o) => o.retry?.free ?? false),
      process,
      scale.bucketMs,
      scale.idleMs,
    ],
  );
}

/** Mail that waits for a lane which stopped goes free: warm addresses may take it. Probes stay with their lane. */
export async function freeFromLane(db: Queryable, address: string, provider: string): Promise<number> {
  const { rowCount } = await db.query(
    `update queue set address = null, freed = true
     where address = $1 and provider = $2 and claim is null and not pinned`,
    [address, provider],
  );
  return rowCount ?? 0;
}

/**
 * Ends mail whose time is over, and says what it waited for: mail under a hold is never claimed, so nobody wrote it on the
 * row. Returns how many recipients expired.
 */
export async function expireDue(db: Queryable, process: string): Promise<number> {
  const { rowCount } = await db.query(
    `with gone as (
       delete from queue where id in (
         select id from queue where claim is null and expires <= now() order by id limit 500 for update skip locked)
       returning *)
     insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope, rule,
       reply, final, campaign, tenant, probe, process)
     select id, message, address, coalesce(provider, 'other'), now(), attempts + 1, first_attempt, false, 'expired',
       'infrastructure', 'message', 'expired', coalesce(
         (select left(format('hold %s (%s): %s', h.id, h.cause, h.reason), 300) from holds h
          where h.cleared_at is null and (h.until is null or h.until > now()) and (h.scope, h.target) in
            (('campaign', gone.campaign), ('tenant', gone.tenant), ('domain', gone.domain), ('stream', gone.stream))
          order by h.id limit 1),
         reason, 'expired before its first attempt'), true, campaign, tenant, campaign = 'probe', $1 from gone`,
    [process],
  );
  return rowCount ?? 0;
}

/** Recipient domains whose provider is not known yet, but for those in `except`. */
export async function unroutedDomains(db: Queryable, except: readonly string[], limit: number): Promise<string[]> {
  const { rows } = await db.query(
    `select distinct domain from queue where provider is null and domain <> all($1::text[]) limit $2`,
    [except, limit],
  );
  return rows.map((row) => row.domain);
}

/** Says on the mail of a domain why it has no route yet. */
export async function explainUnrouted(db: Queryable, domain: string, why: string): Promise<void> {
  await db.query(
    `update queue set reason = left($2, 300)
     where domain = $1 and provider is null and reason is distinct from left($2, 300)`,
    [domain, why],
  );
}

export async function routeDomain(db: Queryable, domain: string, provider: string): Promise<void> {
  await db.query('update queue set provider = $2 where domain = $1 and provider is null', [domain, provider]);
}

/** A domain that takes no mail at all (null MX, or no such domain): its mail is finished with a reason. */
export async function bounceDomain(db: Queryable, domain: string, reply: string, process: string): Promise<number> {
  const { rowCount } = await db.query(
    `with gone as (delete from queue where domain = $1 and provider is null and claim is null returning *)
     insert into attempts (recipient, message, provider, at, number, first_at, unit, severity, class, scope, rule, reply,
       final, campaign, tenant, probe, process)
     select id, message, 'other', now(), attempts + 1, now(), false, 'hard', 'recipient', 'recipient', 'no-mx', $2, true,
       campaign, tenant, false, $3 from gone`,
    [domain, reply, process],
  );
  return rowCount ?? 0;
}

/**
 * Takes back what processes left that no longer renew their lease. Each was in a transaction, so the remote may have
 * accepted it: recorded as in-doubt (the cost of a crash: at most one duplicate per open connection), then retried.
 * A process of this node whose pid is gone is dead for sure; of any other it is believed after `graceMs`.
 */
export async function recoverDead(store: Store, recoverer: string, node: string, graceMs: number): Promise<number> {
  const { rows } = await store.query(
    `select id, node, pid, lease_until < now() - make_interval(secs => $1::float8 / 1000) as late
     from processes where stopped_at is null and lease_until < now()`,
    [graceMs],
  );
  const dead = rows.filter((row) => row.late || (row.node === node && !runs(row.pid))).map((row) => row.id as string);
  return tx(store, async (db) => {
    await db.query('update processes set stopped_at = now() where id = any($1::text[]) and stopped_at is null', [dead]);
    const { rowCount } = await db.query(
      `with left_behind as (
         update queue set claim = null, claimed_at = null, attempts = attempts + 1, doubts = doubts + 1,
           first_attempt = coalesce(first_attempt, now())
         where claim is not null and claim in (select id from processes where stopped_at is not null)
         returning *)
       insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope,
         rule, reply, final, campaign, tenant, probe, process)
       select id, message, address, provider, now(), attempts, first_attempt, false, 'in-doubt',
         'infrastructure', 'message', 'process-died', 'the sending process died before it could commit the answer',
         false, campaign, tenant, campaign = 'probe', $1 from left_behind`,
      [recoverer],
    );
    return rowCount ?? 0;
  });
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
