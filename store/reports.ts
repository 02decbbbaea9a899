/**
 * What comes back after 250: complaints and late bounces, on the delivery they are about, and what nobody can vouch for.
 * Each counts in the cohort of the window its message was sent in, however late it comes.
 */
import type { Queryable } from './connect.ts';

/** A delivery that reports may be about: our own record of it, not what a report says. */
export interface Delivery {
  readonly recipient: number;
  /** The envelope recipient; null: it was sent before recipients were kept. */
  readonly rcpt: string | null;
  readonly tenant: string;
  readonly provider: string;
  readonly probe: boolean;
}

// A lost final reply may hide a delivery; a report about it says that it was one.
const DELIVERED = `severity in ('delivered', 'in-doubt') order by (severity = 'delivered') desc, id limit 1`;

/** The delivery of a recipient row, or undefined when none of ours was accepted anywhere. */
export async function deliveryOf(db: Queryable, recipient: number): Promise<Delivery | undefined> {
  const { rows } = await db.query(
    `select recipient, rcpt, tenant, provider, probe from attempts where recipient = $1 and ${DELIVERED}`,
    [recipient],
  );
  return rows[0];
}

export type Recorded = 'recorded' | 'known' | 'no-such-delivery';

/** A complaint, once a recipient. */
export async function recordComplaint(db: Queryable, recipient: number, detail: unknown): Promise<Recorded> {
  const { rowCount } = await db.query(
    `insert into complaints (recipient, address, provider, sent_at, window_index, campaign, tenant, detail)
     select recipient, address, provider, at, window_index, campaign, tenant, $2 from attempts
     where recipient = $1 and ${DELIVERED} on conflict do nothing`,
    [recipient, JSON.stringify(detail)],
  );
  if (rowCount === 1) return 'recorded';
  const { rows } = await db.query('select 1 from complaints where recipient = $1', [recipient]);
  return rows.length > 0 ? 'known' : 'no-such-delivery';
}

export interface LateBounce {
  readonly severity: 'hard' | 'soft';
  readonly class: string;
  /** What the remote said, as far as the report tells. */
  readonly reply: string;
  readonly detail: unknown;
}

/** A bounce after 250, once a recipient; a hard one replaces a soft one. Its sender is to be told, if any wants it. */
export async function recordLateBounce(db: Queryable, recipient: number, bounce: LateBounce): Promise<Recorded> {
  const { rowCount } = await db.query(
    `with sent as (
       select * from attempts where recipient = $1 and ${DELIVERED}
     ), told as (
       insert into dsn_due (recipient, message, body_id, rcpt, severity, class, reply, at)
       select s.recipient, m.id, m.body_id, s.rcpt, $2, $3, $4, now() from sent s join messages m on m.id = s.message
       where s.rcpt is not null and m.mail_from <> '' and not s.probe on conflict do nothing
     )
     insert into late_bounces as l (recipient, address, provider, sent_at, window_index, campaign, tenant, severity, class,
       reply, detail)
     select recipient, address, provider, at, window_index, campaign, tenant, $2, $3, $4, $5 from sent
     on conflict (recipient) do update set severity = excluded.severity, class = excluded.class, reply = excluded.reply,
       detail = excluded.detail where l.severity = 'soft' and excluded.severity = 'hard'`,
    [recipient, bounce.severity, bounce.class, bounce.reply.slice(0, 500), JSON.stringify(bounce.detail)],
  );
  if (rowCount === 1) return 'recorded';
  const { rows } = await db.query('select 1 from late_bounces where recipient = $1', [recipient]);
  return rows.length > 0 ? 'known' : 'no-such-delivery';
}

/** A report nobody can vouch for is kept and counted, and moves nothing. `raw`: its head, for a person to look at. */
export async function recordUnverified(
  db: Queryable,
  kind: string,
  detail: unknown,
  raw: Buffer | null = null,
): Promise<void> {
  await db.query('insert into unverified_reports (kind, detail, raw) values ($1, $2, $3)', [
    kind,
    JSON.stringify(detail),
    raw,
  ]);
}

/** Counts what arrived, by day, its kind, and what became of it. */
export async function countReport(db: Queryable, kind: string, outcome: string): Promise<void> {
  await db.query(
    `insert into report_counts as c (day, kind, outcome, n) values (current_date, $1, $2, 1)
     on conflict (day, kind, outcome) do update set n = c.n + 1`,
    [kind, outcome],
  );
}

/** Unverified reports older than `days` go; of the younger at most `most` stay. Returns how many went. */
export async function dropOldUnverified(db: Queryable, days: number, most: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from unverified_reports where at < now() - make_interval(days => $1)
       or id <= (select id from unverified_reports order by id desc offset $2 limit 1)`,
    [days, most],
  );
  return rowCount ?? 0;
}

/**
 * Deliveries of a message by its Message-ID, newest first, at most `limit`. Anybody who received the message knows its
 * Message-ID: whoever joins by it must know that the reporter may be believed.
 */
export async function deliveriesByMessageId(db: Queryable, messageId: string, limit: number): Promise<Delivery[]> {
  const { rows } = await db.query(
    `select distinct on (a.recipient) a.recipient, a.rcpt, a.tenant, a.provider, a.probe
     from (select id from messages where message_id = $1 order by id desc limit 10) m
       join attempts a on a.message = m.id and a.severity in ('delivered', 'in-doubt')
     order by a.recipient desc limit $2`,
    [messageId, limit],
  );
  return rows;
}

/** Deliveries from a source address within a stretch of time (ms), newest first, at most `limit`. */
export async function deliveriesFrom(
  db: Queryable,
  address: string,
  from: number,
  to: number,
  rcpt: string,
  limit: number,
): Promise<Delivery[]> {
  const { rows } = await db.query(
    `select a.recipient, a.rcpt, a.tenant, a.provider, a.probe from lanes l
       join attempts a on a.address = l.address and a.provider = l.provider and a.at between $2 and $3
     where l.address = $1 and a.severity in ('delivered', 'in-doubt') and lower(a.rcpt) = lower($4)
     order by a.at desc limit $5`,
    [address, new Date(from), new Date(to), rcpt, limit],
  );
  return rows;
}
