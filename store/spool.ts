/** Accepted mail: one transaction writes bodies, messages and queue rows for a whole group of messages. */
import { byteaArray } from './binary.ts';
import { type Queryable, type Store, tx } from './connect.ts';
import { envelopeKey } from './recipient-key.ts';
import { hasExtras, type MessageDsn, type RecipientDsn, type Request, writeExtras } from './spool-extras.ts';
import { spooledBefore } from './spooled-before.ts';
import { timeOrderedUuid } from './time-ordered-uuid.ts';

export interface SpoolMessage {
  readonly raw: Buffer;
  readonly messageId: string;
  readonly mailFrom: string;
  readonly pool: string;
  readonly tenant: string;
  readonly stream: 'marketing' | 'transactional';
  readonly segment: string;
  readonly campaign: string;
  /** False: marketing without one-click unsubscribe, which cold lanes do not carry. */
  readonly oneClick?: boolean;
  /** ms after which the message expires. */
  readonly expires: number;
  /** ms before which it is not sent. */
  readonly notBefore?: number;
  /** A probe is bound to its lane. */
  readonly pin?: { readonly address: string; readonly provider: string };
  /** It tests the pool it names: no cutover gives it to another. */
  readonly stays?: boolean;
  /** False: its body may go with its delivery. Otherwise it is kept a while: probes copy live content. */
  readonly sample?: boolean;
  readonly dsn?: MessageDsn;
  /** The request it came with; all messages of one are committed together or not at all. */
  readonly request?: Request;
  readonly recipients: readonly SpoolRecipient[];
}

export interface SpoolRecipient extends RecipientDsn {
  readonly rcpt: string;
  readonly domain: string;
  /** null: not known yet; routed after the commit. */
  readonly provider: string | null;
  /** Its pool has a cutover: who carries it. Absent: the message's pool. */
  readonly arm?: ChosenArm;
}

/** Who carries a recipient of a front (mta/arms/arms.ts). */
export interface ChosenArm {
  /** The front itself while it is not chosen: that takes the provider. */
  readonly pool: string;
  readonly bucket: number;
  readonly outside: string | null;
  readonly mailboxProvider: string | null;
}

/** Ids of one spooled message: its own, and its recipients' in the order they were given. */
export interface Spooled {
  readonly message: number;
  readonly recipients: readonly number[];
  /** By recipient: its row was claimed as asked. */
  readonly claimed: readonly boolean[];
}

/**
 * Recipients whose sender has them already: their rows are claimed from the start, but for those that are suppressed by
 * now. Those are left to the queue, where a claim ends them with the reason.
 */
export interface Claims {
  readonly process: string;
  /** By message and recipient; what is missing is claimed by nobody. */
  readonly taken: readonly (readonly boolean[])[];
}

const NO_CLAIMS: Claims = { process: '', taken: [] };
/** Nobody's: a key has 32 bytes. */
const NO_KEY = Buffer.alloc(0);

/** Commits messages durably, with what they bring along: one statement, or one transaction where they bring something. */
export async function spoolGroup(
  store: Store,
  messages: readonly SpoolMessage[],
  batch: string,
  claims: Claims = NO_CLAIMS,
): Promise<Spooled[]> {
  if (!messages.some(hasExtras)) return spool(store, messages, batch, claims);
  return tx(store, (db) => spoolWithExtras(db, messages, batch, claims));
}

async function spoolWithExtras(
  db: Queryable,
  messages: readonly SpoolMessage[],
  batch: string,
  claims: Claims,
): Promise<Spooled[]> {
  const spooled = await spool(db, messages, batch, claims);
  await writeExtras(db, messages, spooled);
  return spooled;
}

/**
 * Commits messages durably, and nothing they bring along. A message is one row of small queue entries and one body shared by its recipients.
 * Resolves after the commit: only then may anybody answer 250. The batch is locked while it is written, so that
 * spoolOnce can wait for a statement that still runs after its connection broke.
 */
export async function spool(
  db: Queryable,
  messages: readonly SpoolMessage[],
  batch: string = timeOrderedUuid(),
  claims: Claims = NO_CLAIMS,
): Promise<Spooled[]> {
  // Most mail is in no cutover: its statement does not even name the columns.
  const chosen = arms(messages);
  const some = (sql: string) => (chosen.length === 0 ? '' : sql);
  const { rows } = await db.query({
    name: `spool${some('-arms')}`,
    text: `with locked as materialized (
       select pg_advisory_xact_lock(hashtextextended($17::text, 0))
     ), given as (
       select t.* from locked, unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
         $8::text[], $9::int[], $18::bool[], $21::bool[]) with ordinality
         as t(raw, message_id, mail_from, pool, tenant, stream, segment, campaign, recipients, sweep, one_click, n)
     ), numbered as materialized (
       select nextval('messages_id_seq') as id, * from given
     ), stored as (
       insert into bodies (id, raw, sweep) overriding system value select id, raw, sweep from numbered
     ), noted as (
       insert into messages (id, body_id, batch, message_id, mail_from, pool, tenant, stream, segment, campaign, recipients)
       overriding system value
       select id, id, $17::uuid, message_id, mail_from, pool, tenant, stream, segment, campaign, recipients from numbered
     ), placed as materialized (
       select n.id as message, n.pool, n.tenant, n.stream, n.segment, n.campaign, n.one_click, r.*,
         -- Asked last thing before the mail goes: its recipient may have bounced or complained since it was accepted.
         r.taken and not exists (
           select from suppressions s where s.key = r.key and (s.until is null or s.until > now())
             and (s.streams = 'all' or n.stream = 'marketing')
             and (s.scope = 'global' or (s.scope = 'pool' and s.target = n.pool)
                  or (s.scope = 'tenant' and s.target = n.tenant))) as claimed
       from unnest($10::int[], $11::text[], $12::text[], $13::text[], $14::inet[], $15::timestamptz[], $16::timestamptz[],
         $19::bool[], $22::bytea[]${some(', $23::text[], $24::int[], $25::text[], $26::text[]')}) with ordinality
         as r(n, rcpt, domain, provider, address, due, expires, taken, key${some(', arm, bucket, outside, mailbox_provider')}, o)
       join numbered n on n.n = r.n
     ), queued as (
       insert into queue (message, body_id, rcpt, domain, provider, address, pinned, pool, tenant, stream, segment,
         campaign, due, expires, one_click, claim, claimed_at
         ${some(', front, bucket, outside, mailbox_provider')})
       select message, message, rcpt, domain, provider, address, address is not null, ${some('coalesce(arm, pool)') || 'pool'}, tenant, stream, segment,
         campaign, coalesce(due, now()), expires, one_click, case when claimed then $20 end, case when claimed then now() end
         ${some(', case when arm is not null then pool end, bucket, outside, mailbox_provider')}
       from placed order by o
       returning id, message, claim is not null as claimed
     )
     select n.id as message, array_agg(q.id order by q.id) as recipients, array_agg(q.claimed order by q.id) as claimed
     from numbered n join queued q on q.message = n.id group by n.n, n.id order by n.n`,
    values: [
      ...columns(messages),
      batch,
      messages.map((m) => m.recipients.length > 1 || m.sample !== false || tellsSuccess(m)),
      messages.flatMap((m, n) => m.recipients.map((_, r) => claims.taken[n]?.[r] ?? false)),
      claims.process,
      messages.map((m) => m.oneClick ?? true),
      byteaArray(
        messages.flatMap((m, n) =>
          m.recipients.map(({ rcpt }, r) => (claims.taken[n]?.[r] ? envelopeKey(rcpt) : NO_KEY)),
        ),
      ),
      ...chosen,
    ],
  });
  return rows;
}

/** After a commit whose answer was lost: what it stored, or, if it did not happen, the same messages stored now. */
export async function spoolOnce(
  store: Store,
  messages: readonly SpoolMessage[],
  batch: string,
  claims: Claims = NO_CLAIMS,
): Promise<Spooled[]> {
  return tx(store, async (db) => {
    await db.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))', [batch]);
    const before = await spooledBefore(db, messages, batch, claims.process);
    return before.length > 0 ? before : spoolWithExtras(db, messages, batch, claims);
  });
}

/** Its sender asked to hear of success: the notification carries its header, so it outlives the delivery for a while. */
function tellsSuccess({ recipients }: SpoolMessage): boolean {
  return recipients.some(({ notify }) => notify !== undefined && /\bSUCCESS\b/i.test(notify));
}

function columns(messages: readonly SpoolMessage[]): unknown[] {
  const recipients = messages.flatMap((message, n) =>
    message.recipients.map((recipient) => ({ n: n + 1, message, ...recipient })),
  );
  return [
    byteaArray(messages.map((m) => m.raw)),
    messages.map((m) => m.messageId),
    messages.map((m) => m.mailFrom),
    messages.map((m) => m.pool),
    messages.map((m) => m.tenant),
    messages.map((m) => m.stream),
    messages.map((m) => m.segment),
    messages.map((m) => m.campaign),
    messages.map((m) => m.recipients.length),
    recipients.map((r) => r.n),
    recipients.map((r) => r.rcpt),
    recipients.map((r) => r.domain),
    recipients.map((r) => r.message.pin?.provider ?? r.provider),
    recipients.map((r) => r.message.pin?.address ?? null),
    recipients.map((r) => (r.message.notBefore === undefined ? null : new Date(r.message.notBefore))),
    recipients.map((r) => new Date(r.message.expires)),
  ];
}

/** By recipient; no columns at all where no cutover is. */
function arms(messages: readonly SpoolMessage[]): unknown[] {
  const recipients = messages.flatMap((message) =>
    message.recipients.map(({ arm }) => ({ arm, stays: message.stays })),
  );
  if (recipients.every(({ arm, stays }) => arm === undefined && !stays)) return [];
  return [
    recipients.map(({ arm }) => arm?.pool ?? null),
    recipients.map(({ arm }) => arm?.bucket ?? null),
    recipients.map(({ arm, stays }) => (stays ? 'probe' : (arm?.outside ?? null))),
    recipients.map(({ arm }) => arm?.mailboxProvider ?? null),
  ];
}

/** Settings without which "250 means durable" would be a lie. Returns what is wrong, in words. */
export async function durabilityProblems(pool: Queryable): Promise<string[]> {
  const { rows } = await pool.query(
    `select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit')`,
  );
  return rows
    .filter((row) =>
      row.name === 'synchronous_commit' ? row.setting === 'off' || row.setting === 'local' : row.setting !== 'on',
    )
    .map((row) => `${row.name} is ${row.setting}`);
}

/** How long a body stays after the last attempt of its last recipient, for a bounce that quotes it. */
const KEPT = "interval '1 hour'";
/** The last ones stay in any case: probes copy live content. */
const SAMPLES = 200;

/**
 * Looks at `limit` bodies after `after` and removes those whose recipients are all finished and quiet. Returns where to
 * go on next time; 0: from the start.
 */
export async function sweepBodies(db: Queryable, after: number, limit: number): Promise<number> {
  const { rows } = await db.query(
    `with looked as (
       select b.id, m.recipients from bodies b join messages m on m.id = b.id
       where b.sweep and b.id > $1
         and b.id < (select id from bodies where sweep order by id desc offset ${SAMPLES} limit 1)
       order by b.id limit $2
     ), gone as (
       delete from bodies b using looked l where b.id = l.id
         and not exists (select from dsn_due d where d.body_id = b.id)
         and (select count(*) filter (where a.final) >= l.recipients and max(a.at) < now() - ${KEPT}
              from attempts a where a.message = l.id)
     )
     select max(id) as last, count(*)::int as looked from looked`,
    [after, limit],
  );
  return rows[0].looked === limit ? rows[0].last : 0;
}

/** A recent live message of a pool, for probes that copy live content. */
export async function recentMessage(
  db: Queryable,
  pool: string,
): Promise<{ raw: Buffer; mailFrom: string; tenant: string } | undefined> {
  const { rows } = await db.query(
    `select b.raw, m.mail_from as "mailFrom", m.tenant from messages m join bodies b on b.id = m.body_id
     where m.pool in (select $1 union select front from splits where ended_at is null and $1 in (old_arm, new_arm))
       and m.stream = 'marketing' and m.campaign <> 'probe' order by m.id desc limit 1`,
    [pool],
  );
  return rows[0];
}
