/**
 * From a report to the delivery it is about. Our token (an HMAC, in the return path or the trace header) proves the
 * delivery; a Message-ID or a source address does not, for everybody who got the message knows them: they count only
 * when a known reporter signed the report.
 */

import { recipientOf, TRACE_HEADER } from '../../policy/trace.ts';
import type { Queryable } from '../../store/connect.ts';
import { normalRecipient } from '../../store/recipient-key.ts';
import { type Delivery, deliveriesByMessageId, deliveriesFrom, deliveryOf } from '../../store/reports.ts';
import type { ClassifiedMessage } from './classify/message.ts';
import type { VerifyReporter } from './reporter.ts';

export type JoinedBy = 'verp' | 'trace' | 'message-id' | 'source';

export interface Joined {
  readonly delivery: Delivery;
  readonly by: JoinedBy;
  /** Who signed it, where it was not joined by a token. */
  readonly reporter: string | null;
}

/** Why a report moves nothing. */
export type Unjoined = 'no-valid-trace' | 'no-such-delivery' | 'reporter-not-known';

export interface JoinParts {
  readonly db: Queryable;
  readonly traceKey: string;
  readonly verify: VerifyReporter;
}

/** Copies of one message that a report without recipients may be about: more, and it is about nobody. */
const CANDIDATES = 50;
/** A report's Arrival-Date is the provider's clock, in whole seconds, and its queue may lie between. */
const ARRIVAL_SLACK_MS = 6 * 3_600_000;

/**
 * Joins one report. `rcpt`: the envelope recipient it came to (a VERP address, or one that takes feedback). `raw`: the
 * whole message, or null when not all of it was kept (its signature can not be checked then).
 */
export async function join(
  parts: JoinParts,
  rcpt: string,
  report: ClassifiedMessage,
  raw: Buffer | null,
): Promise<Joined | Unjoined> {
  const proven = tokenOf(rcpt, report, parts.traceKey);
  if (proven !== undefined) {
    const delivery = await deliveryOf(parts.db, proven.recipient);
    return delivery === undefined ? 'no-such-delivery' : { delivery, by: proven.by, reporter: null };
  }
  const candidate = await byContent(parts.db, report);
  if (candidate === undefined) return 'no-valid-trace';
  const reporter = raw === null ? null : await parts.verify(raw);
  return reporter === null ? 'reporter-not-known' : { ...candidate, reporter };
}

/** The recipient row that a valid token names: in the address it came to first, then in what it returns of the original. */
function tokenOf(
  rcpt: string,
  report: ClassifiedMessage,
  key: string,
): { readonly recipient: number; readonly by: JoinedBy } | undefined {
  const headers = report.original?.headers;
  const places: readonly (readonly [string | null | undefined, JoinedBy])[] = [
    [rcpt, 'verp'],
    [headers?.get(TRACE_HEADER.toLowerCase()), 'trace'],
    [headers?.get('return-path'), 'verp'],
    [report.feedback?.mailFrom, 'verp'],
  ];
  for (const [text, by] of places) {
    const recipient = text ? recipientOf(text, key) : undefined;
    if (recipient !== undefined) return { recipient, by };
  }
  return undefined;
}

async function byContent(
  db: Queryable,
  report: ClassifiedMessage,
): Promise<{ readonly delivery: Delivery; readonly by: JoinedBy } | undefined> {
  const named = (report.feedback?.originalRecipients ?? report.recipients.map((one) => one.recipient)).flatMap((one) =>
    one === null ? [] : (normalRecipient(one) ?? []),
  );
  const messageId = report.original?.messageId ?? report.feedback?.messageId ?? null;
  if (messageId !== null) {
    const delivery = theOne(await deliveriesByMessageId(db, messageId, CANDIDATES), named);
    if (delivery !== undefined) return { delivery, by: 'message-id' };
  }
  const { sourceIp, arrivalDate } = report.feedback ?? { sourceIp: null, arrivalDate: null };
  const arrived = arrivalDate === null ? Number.NaN : Date.parse(arrivalDate);
  const [rcpt] = named;
  if (!sourceIp || rcpt === undefined || Number.isNaN(arrived)) return undefined;
  // In a lab, sources are not IPv4 of ours only: what is no address at all must not reach the database as one.
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(sourceIp)) return undefined;
  const sent = await deliveriesFrom(
    db,
    sourceIp,
    arrived - ARRIVAL_SLACK_MS,
    arrived + ARRIVAL_SLACK_MS,
    rcpt,
    CANDIDATES,
  );
  const delivery = theOne(sent, named);
  return delivery === undefined ? undefined : { delivery, by: 'source' };
}

/** The delivery to whom the report names; without names, the only one there is. */
function theOne(deliveries: readonly Delivery[], named: readonly string[]): Delivery | undefined {
  if (named.length === 0) return deliveries.length === 1 ? deliveries[0] : undefined;
  return deliveries.find((one) => one.rcpt !== null && named.includes(normalRecipient(one.rcpt) ?? ''));
}
