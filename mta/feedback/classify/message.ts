/**
 * What a message that came back means: a bounce, a delay, a complaint, an automatic answer, a challenge, or something
 * else. Pure and synchronous: bytes in, facts out. It never throws and reads at most the first 4 MB. It says what the
 * message claims, not whether that is true: what may suppress or count is decided by whoever joins it to a delivery.
 *
 * Order matters: a complaint returns a message that may itself be a bounce; a DSN carries "Auto-Submitted" as a vacation
 * notice does; a vacation notice may quote "550 5.1.1".
 */

import type { ReplyClass } from '../../../policy/replies.ts';
import { addressesIn, addressList } from './addresses.ts';
import { hasReplySubject, isAutoReply, isChallenge, isChallengeReport } from './automatic.ts';
import { type Action, looksLikeStatus, readDeliveryStatus, type StatusGroup } from './delivery-status.ts';
import { type ClassifiedFeedback, readFeedback, readJmrp, readUnsubscribe } from './feedback-report.ts';
import { type Finding, findRecipients, hasCode, refusalIn, splitReturned } from './free-text.ts';
import { type Fields, field } from './headers.ts';
import { type Part, readMime } from './mime.ts';
import { type Original, originalRecipients, originalSenders, readOriginal } from './original.ts';
import { type ReportParts, reportParts } from './parts.ts';
import { DELAYED, GIVEN_UP, STILL_TRYING } from './phrases.ts';
import { lettersFor, readFate } from './reading.ts';
import { fromMailSystem, isReportInProse } from './report-sender.ts';

export type { ClassifiedFeedback } from './feedback-report.ts';

export interface ClassifiedRecipient {
  /** The address that failed (Final-Recipient; Original-Recipient where that names no mailbox). */
  readonly recipient: string;
  readonly action: Action;
  /** Enhanced status code: the report's, else from the remote's words, else derived from the class. */
  readonly status: string | null;
  readonly class: ReplyClass;
  /** `hard`: the recipient is dead. `soft`: this message failed. `none`: nothing has failed (yet). */
  readonly severity: 'hard' | 'soft' | 'none';
  /** The remote server's words, if the report has any. */
  readonly reply: string | null;
}

export interface ClassifiedMessage {
  readonly kind: 'bounce' | 'delay' | 'feedback' | 'auto-reply' | 'challenge' | 'other';
  readonly recipients: readonly ClassifiedRecipient[];
  readonly feedback: ClassifiedFeedback | null;
  /** The returned message's header: lower-cased names, first value each. */
  readonly original: { readonly headers: ReadonlyMap<string, string>; readonly messageId: string | null } | null;
  readonly reporter: { readonly from: string | null };
}

/** Classifies one message as it came over the wire or lies in a file. Synchronous; never throws. */
export function classifyMessage(raw: Buffer): ClassifiedMessage {
  const outer = readMime(raw);
  const message = innerReport(outer) ?? outer;
  const parts = reportParts(message);
  const { lines, returned } = splitReturned(parts.prose);
  const original = readOriginal(parts.returned ?? '') ?? readOriginal(returned);
  const base = {
    feedback: null,
    original: original ?? null,
    reporter: { from: addressList(field(outer.fields, 'from'))[0] ?? null },
  };
  const nothing = { ...base, recipients: [] };

  if (parts.feedback !== undefined)
    return { ...nothing, kind: 'feedback', feedback: readFeedback(parts.feedback, parts.prose, original) };
  if (parts.disposition && parts.statuses.length === 0 && !rejects(message.fields))
    return { ...nothing, kind: 'auto-reply' };

  const statuses = parts.statuses.length > 0 ? parts.statuses : inlineStatus(message.fields, lines);
  if (isChallengeReport(message.fields, statuses)) return { ...nothing, kind: 'challenge' };
  const report: Report = { fields: message.fields, parts: { ...parts, statuses }, lines, original };
  if (statuses.length > 0) {
    const recipients = fromStatuses(report);
    if (recipients.length > 0) return { ...base, recipients, kind: kindOf(recipients) };
  }
  const jmrp = readJmrp(outer.fields, original) ?? readUnsubscribe(outer.fields);
  if (jmrp !== undefined) return { ...nothing, kind: 'feedback', feedback: jmrp };
  if (isChallenge(message.fields, parts.prose)) return { ...nothing, kind: 'challenge' };
  if (
    !hasReplySubject(message.fields) &&
    (isMarkedReport(message, statuses) || isReportInProse(message.fields, lines, originalRecipients(original)))
  ) {
    const recipients = fromProse(report);
    if (recipients.length > 0) return { ...base, recipients, kind: kindOf(recipients) };
  }
  return { ...nothing, kind: isAutoReply(message.fields) ? 'auto-reply' : 'other' };
}

interface Report {
  readonly fields: Fields;
  readonly parts: ReportParts;
  readonly lines: readonly string[];
  readonly original: Original | undefined;
}

/** A sieve script's refusal after acceptance (RFC 5429) comes as a receipt, and says which it is. */
function rejects(fields: Fields): boolean {
  return fromMailSystem(fields) && /\(rejected\)/i.test(field(fields, 'auto-submitted'));
}

/** Marked as a report by its form, although the form names no recipient. */
function isMarkedReport({ fields, parameters }: Part, statuses: readonly string[]): boolean {
  if (fields.has('x-failed-recipients') || statuses.length > 0) return true;
  return /^delivery-status$/i.test(parameters.get('report-type') ?? '');
}

/**
 * A report whose parts have lost their delimiters: the status fields stand in the text. A mail system's own only, or what
 * is no message at all but a report's text, without any header.
 */
function inlineStatus(fields: Fields, lines: readonly string[]): readonly string[] {
  if (fields.size > 0 && !fromMailSystem(fields)) return [];
  const text = lines.join('\n');
  return looksLikeStatus(text) ? [text] : [];
}

/** Some systems wrap their whole report in an attached message. Only a mail system's own: a person forwards, too. */
function innerReport(outer: Part): Part | undefined {
  if (!fromMailSystem(outer.fields)) return undefined;
  const parts = reportParts(outer);
  if (parts.statuses.length > 0 || parts.feedback !== undefined || parts.returned === undefined) return undefined;
  const inner = readMime(Buffer.from(parts.returned, 'latin1'));
  return fromMailSystem(inner.fields) && reportParts(inner).statuses.length > 0 ? inner : undefined;
}

function kindOf(recipients: readonly ClassifiedRecipient[]): ClassifiedMessage['kind'] {
  if (recipients.some(({ action }) => action === 'failed')) return 'bounce';
  return recipients.some(({ action }) => action === 'delayed') ? 'delay' : 'other';
}

function fromStatuses(report: Report): ClassifiedRecipient[] {
  const groups = report.parts.statuses.flatMap(readDeliveryStatus);
  const spoken = findRecipients(report.lines, knownOf(report));
  const prose = proseOf(report);
  const found = new Map<string, ClassifiedRecipient>();
  const beside = besideOf(spoken);
  for (const group of groups) {
    const recipient = recipientOf(group, groups.length, report, spoken);
    if (recipient === undefined || found.has(recipient.toLowerCase())) continue;
    const action = group.action ?? (isDelay(report) ? 'delayed' : 'failed');
    const near = beside.get(recipient.toLowerCase()) ?? '';
    // The whole prose belongs to this recipient only where it is the only one.
    const texts = groups.length === 1 ? [near, prose] : [near];
    const { status, diagnostic, remoteMta } = group;
    found.set(recipient.toLowerCase(), {
      recipient,
      action,
      ...readFate({ action, status, diagnostic, remoteMta, prose: texts, letters: lettersFor(found.size) }),
    });
  }
  return [...found.values()];
}

/** All that a report says, on one line and without its rules. */
function proseOf({ lines }: Report): string {
  const said = lines.filter((line) => !/^[-=_*#~+|.\s]+$/.test(line));
  return said.join(' ').replace(/\s+/g, ' ').trim();
}

/** What the prose says of each address, by the address in lower case. */
function besideOf(spoken: readonly Finding[]): ReadonlyMap<string, string | null> {
  return new Map(spoken.map(({ recipient, reply }) => [recipient.toLowerCase(), reply]));
}

/** RFC 3464 names two addresses: the one that was tried, and the one the sender wrote. The first unless it is none. */
function recipientOf(
  group: StatusGroup,
  groups: number,
  report: Report,
  spoken: readonly Finding[],
): string | undefined {
  if (group.finalRecipient !== null) return group.finalRecipient;
  if (group.originalRecipient !== null) return group.originalRecipient;
  if (groups === 1) {
    const failed = addressList(field(report.fields, 'x-failed-recipients'))[0];
    const written = originalRecipients(report.original);
    const [only] = written.length === 1 ? written : [];
    const found = failed ?? spoken[0]?.recipient ?? only ?? envelopeRecipient(report.original);
    if (found !== undefined) return found;
  }
  const raw = group.rawRecipient?.replace(/^[<\s]+|[>\s]+$/g, '');
  return raw === undefined || raw === '' || /[\s/|]/.test(raw) ? undefined : raw;
}

/** "for <user@…>" in the newest Received line of the original. */
function envelopeRecipient(original: Original | undefined): string | undefined {
  const [, found] = /\bfor\s{1,5}<([^<>\s]{1,320}@[^<>\s]{1,255})>/.exec(original?.headers.get('received') ?? '') ?? [];
  return found;
}

function fromProse(report: Report): ClassifiedRecipient[] {
  const action: Action = isDelay(report) ? 'delayed' : 'failed';
  const spoken = findRecipients(report.lines, knownOf(report));
  const besides = besideOf(spoken);
  const listed = addressList(field(report.fields, 'x-failed-recipients'));
  const written = originalRecipients(report.original);
  const names =
    listed.length > 0
      ? listed
      : spoken.length > 0
        ? spoken.map(({ recipient }) => recipient)
        : written.length === 1
          ? written
          : [];
  const fallback = names.length > 0 ? names : [envelopeRecipient(report.original)].filter((one) => one !== undefined);
  const prose = proseOf(report);
  return fallback.map((recipient, place) => {
    const near = besides.get(recipient.toLowerCase()) ?? null;
    // A report about one recipient may keep the refusal apart from the address.
    const apart = fallback.length === 1 && !hasCode(near ?? '') ? refusalIn(report.lines) : null;
    const beside = apart ?? near;
    const subject = field(report.fields, 'subject');
    const texts = fallback.length === 1 ? [near ?? '', prose, subject].filter((text) => text !== beside) : [];
    return {
      recipient,
      action,
      ...readFate({
        action,
        status: null,
        diagnostic: beside,
        remoteMta: null,
        prose: texts,
        letters: lettersFor(place),
      }),
    };
  });
}

function isDelay({ fields, lines }: Report): boolean {
  const subject = field(fields, 'subject');
  const head = lines.slice(0, 60).join('\n');
  if (/\bdelay(ed)?\b|still being retried|could not send message for past|not yet been/i.test(subject)) {
    return !/returned to sender|failed/i.test(subject);
  }
  if (STILL_TRYING.test(head) && !GIVEN_UP.test(head)) return true;
  if (/^warning/i.test(subject)) return DELAYED.test(head);
  if (/\bfail|undeliver|returned|non-?deliver/i.test(subject) && !/warning/i.test(head)) return false;
  return DELAYED.test(head) && !GIVEN_UP.test(head);
}

function knownOf({ fields, original, parts }: Report) {
  const to = addressList(`${field(fields, 'to')}, ${field(fields, 'delivered-to')}, ${field(fields, 'x-original-to')}`);
  const from = addressList(`${field(fields, 'from')}, ${field(fields, 'reply-to')}`);
  const statuses = parts.statuses
    .flatMap(readDeliveryStatus)
    .flatMap(({ finalRecipient, originalRecipient }) => [finalRecipient, originalRecipient]);
  const recipients = [...originalRecipients(original), ...statuses.filter((one) => one !== null)];
  const ids = addressesIn(original?.messageId ?? '').map(({ address }) => address);
  return { recipients, others: [...to, ...from, ...originalSenders(original), ...ids] };
}
