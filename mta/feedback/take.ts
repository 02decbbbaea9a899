/**
 * What a report does once it arrived: a complaint stops the tenant's marketing to its recipient, a late bounce lands in
 * the cohort its message was sent in, and everything is counted. The address that is suppressed is always the one of our
 * own record, never one that the report names.
 */
import { type Queryable, type Store, tx } from '../../store/connect.ts';
import { envelopeKey, normalRecipient } from '../../store/recipient-key.ts';
import {
  countReport,
  type Delivery,
  type Recorded,
  recordComplaint,
  recordLateBounce,
  recordUnverified,
} from '../../store/reports.ts';
import { type SuppressionEntry, suppress } from '../../store/suppressions.ts';
import type { ClassifiedMessage } from './classify/message.ts';
import { type Joined, join } from './join.ts';
import type { VerifyReporter } from './reporter.ts';

export interface TakeParts {
  readonly store: Store;
  readonly traceKey: string;
  readonly classify: (raw: Buffer) => ClassifiedMessage | Promise<ClassifiedMessage>;
  readonly verify: VerifyReporter;
}

export interface Arrived {
  readonly raw: Buffer;
  /** Not all of it was kept: too long. */
  readonly cut: boolean;
  readonly rcpts: readonly string[];
  /** IP it came from. */
  readonly from: string;
}

/** Of an unverified report this much is kept for a person to look at, bytes. */
const HEAD = 16_384;

/** Stores what one message means; resolves when that is durable. */
export async function takeReport(parts: TakeParts, arrived: Arrived): Promise<void> {
  const report = await parts.classify(arrived.raw);
  for (const rcpt of arrived.rcpts) await takeOne(parts, arrived, rcpt, report);
}

async function takeOne(parts: TakeParts, arrived: Arrived, rcpt: string, report: ClassifiedMessage): Promise<void> {
  const { kind } = report;
  const { store, traceKey, verify } = parts;
  const joined =
    kind === 'other' ? 'not-a-report' : await join({ db: store, traceKey, verify }, rcpt, report, wholeOf(arrived));
  const detail = storable({ from: arrived.from, to: rcpt, ...summary(report) });
  await tx(store, async (db) => {
    const outcome = typeof joined === 'string' ? joined : await act(db, report, joined, detail);
    await countReport(db, kind, outcome);
    if (outcome === 'recorded' || outcome === 'known' || outcome === 'counted') return;
    await recordUnverified(db, outcome, { kind, ...detail }, arrived.raw.subarray(0, HEAD));
  });
}

/** A stranger's words, for a terminal and for the store: neither takes control characters or half a character. */
function printable(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .toWellFormed();
}

/** The same of every text in it: PostgreSQL refuses JSON with half a character, and the report would come again for ever. */
function storable<T>(detail: T): T {
  return JSON.parse(JSON.stringify(detail, (_key, value) => (typeof value === 'string' ? printable(value) : value)));
}

function wholeOf(arrived: Arrived): Buffer | null {
  return arrived.cut ? null : arrived.raw;
}

/** Kinds that only count, complaints and bounces that suppress. */
async function act(
  db: Queryable,
  report: ClassifiedMessage,
  joined: Joined,
  detail: unknown,
): Promise<Recorded | 'counted'> {
  const { delivery } = joined;
  // A seed's mailbox is ours: what happens there says nothing about readers.
  if (delivery.probe) return 'counted';
  const evidence = { by: joined.by, reporter: joined.reporter, ...(detail as object) };
  if (report.kind === 'feedback') return complain(db, report, delivery, evidence);
  if (report.kind === 'bounce') return bounce(db, report, delivery, evidence);
  return 'counted';
}

/** Feedback types (RFC 5965 §7.3 and later ones) that are no complaint about the sender. */
const NO_COMPLAINT = new Set(['not-spam', 'auth-failure', 'dmarc']);
const LEAVES = new Set(['opt-out', 'opt-out-list']);

async function complain(
  db: Queryable,
  report: ClassifiedMessage,
  delivery: Delivery,
  evidence: unknown,
): Promise<Recorded | 'counted'> {
  const type = printable(report.feedback?.type ?? 'abuse').toLowerCase();
  if (NO_COMPLAINT.has(type)) return 'counted';
  const leaves = LEAVES.has(type);
  const recorded = leaves ? 'recorded' : await recordComplaint(db, delivery.recipient, evidence);
  await suppressFor(db, delivery, {
    streams: 'marketing',
    source: leaves ? 'unsubscribe' : 'complaint',
    reason: `${type} report at ${delivery.provider}`,
  });
  return recorded;
}

/**
 * Each of our transactions has one recipient, so a report that came by its token is about that one, whatever addresses it
 * names (a forward's, often). Of several verdicts the hardest counts.
 */
async function bounce(
  db: Queryable,
  report: ClassifiedMessage,
  delivery: Delivery,
  evidence: unknown,
): Promise<Recorded | 'counted'> {
  const failed = report.recipients.filter((one) => one.severity !== 'none');
  const worst = failed.find((one) => one.severity === 'hard') ?? failed[0];
  if (worst === undefined) return 'counted';
  const severity = worst.severity === 'hard' ? 'hard' : 'soft';
  const reply = printable(worst.reply ?? worst.status ?? 'bounced after it was accepted');
  const late = { severity, class: worst.class ?? 'recipient', reply, detail: evidence } as const;
  const recorded = await recordLateBounce(db, delivery.recipient, late);
  // Whoever saw the message (a forward, a list) knows its token and could send this: it binds the tenant that wrote, and
  // nobody else. A bounce in the SMTP dialogue comes from the recipient's own MX and binds all.
  if (severity === 'hard') await suppressFor(db, delivery, { streams: 'all', source: 'hard-bounce', reason: reply });
  return recorded;
}

async function suppressFor(
  db: Queryable,
  delivery: Delivery,
  entry: Pick<SuppressionEntry, 'streams' | 'source' | 'reason'>,
): Promise<void> {
  const { rcpt, tenant, provider } = delivery;
  if (rcpt === null) return;
  const recipient = normalRecipient(rcpt) ?? rcpt;
  const scope = { kind: 'tenant', target: tenant } as const;
  await suppress(db, [{ ...entry, key: envelopeKey(rcpt), recipient, scope, actor: 'mta', provider }]);
}

/** What a report says of itself, for evidence and for people. */
function summary(report: ClassifiedMessage) {
  const { feedback, recipients, original, reporter } = report;
  return {
    reporter: reporter.from,
    messageId: original?.messageId ?? feedback?.messageId ?? null,
    ...(feedback === null ? {} : { feedback }),
    ...(recipients.length === 0 ? {} : { recipients: recipients.slice(0, 20) }),
  };
}
