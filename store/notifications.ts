/**
 * Notifications that senders are owed. The mark "told" commits with the notification's spool, so each is made exactly
 * once, whatever dies.
 */
import type { Queryable } from './connect.ts';

/** A recipient whose sender is owed a notification, with all that it needs. Times in ms. */
export interface OwedNotice {
  readonly recipient: number;
  readonly message: number;
  readonly rcpt: string;
  readonly severity: string;
  readonly class: string;
  readonly reply: string;
  /** The remote that said it; null: nobody but us. */
  readonly host: string | null;
  readonly lastAttempt: number | null;
  readonly retryUntil: number | null;
  readonly mailFrom: string;
  readonly pool: string;
  readonly tenant: string;
  readonly arrived: number;
  readonly bodyId: number;
  /** What the client asked for (RFC 3461); null: nothing. */
  readonly notify: string | null;
  readonly orcpt: string | null;
  readonly ret: string | null;
  readonly envid: string | null;
}

const MESSAGE = `m.mail_from as "mailFrom", m.pool, m.tenant, extract(epoch from m.received_at)::float8 * 1000 as arrived,
  m.body_id as "bodyId", r.notify, r.orcpt, r.ret, r.envid`;

/**
 * Takes failures whose message is complete (every recipient has ended) or whose first failure is `groupMs` old: one
 * notification tells of several recipients. Call it in the transaction that spools the notifications.
 */
export async function takeFailures(db: Queryable, groupMs: number, messages: number): Promise<OwedNotice[]> {
  const { rows } = await db.query(
    `with ripe as (
       select d.message from dsn_due d join messages m on m.id = d.message group by d.message, m.recipients
       having min(d.noted_at) <= now() - make_interval(secs => $1::float8 / 1000)
         or (select count(*) from attempts a where a.message = d.message and a.final) >= m.recipients
       order by d.message limit $2
     ), taken as (
       delete from dsn_due where recipient in
         (select recipient from dsn_due where message in (select message from ripe) for update skip locked)
       returning *
     )
     select t.recipient, t.message, t.rcpt, t.severity, t.class, t.reply, t.host,
       extract(epoch from t.at)::float8 * 1000 as "lastAttempt", null::float8 as "retryUntil", ${MESSAGE}
     from taken t join messages m on m.id = t.message left join dsn_requests r using (recipient)
     order by t.message, t.recipient`,
    [groupMs, messages],
  );
  return rows;
}

/** Recipients not delivered `afterMs` after they first could be, whose sender asked to hear of that and has not yet. */
export async function owedDelays(db: Queryable, afterMs: number, limit: number): Promise<OwedNotice[]> {
  const { rows } = await db.query(
    `select q.id as recipient, q.message, q.rcpt, 'deferred' as severity, 'infrastructure' as class,
       coalesce(last.reply, q.reason, '') as reply, last.host, extract(epoch from last.at)::float8 * 1000 as "lastAttempt",
       extract(epoch from q.expires)::float8 * 1000 as "retryUntil", ${MESSAGE}
     from dsn_requests r join queue q on q.id = r.recipient join messages m on m.id = q.message
       left join lateral (select reply, at, host from attempts a where a.recipient = q.id order by number desc limit 1) last on true
     where r.notify like '%DELAY%' and m.mail_from <> ''
       and coalesce(q.first_attempt, greatest(m.received_at, q.due)) <= now() - make_interval(secs => $1::float8 / 1000)
       and not exists (select from dsn_sent s where s.recipient = r.recipient and s.kind = 'delayed')
     order by q.message, q.id limit $2`,
    [afterMs, limit],
  );
  return rows;
}

/** Recipients that were delivered, or handed to an upstream, whose sender asked to hear of that. */
export async function owedSuccesses(db: Queryable, limit: number): Promise<OwedNotice[]> {
  const { rows } = await db.query(
    `select r.recipient, a.message, coalesce(a.rcpt, '') as rcpt, a.severity, a.class, a.reply, a.host,
       extract(epoch from a.at)::float8 * 1000 as "lastAttempt", null::float8 as "retryUntil", ${MESSAGE}
     from dsn_requests r join attempts a on a.recipient = r.recipient and a.final and a.severity in ('delivered', 'relayed')
       join messages m on m.id = a.message
     where r.notify like '%SUCCESS%' order by a.message, r.recipient limit $1`,
    [limit],
  );
  return rows;
}

/** Marks recipients as told; returns those that were not yet. A second process waits here for the first one's end. */
export async function markTold(
  db: Queryable,
  recipients: readonly number[],
  kind: 'failed' | 'delayed' | 'relayed',
): Promise<ReadonlySet<number>> {
  const { rows } = await db.query(
    `insert into dsn_sent (recipient, kind) select unnest($1::bigint[]), $2 order by 1
     on conflict do nothing returning recipient`,
    [recipients, kind],
  );
  return new Set(rows.map((row) => row.recipient));
}

/** Which notification told them. */
export async function noteNotification(
  db: Queryable,
  recipients: readonly number[],
  kind: 'failed' | 'delayed' | 'relayed',
  message: number,
): Promise<void> {
  await db.query('update dsn_sent set message = $3 where recipient = any($1::bigint[]) and kind = $2', [
    recipients,
    kind,
    message,
  ]);
}

/**
 * These recipients have ended: nobody looks for their success or delay any more. NEVER and FAILURE stay, because a
 * bounce may still come after 250.
 */
export async function settleRequests(db: Queryable, recipients: readonly number[]): Promise<void> {
  await db.query(
    `update dsn_requests set notify = case when notify like '%FAILURE%' then 'FAILURE' else 'NEVER' end
     where recipient = any($1::bigint[]) and (notify like '%SUCCESS%' or notify like '%DELAY%')`,
    [recipients],
  );
}

/** The message as it was accepted, or null when it is not kept any more. */
export async function bodyOf(db: Queryable, bodyId: number): Promise<Buffer | null> {
  const { rows } = await db.query('select raw from bodies where id = $1', [bodyId]);
  return rows[0]?.raw ?? null;
}

/** Where no sender is told: nothing is owed. */
export async function dropOwed(db: Queryable): Promise<void> {
  await db.query('delete from dsn_due');
}

/** Requests and marks of recipients whose last attempt is `days` old; looks at the oldest ones only. */
export async function forgetOldRequests(db: Queryable, days: number): Promise<void> {
  for (const table of ['dsn_requests', 'dsn_sent']) {
    await db.query(
      `delete from ${table} t using (select recipient from ${table} order by recipient limit 5000) o
       where t.recipient = o.recipient and not exists (select from queue q where q.id = o.recipient)
         and not exists (select from attempts a where a.recipient = o.recipient and a.at > now() - make_interval(days => $1))`,
      [days],
    );
  }
}
