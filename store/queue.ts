/** The queue: what a claimed message is, outcomes in groups, retries, expiry, and what a dead process left. */
import { type Queryable, type Store, tx } from './connect.ts';
import type { LeaseWatch } from './lease-watch.ts';
import { machine } from './machine.ts';

export interface Claimed {
  readonly id: number;
  readonly message: number;
  readonly bodyId: number;
  readonly rcpt: string;
  readonly domain: string;
  readonly provider: string;
  /** The address it belongs to after a deferral, or as a probe; null: any. */
  readonly address: string | null;
  readonly tenant: string;
  readonly stream: string;
  readonly segment: string;
  /** Marketing with one-click unsubscribe, or not marketing: cold lanes may carry it. */
  readonly oneClick: boolean;
  readonly campaign: string;
  readonly attempts: number;
  /** Earlier attempts whose final answer never came. */
  readonly doubts: number;
  readonly firstAttempt: number | null;
  readonly pinned: boolean;
  /** Left a lane that stopped: warm addresses only. */
  readonly freed: boolean;
  /** Who carries it: the pool the application named, or an arm of that pool's cutover. A lane of another may, by overflow. */
  readonly pool: string;
  /** The pool the application named, where an arm was chosen; null: none was. */
  readonly front: string | null;
  /** Why it says nothing about the arms (policy/cutover/split.ts); null: it does. */
  readonly outside: string | null;
  /** Whose mailbox it is for, by its MX, whoever carries it; null: not known, or not in a cutover. */
  readonly mailboxProvider: string | null;
  readonly mailFrom: string;
  readonly messageId: string;
  readonly raw: Buffer;
}

export interface Outcome {
  readonly recipient: number;
  readonly message: number;
  /** null: no lane was to blame. */
  readonly address: string | null;
  readonly provider: string;
  /** Whose lane or upstream it was, where it was mail of a front; absent: of the pool that the row names. */
  readonly pool?: string;
  /** null: no unit was charged, because there was nowhere to send it. */
  readonly windowIndex: number | null;
  readonly at: number;
  readonly number: number;
  readonly firstAt: number;
  readonly unit: boolean;
  readonly severity: 'delivered' | 'relayed' | 'deferred' | 'hard' | 'soft' | 'blocked' | 'in-doubt';
  readonly class: string;
  readonly scope: string;
  readonly rule: string;
  readonly reply: string;
  /** The remote that answered, an upstream with its port; null or absent: the words are ours. */
  readonly host?: string | null;
  /** How the connection was protected, in words; null or absent: there was none. */
  readonly tls?: string | null;
  readonly campaign: string;
  readonly tenant: string;
  readonly probe: boolean;
  /** null: finished. Otherwise when to try again, whether the address is left, and for which one (absent or null: any). */
  readonly retry: { readonly due: number; readonly free: boolean; readonly to?: string | null } | null;
}

/** The arm of a front that a pool is, as SQL; null: it is in no cutover. Both are SQL expressions. */
function armOf(front: string, pool: string): string {
  return `case when ${front} is not null then (
    select case ${pool} when s.new_arm then 'new' when s.old_arm then 'old' end from splits s where s.front = ${front}) end`;
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
  await db.query({
    name: 'outcomes',
    text: `with o as (
       select * from unnest($1::bigint[], $2::bigint[], $3::inet[], $4::text[], $5::int[], $6::timestamptz[], $7::int[],
         $8::timestamptz[], $9::bool[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
         $16::text[], $17::bool[], $18::timestamptz[], $19::bool[], $23::inet[], $24::text[], $25::text[],
         $26::text[])
       as t(recipient, message, address, provider, window_index, at, number, first_at, unit, severity, class, scope, rule,
         reply, campaign, tenant, probe, due, free, moved_to, host, tls, pool)
     ), noted as (
       insert into attempts (recipient, message, address, provider, window_index, at, number, first_at, unit, severity,
         class, scope, rule, reply, final, campaign, tenant, probe, process, rcpt, host, tls,
         front, arm, bucket, outside, mailbox_provider)
       select o.recipient, o.message, o.address, o.provider, o.window_index, o.at, o.number, o.first_at, o.unit, o.severity,
         o.class, o.scope, o.rule, o.reply, o.due is null, o.campaign, o.tenant, o.probe, $20, q.rcpt, o.host, o.tls,
         q.front, ${armOf('q.front', 'coalesce(o.pool, q.pool)')}, q.bucket,
         coalesce(q.outside, case when o.pool <> q.pool then 'overflow' end), q.mailbox_provider
       -- One row by its id, whatever a planner thinks of the queue's size.
       from o left join lateral (
         select rcpt, pool, front, bucket, outside, mailbox_provider from queue where id = o.recipient limit 1) q on true
       on conflict (recipient, number, process) do nothing
       returning address, provider, campaign, at, unit, severity, class
     ), finished as (
       -- No plain equality: the index of claims must not be the way here, it holds every dead row that a long report keeps.
       delete from queue q using o where q.id = o.recipient and q.claim is not distinct from $20 and o.due is null
       returning q.body_id, o.severity
     ), unused as (
       delete from bodies b using finished f where b.id = f.body_id and f.severity in ('delivered', 'relayed') and not b.sweep
     ), kept_for_now as (
       update bodies b set sweep = true from finished f
       where b.id = f.body_id and f.severity not in ('delivered', 'relayed') and not b.sweep
     ), again as (
       update queue q set claim = null, claimed_at = null, attempts = o.number,
         doubts = q.doubts + (o.severity = 'in-doubt')::int, first_attempt = o.first_at, due = o.due,
         reason = left(o.reply, 300), freed = q.freed or o.free,
         address = case when o.free and not q.pinned then o.moved_to else o.address end
       from o where q.id = o.recipient and q.claim is not distinct from $20 and o.due is not null and q.attempts = o.number - 1
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
     insert into rollups as r (address, provider, campaign, bucket, attempts, delivered, deferred, reputation, hard, soft,
       blocked, process)
     select address, provider, campaign, date_bin(make_interval(secs => $21::float8 / 1000), at, 'epoch'), count(*),
       count(*) filter (where severity = 'delivered'), count(*) filter (where severity = 'deferred'),
       count(*) filter (where class in ('reputation', 'block', 'listing') and severity in ('deferred', 'blocked')),
       count(*) filter (where severity = 'hard'), count(*) filter (where severity = 'soft'),
       count(*) filter (where severity = 'blocked'), $20
     from noted where unit group by 1, 2, 3, 4
     order by 1, 2, 3, 4
     on conflict (address, provider, campaign, bucket, process) do update set
       attempts = r.attempts + excluded.attempts, delivered = r.delivered + excluded.delivered,
       deferred = r.deferred + excluded.deferred, reputation = r.reputation + excluded.reputation,
       hard = r.hard + excluded.hard, soft = r.soft + excluded.soft, blocked = r.blocked + excluded.blocked`,
    values: [
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
      column((o) => o.retry?.to ?? null),
      column((o) => o.host ?? null),
      column((o) => o.tls ?? null),
      // unnest takes nothing for nulls: most mail is in no cutover.
      outcomes.some((o) => o.pool !== undefined) ? column((o) => o.pool ?? null) : [],
    ],
  });
}

/**
 * Ends mail whose time is over, and says what it waited for: mail under a hold is never claimed, so nobody wrote it on the
 * row. Returns how many recipients expired.
 */
export async function expireDue(db: Queryable, process: string): Promise<number> {
  const { rowCount } = await db.query(
    `with gone as (
       delete from queue where id in (
         select id from queue where claim is null and expires <= now() order by expires limit 500 for update skip locked)
       returning *
     ), kept_for_now as (
       update bodies b set sweep = true from gone where b.id = gone.body_id and not b.sweep
     )
     insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope, rule,
       reply, final, campaign, tenant, probe, process, rcpt, front, arm, bucket, outside, mailbox_provider, host)
     select id, message, address, coalesce(provider, 'other'), now(), attempts + 1, first_attempt, false, 'expired',
       'infrastructure', 'message', 'expired', coalesce(
         (select left(format('hold %s (%s): %s', h.id, h.cause, h.reason), 300) from holds h
          where h.cleared_at is null and (h.until is null or h.until > now()) and (h.scope, h.target) in
            (('campaign', gone.campaign), ('tenant', gone.tenant), ('domain', gone.domain), ('stream', gone.stream))
          order by h.id limit 1),
         reason, 'expired before its first attempt'), true, campaign, tenant, campaign = 'probe', $1, rcpt,
       front, ${armOf('gone.front', 'gone.pool')}, bucket, outside, mailbox_provider,
       -- Its last words are those of the remote that deferred it, unless something else stopped it since.
       (select last.host from (select host, reply from attempts a where a.recipient = gone.id order by number desc limit 1)
          as last where left(last.reply, 300) = gone.reason) from gone`,
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

/** Gives a domain's mail its provider; not that of `fronts`, whose arm is chosen with it (mta/arms/unrouted.ts). */
export async function routeDomain(
  db: Queryable,
  domain: string,
  provider: string,
  fronts: readonly string[] = [],
): Promise<void> {
  await db.query(
    `update queue set provider = $2
     where domain = $1 and provider is null and coalesce(front, pool) <> all($3::text[])`,
    [domain, provider, fronts],
  );
}

/** A domain that takes no mail at all (null MX, or no such domain): its mail is finished with a reason. */
export async function bounceDomain(db: Queryable, domain: string, reply: string, process: string): Promise<number> {
  const { rowCount } = await db.query(
    `with gone as (delete from queue where domain = $1 and provider is null and claim is null returning *),
       kept_for_now as (update bodies b set sweep = true from gone where b.id = gone.body_id and not b.sweep)
     insert into attempts (recipient, message, provider, at, number, first_at, unit, severity, class, scope, rule, reply,
       final, campaign, tenant, probe, process, rcpt, front)
     select id, message, 'other', now(), attempts + 1, now(), false, 'hard', 'recipient', 'recipient', 'no-mx', $2, true,
       campaign, tenant, false, $3, rcpt, front from gone`,
    [domain, reply, process],
  );
  return rowCount ?? 0;
}

/**
 * Takes back what processes left that no longer renew their lease. Each was in a transaction, so the remote may have
 * accepted it: recorded as in-doubt (the cost of a crash: at most one duplicate per open connection), then retried.
 * A process of this machine whose pid is gone is dead for sure; of any other it is believed after `graceMs`, if its lease
 * stands still. Looks at what stopped within `stoppedWithinMs`: a statement of a dead process may still run on the server for a while.
 */
export async function recoverDead(
  store: Store,
  recoverer: string,
  leases: LeaseWatch,
  graceMs: number,
  stoppedWithinMs: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  const { rows } = await store.query(
    `select id, machine, pid, extract(epoch from lease_until)::float8 * 1000 as until,
       lease_until < now() - make_interval(secs => $1::float8 / 1000) as late
     from processes where stopped_at is null and lease_until < now()`,
    [graceMs],
  );
  const still = leases.still(rows);
  const dead = rows
    .filter((row) => (row.late && still.has(row.id)) || (row.machine === machine() && !runs(row.pid)))
    .map((row) => row.id as string);
  return tx(store, async (db) => {
    await db.query(
      'update processes set stopped_at = now() where id = any($1::text[]) and stopped_at is null and lease_until < now()',
      [dead],
    );
    const { rowCount } = await db.query(
      `with left_behind as (
         update queue set claim = null, claimed_at = null, attempts = attempts + 1, doubts = doubts + 1,
           first_attempt = coalesce(first_attempt, now())
         where claim = any(array(select id from processes where stopped_at is not null
           and ($2::float8 is null or stopped_at > now() - make_interval(secs => $2::float8 / 1000))))
         returning *)
       insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope,
         rule, reply, final, campaign, tenant, probe, process, rcpt, front, arm, bucket, outside, mailbox_provider)
       select id, message, address, provider, now(), attempts, first_attempt, false, 'in-doubt',
         'infrastructure', 'message', 'process-died', 'the sending process died before it could commit the answer',
         false, campaign, tenant, campaign = 'probe', $1, rcpt, front,
         ${armOf('left_behind.front', 'left_behind.pool')}, bucket, outside, mailbox_provider from left_behind`,
      [recoverer, Number.isFinite(stoppedWithinMs) ? stoppedWithinMs : null],
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
