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
  readonly firstAttempt: number | null;
  readonly pinned: boolean;
  /** Left a lane that stopped: warm addresses only. */
  readonly freed: boolean;
  readonly mailFrom: string;
  readonly messageId: string;
  readonly raw: Buffer;
}

export interface ClaimQuery {
  readonly process: string;
  readonly pool: string;
  readonly provider: string;
  /** Most messages in all. */
  readonly limit: number;
  /** Lanes that can send now, with the most each may take of the mail that belongs to it. */
  readonly lanes: readonly { readonly address: string; readonly kept: number }[];
  readonly heldCampaigns: readonly string[];
  readonly heldTenants: readonly string[];
}

/**
 * Claims messages for free sending slots: due retries that belong to one of the addresses first, then new mail. What a
 * process that dies leaves claimed is therefore what it was about to send: at most one message per connection.
 */
export async function claim(db: Queryable, query: ClaimQuery): Promise<Claimed[]> {
  const { rows } = await db.query(
    `with kept as (
       select mine.id from unnest($2::inet[], $8::int[]) as lane(address, most), lateral (
         select id from queue where address = lane.address and provider = $3 and claim is null and due <= now()
           and campaign <> all($4::text[]) and tenant <> all($5::text[])
         order by due limit lane.most for update skip locked) mine
     ), fresh as (
       select id from queue where pool = $7 and provider = $3 and claim is null and address is null and due <= now()
         and campaign <> all($4::text[]) and tenant <> all($5::text[])
       order by due limit greatest(0, $6 - (select count(*) from kept)) for update skip locked
     ), taken as (
       update queue q set claim = $1, claimed_at = now()
       from (select id from kept union all select id from fresh) picked where q.id = picked.id returning q.*
     )
     select t.id, t.message, t.rcpt, t.domain, t.provider, host(t.address) as address, t.tenant, t.stream, t.segment, t.campaign,
       t.attempts, extract(epoch from t.first_attempt)::float8 * 1000 as "firstAttempt", t.pinned, t.freed,
       m.mail_from as "mailFrom", m.message_id as "messageId", b.raw
     from taken t join messages m on m.id = t.message join bodies b on b.id = t.body_id
     order by t.address nulls last, t.due, t.id`,
    [
      query.process,
      query.lanes.map((lane) => lane.address),
      query.provider,
      query.heldCampaigns,
      query.heldTenants,
      query.limit,
      query.pool,
      query.lanes.map((lane) => lane.kept),
    ],
  );
  return rows;
}

/** Hands claimed messages back unsent (no unit was used). */
export async function unclaim(db: Queryable, ids: readonly number[], process: string): Promise<void> {
  await db.query(
    `update queue set claim = null, claimed_at = null where id = any($1::bigint[]) and claim = $2`,
    [ids, process],
  );
}

/** Puts claimed messages back for later: nothing was attempted, their site could not be reached. */
export async function postpone(
  db: Queryable,
  ids: readonly number[],
  process: string,
  due: number,
  why: string,
): Promise<void> {
  await db.query(
    `update queue set claim = null, claimed_at = null, due = $3, reason = left($4, 300)
     where id = any($1::bigint[]) and claim = $2`,
    [ids, process, new Date(due), why],
  );
}

export interface Outcome {
  readonly recipient: number;
  readonly message: number;
  readonly address: string;
  readonly provider: string;
  readonly windowIndex: number;
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

/**
 * Commits a group of outcomes: the attempt row, the rollup, and the queue row finished or put back. A row whose claim
 * is no longer this process's is left alone (its claim was taken over), but the attempt is recorded.
 */
export async function commitOutcomes(
  db: Queryable,
  outcomes: readonly Outcome[],
  process: string,
  bucketMs: number,
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
       update queue q set claim = null, claimed_at = null, attempts = o.number, first_attempt = o.first_at, due = o.due,
         reason = left(o.reply, 300), freed = q.freed or o.free,
         address = case when o.free and not q.pinned then null else o.address end
       from o where q.id = o.recipient and q.claim = $20 and o.due is not null
     ), lanes_used as (
       update lanes l set last_sent_at = u.at from (select address, provider, max(at) as at from o group by 1, 2) u
       where l.address = u.address and l.provider = u.provider
         and (l.last_sent_at is null or l.last_sent_at < u.at - interval '1 second')
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
      bucketMs,
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

/** Ends mail whose time is over. Returns how many recipients expired. */
export async function expireDue(db: Queryable, process: string): Promise<number> {
  const { rowCount } = await db.query(
    `with gone as (
       delete from queue where id in (
         select id from queue where claim is null and expires <= now() order by id limit 500 for update skip locked)
       returning *)
     insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope, rule,
       reply, final, campaign, tenant, probe, process)
     select id, message, address, coalesce(provider, 'other'), now(), attempts + 1, first_attempt, false, 'expired',
       'infrastructure', 'message', 'expired', coalesce(reason, 'expired before its first attempt'), true, campaign, tenant,
       campaign = 'probe', $1 from gone`,
    [process],
  );
  return rowCount ?? 0;
}

/** Recipient domains whose provider is not known yet. */
export async function unroutedDomains(db: Queryable, limit: number): Promise<string[]> {
  const { rows } = await db.query(`select distinct domain from queue where provider is null limit $1`, [limit]);
  return rows.map((row) => row.domain);
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
         update queue set claim = null, claimed_at = null, attempts = attempts + 1,
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
