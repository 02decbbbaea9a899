/** What people ask of the mail: what waits and why, the story of one message, and how fast mail moves. Reads only. */
import type { Queryable } from './connect.ts';

export interface WaitingGroup {
  readonly pool: string;
  readonly provider: string | null;
  readonly stream: string;
  /** Why the mail of this group says it waits; null: nobody looked at it yet. */
  readonly reason: string | null;
  readonly recipients: number;
  /** Ready now, not only later. */
  readonly due: number;
  readonly claimed: number;
  readonly oldest: number;
  readonly nextDue: number;
  /** One recipient of it: that is in nobody's hands and due, where there is one. */
  readonly sample: number;
}

/**
 * Waiting mail by pool, provider, stream, reason, and the stop that names the mail itself (which nobody looks at, and so
 * nobody writes a reason of), the largest group first.
 */
export async function waitingGroups(db: Queryable, limit: number): Promise<WaitingGroup[]> {
  const { rows } = await db.query(
    // Ids and instants differ from message to message: the reason does not.
    `with stops as materialized (
       select id, scope, target from holds where cleared_at is null and (until is null or until > now())
         and scope in ('pool', 'stream', 'campaign', 'tenant', 'domain')
     )
     select q.pool, q.provider, q.stream, q.what as reason, count(*)::int as recipients,
       count(*) filter (where q.due <= now())::int as due, count(*) filter (where q.claim is not null)::int as claimed,
       extract(epoch from min(coalesce(q.first_attempt, m.received_at)))::float8 * 1000 as oldest,
       extract(epoch from min(q.due))::float8 * 1000 as "nextDue",
       coalesce(min(q.id) filter (where q.claim is null and q.due <= now()), min(q.id) filter (where q.claim is null),
         min(q.id)) as sample
     from (select *, regexp_replace(queue.reason, '[0-9a-f]{8,}|[0-9]{4,}', '…', 'g') as what,
         (select min(s.id) from stops s where s.target = case s.scope when 'pool' then queue.pool
            when 'stream' then queue.stream when 'campaign' then queue.campaign when 'tenant' then queue.tenant
            else queue.domain end) as stop
       from queue) q
     join messages m on m.id = q.message
     group by q.pool, q.provider, q.stream, q.what, q.stop order by count(*) desc limit $1`,
    [limit],
  );
  return rows;
}

export interface MessageStory {
  readonly id: number;
  readonly messageId: string;
  readonly mailFrom: string;
  readonly pool: string;
  readonly tenant: string;
  readonly stream: string;
  readonly segment: string;
  readonly campaign: string;
  readonly receivedAt: number;
  readonly recipients: readonly RecipientStory[];
}

export interface RecipientStory {
  readonly id: number;
  /** null: finished before attempts kept it. */
  readonly rcpt: string | null;
  /** null once finished: the queue row is gone. */
  readonly queued: QueuedStory | null;
  readonly attempts: readonly AttemptStory[];
  /** Oldest first. */
  readonly after: readonly Aftermath[];
}

/** What came after the attempts: a report about them, or what their sender was told. */
export interface Aftermath {
  readonly at: number;
  readonly kind: 'late-bounce' | 'complaint' | 'notification';
  /** In words: the report's, or which notification it was. */
  readonly says: string;
}

export interface QueuedStory {
  readonly rcpt: string;
  readonly provider: string | null;
  readonly address: string | null;
  readonly freed: boolean;
  readonly due: number;
  readonly expires: number;
  readonly claim: string | null;
  readonly reason: string | null;
}

export interface AttemptStory {
  readonly at: number;
  readonly number: number;
  readonly address: string | null;
  readonly provider: string;
  readonly severity: string;
  readonly class: string;
  readonly scope: string;
  readonly rule: string;
  readonly reply: string;
  /** The remote that said so; null: nobody but us. */
  readonly host: string | null;
  /** How the connection was protected; null: there was none. */
  readonly tls: string | null;
  readonly unit: boolean;
  readonly final: boolean;
  readonly process: string;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;

/** Stories of the messages a person names: by our id, or by Message-ID (which senders may repeat), newest first. */
export async function messageStories(db: Queryable, name: string): Promise<MessageStory[]> {
  const bare = name.replace(/^<|>$/g, '');
  const id = /^\d{1,15}$/.test(name) ? Number(name) : null;
  const { rows } = await db.query(
    `select id, message_id as "messageId", mail_from as "mailFrom", pool, tenant, stream, segment, campaign,
       ${ms('received_at')} as "receivedAt"
     from messages where id = $1 or message_id = any($2::text[]) order by id desc limit 20`,
    [id, [bare, `<${bare}>`]],
  );
  return Promise.all(rows.map(async (row) => ({ ...row, recipients: await recipientsOf(db, row.id) })));
}

async function recipientsOf(db: Queryable, message: number): Promise<RecipientStory[]> {
  const queued = await db.query(
    `select id, rcpt, provider, host(address) as address, freed, ${ms('due')} as due, ${ms('expires')} as expires, claim, reason
     from queue where message = $1 order by id`,
    [message],
  );
  const tried = await db.query(
    `select recipient, ${ms('at')} as at, number, host(address) as address, provider, severity, class, scope, rule, reply,
       host, tls, unit, final, process, rcpt from attempts where message = $1 order by recipient, number, id`,
    [message],
  );
  const ids: number[] = [...new Set([...queued.rows.map((row) => row.id), ...tried.rows.map((row) => row.recipient)])];
  const after = await aftermathOf(db, ids);
  return ids
    .toSorted((a, b) => a - b)
    .map((id) => {
      const { id: _, ...rest } = queued.rows.find((row) => row.id === id) ?? { id: null };
      const own = tried.rows.filter((row) => row.recipient === id);
      const waiting = 'rcpt' in rest ? (rest as QueuedStory) : null;
      return {
        id,
        rcpt: waiting?.rcpt ?? own.find((row) => row.rcpt !== null)?.rcpt ?? null,
        queued: waiting,
        attempts: own.map(({ recipient: __, rcpt: ___, ...one }): AttemptStory => one),
        after: after.filter((row) => row.recipient === id).map(({ recipient: __, ...one }) => one),
      };
    });
}

async function aftermathOf(
  db: Queryable,
  recipients: readonly number[],
): Promise<(Aftermath & { readonly recipient: number })[]> {
  const { rows } = await db.query(
    `select recipient, ${ms('at')} as at, 'late-bounce' as kind, format('%s, %s: %s', severity, class, reply) as says
       from late_bounces where recipient = any($1::bigint[])
     union all select recipient, ${ms('at')}, 'complaint', coalesce(detail->'feedback'->>'type', 'abuse')
       from complaints where recipient = any($1::bigint[])
     union all select recipient, ${ms('at')}, 'notification', kind || coalesce(format(', as message %s', message), '')
       from dsn_sent where recipient = any($1::bigint[])
     order by 2`,
    [recipients],
  );
  return rows;
}

export interface LaneFlow {
  readonly address: string;
  readonly provider: string;
  readonly pool: string;
  readonly phase: string;
  /** Of the last `seconds`. */
  readonly attempts: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly bounced: number;
  readonly blocked: number;
}

/** What each lane did in the last `seconds`, busiest first. */
export async function laneFlows(db: Queryable, seconds: number): Promise<LaneFlow[]> {
  const { rows } = await db.query(
    `select host(l.address) as address, l.provider, a.pool, l.phase,
       coalesce(sum(r.attempts), 0)::int as attempts, coalesce(sum(r.delivered), 0)::int as delivered,
       coalesce(sum(r.deferred), 0)::int as deferred, coalesce(sum(r.hard + r.soft), 0)::int as bounced,
       coalesce(sum(r.blocked), 0)::int as blocked
     from lanes l join addresses a using (address)
     left join rollups r on r.address = l.address and r.provider = l.provider
       and r.bucket > now() - make_interval(secs => $1)
     group by l.address, l.provider, a.pool, l.phase
     order by attempts desc, l.address, l.provider`,
    [seconds],
  );
  return rows;
}

export interface QueueTotals {
  readonly waiting: number;
  readonly due: number;
  readonly claimed: number;
  readonly unrouted: number;
}

export async function queueTotals(db: Queryable): Promise<QueueTotals> {
  const { rows } = await db.query(
    `select count(*)::int as waiting, count(*) filter (where due <= now())::int as due,
       count(*) filter (where claim is not null)::int as claimed,
       count(*) filter (where provider is null)::int as unrouted from queue`,
  );
  return rows[0];
}
