/** Queued recipients as `why` looks at them: with all that decides which lane may carry them. Reads only. */
import type { ReplyClass, ReplyScope } from '../policy/replies.ts';
import type { Queryable } from './connect.ts';

export interface QueuedMail {
  readonly id: number;
  readonly rcpt: string;
  readonly domain: string;
  readonly pool: string;
  readonly tenant: string;
  readonly stream: string;
  readonly segment: string;
  readonly campaign: string;
  readonly oneClick: boolean;
  /** null: not known yet. */
  readonly provider: string | null;
  /** The address it belongs to; null: any. */
  readonly address: string | null;
  readonly pinned: boolean;
  readonly freed: boolean;
  readonly attempts: number;
  readonly due: number;
  readonly expires: number;
  readonly claim: string | null;
  readonly reason: string | null;
  /** For which front it is carried; null: the pool is its own. */
  readonly front: string | null;
  /** Whose mailbox it is, where an upstream takes it; null: not known. */
  readonly mailboxProvider: string | null;
  /** Its last attempt; null: it was never tried, or that is no longer kept. */
  readonly last: {
    readonly class: ReplyClass;
    readonly scope: ReplyScope;
    readonly reply: string;
    readonly host: string | null;
  } | null;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;

const MAIL = `select q.id, q.rcpt, q.domain, q.pool, q.tenant, q.stream, q.segment, q.campaign, q.one_click as "oneClick",
    q.provider, host(q.address) as address, q.pinned, q.freed, q.attempts, ${ms('q.due')} as due,
    ${ms('q.expires')} as expires, q.claim, q.reason, q.front, q.mailbox_provider as "mailboxProvider", l.last
  from queue q left join lateral (
    select json_build_object('class', a.class, 'scope', a.scope, 'reply', a.reply, 'host', a.host) as last
    from attempts a where a.message = q.message and a.recipient = q.id order by a.number desc, a.id desc limit 1
  ) l on true`;

/** Every queued recipient of a message; none where all are finished. */
export async function queuedMail(db: Queryable, message: number): Promise<QueuedMail[]> {
  return (await db.query(`${MAIL} where q.message = $1 order by q.id`, [message])).rows;
}

/** Queued recipients by their ids; those that are finished by now are left out. */
export async function queuedRecipients(db: Queryable, ids: readonly number[]): Promise<QueuedMail[]> {
  return (await db.query(`${MAIL} where q.id = any($1::bigint[]) order by q.id`, [ids])).rows;
}
