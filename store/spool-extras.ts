/**
 * What a few messages bring along into their commit: wishes about notifications (RFC 3461), and the answer to the
 * request they came with. Most messages bring nothing, and pay nothing.
 */
import type { Queryable } from './connect.ts';
import { answerKey, type KeyOf } from './idempotency.ts';
import type { Spooled, SpoolMessage } from './spool.ts';

/** RET and ENVID of MAIL (RFC 3461 §4.3, §4.4), decoded. */
export interface MessageDsn {
  readonly ret: 'FULL' | 'HDRS' | null;
  readonly envid: string | null;
}

/** NOTIFY and ORCPT of RCPT (RFC 3461 §4.1, §4.2): `NEVER` or a list such as `SUCCESS,FAILURE`; `rfc822;a@example`. */
export interface RecipientDsn {
  readonly notify?: string;
  readonly orcpt?: string;
}

/** The request a message came with; every message of one request has the same. */
export interface Request {
  readonly of: KeyOf;
  readonly token: string;
  /** The part of the answer that is known before the commit. */
  readonly answer: Readonly<Record<string, unknown>>;
}

export interface AcceptedRecipient {
  readonly recipient: string;
  /** Of the recipient: attempts and events carry it. */
  readonly id: number;
  /** Of the message, which its recipients share. */
  readonly message: number;
}

export function hasExtras(message: SpoolMessage): boolean {
  return (
    message.request !== undefined ||
    (message.dsn?.ret ?? message.dsn?.envid ?? null) !== null ||
    message.recipients.some((recipient) => recipient.notify !== undefined || recipient.orcpt !== undefined)
  );
}

/** The accepted recipients of messages, with the ids their commit gave them. */
export function acceptedOf(messages: readonly SpoolMessage[], spooled: readonly Spooled[]): AcceptedRecipient[] {
  return messages.flatMap((message, n) =>
    message.recipients.map(({ rcpt }, at) => ({
      recipient: rcpt,
      id: spooled[n]?.recipients[at] ?? 0,
      message: spooled[n]?.message ?? 0,
    })),
  );
}

/** Writes what the messages brought, in the transaction that stores them. */
export async function writeExtras(
  db: Queryable,
  messages: readonly SpoolMessage[],
  spooled: readonly Spooled[],
): Promise<void> {
  await writeWishes(db, messages, spooled);
  const tokens = new Map(messages.flatMap(({ request }) => (request === undefined ? [] : [[request.token, request]])));
  for (const [token, request] of tokens) {
    const own = messages.flatMap((message, n) => (message.request?.token === token ? [n] : []));
    const accepted = acceptedOf(
      own.map((n) => messages[n] as SpoolMessage),
      own.map((n) => spooled[n] as Spooled),
    );
    await answerKey(db, request.of, token, { ...request.answer, accepted });
  }
}

async function writeWishes(db: Queryable, messages: readonly SpoolMessage[], spooled: readonly Spooled[]) {
  const rows = messages.flatMap((message, n) =>
    message.recipients.flatMap(({ notify = null, orcpt = null }, at) => {
      const { ret = null, envid = null } = message.dsn ?? {};
      const asked = notify ?? orcpt ?? ret ?? envid;
      return asked === null ? [] : [{ id: spooled[n]?.recipients[at], notify, orcpt, ret, envid }];
    }),
  );
  if (rows.length === 0) return;
  await db.query(
    `insert into dsn_requests (recipient, notify, orcpt, ret, envid)
     select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])`,
    [
      rows.map((row) => row.id),
      rows.map((row) => row.notify),
      rows.map((row) => row.orcpt),
      rows.map((row) => row.ret),
      rows.map((row) => row.envid),
    ],
  );
}
