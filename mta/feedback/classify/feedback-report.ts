/**
 * Complaints: ARF (RFC 5965, 6591, 6692) and the two that look like it from afar: Microsoft's JMRP, which forwards the
 * message with headers of its own, and the old AOL loop. What the report leaves out is taken from the message it
 * returns, as RFC 6692 advises; what neither says stays null.
 */
import { addressList, addressOf } from './addresses.ts';
import { decodeBytes } from './decode.ts';
import { type Fields, field, splitHead } from './headers.ts';
import { messageIdOf, type Original, originalRecipients } from './original.ts';

export interface ClassifiedFeedback {
  /** `abuse`, `fraud`, `virus`, `not-spam`, `opt-out`, `auth-failure`, `other`, …: as the report says, in lower case. */
  readonly type: string;
  readonly userAgent: string | null;
  readonly version: string | null;
  readonly sourceIp: string | null;
  /** Without brackets; null where the reporter tells none. */
  readonly originalRecipients: readonly string[] | null;
  /** The envelope sender, without brackets. */
  readonly mailFrom: string | null;
  /** With its brackets, as in the header. */
  readonly messageId: string | null;
  /** As written. */
  readonly arrivalDate: string | null;
}

const IP =
  /\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|(?:[\da-f]{1,4}:){2,7}(?::?[\da-f]{1,4}){1,7}|[\da-f:]{2,30}::[\da-f:]{0,30}/i;

/** Reads the machine-readable part of a report. */
export function readFeedback(text: string, prose: string, original: Original | undefined): ClassifiedFeedback {
  const { fields } = splitHead(joinGroups(text));
  const all = (name: string) => (fields.get(name) ?? []).map((value) => decodeBytes(value).trim());
  const one = (...names: string[]) => names.flatMap(all).find((value) => value !== '') ?? null;
  const named = ['original-rcpt-to', 'original-recipient', 'removal-recipient']
    .flatMap(all)
    .flatMap((value) => addressOf(value) ?? []);
  return {
    type: (one('feedback-type') ?? 'other').toLowerCase().split(/[\s;,]/)[0] || 'other',
    userAgent: one('user-agent'),
    version: one('version'),
    sourceIp: ipIn(one('source-ip', 'source', 'x-originating-ip') ?? '') ?? ipIn(receivedFrom(prose)) ?? null,
    originalRecipients: orNull(named.length > 0 ? named : writtenTo(original)),
    mailFrom: mailbox(one('original-mail-from', 'original-envelope-from')) ?? senderOf(original),
    messageId: original?.messageId ?? one('original-message-id', 'message-id') ?? idIn(prose),
    arrivalDate: one('arrival-date', 'received-date'),
  };
}

/** The oldest form of JMRP sends the message on as it is, with fields of Microsoft's in front of its own. */
function sentOn(fields: Fields): Original | undefined {
  if (!fields.has('x-hmxmroriginalrecipient')) return undefined;
  // The outermost Return-Path is Microsoft's own.
  const names = [...fields.keys()].filter((name) => name !== 'return-path');
  const headers = new Map(names.map((name) => [name, field(fields, name)]));
  return { headers, messageId: messageIdOf(headers.get('message-id')) };
}

/** Microsoft JMRP: `staff@hotmail.com` forwards the message, its recipient in a header, the address in the subject. */
export function readJmrp(fields: Fields, returned: Original | undefined): ClassifiedFeedback | undefined {
  const original = returned ?? sentOn(fields);
  const subject = field(fields, 'subject');
  const recipient = original?.headers.get('x-hmxmroriginalrecipient') ?? field(fields, 'x-hmxmroriginalrecipient');
  const staff = /staff@hotmail\.com|@(olc|fbl|jmrp)[\w.-]{0,40}\.?(outlook|microsoft)\.com/i.test(
    field(fields, 'from'),
  );
  const aol = /scomp@aol\.(net|com)|feedback loop|abuse report/i.test(`${field(fields, 'from')} ${subject}`);
  const complaint = /complaint about (message|mail)|feedback (report|loop)|client tos notification|abuse report/i.test(
    subject,
  );
  // Newer ones say report-type=feedback-report and leave the report out.
  const declared = /report-type\s{0,5}=\s{0,5}"?feedback-report/i.test(field(fields, 'content-type'));
  if (original === undefined || !(recipient !== '' || declared || (complaint && (staff || aol)))) return undefined;
  const named = addressOf(recipient);
  return {
    type: 'abuse',
    userAgent: null,
    version: null,
    sourceIp:
      ipIn(subject) ??
      ipIn(original.headers.get('x-sender-ip') ?? '') ??
      ipIn(original.headers.get('x-originating-ip') ?? '') ??
      ipIn(original.headers.get('x-sid-pra') ?? '') ??
      null,
    originalRecipients: orNull(named === undefined ? writtenTo(original) : [named]),
    mailFrom: senderOf(original),
    messageId: original.messageId,
    arrivalDate: null,
  };
}

/** Apple Mail answers a mailto List-Unsubscribe for its user: an opt-out, not an automatic reply. */
export function readUnsubscribe(fields: Fields): ClassifiedFeedback | undefined {
  if (!/^true$/i.test(field(fields, 'x-apple-unsubscribe'))) return undefined;
  return {
    type: 'opt-out',
    userAgent: null,
    version: null,
    sourceIp: null,
    originalRecipients: orNull(addressList(field(fields, 'from'))),
    mailFrom: null,
    messageId: null,
    arrivalDate: null,
  };
}

/** Some put a blank line before their own fields; the part holds nothing else, so it is one block. */
function joinGroups(text: string): string {
  return text.replace(/^\s{1,50}/, '').replace(/\n[ \t]{0,20}\n(?=[A-Za-z][\w-]{1,40}[ \t]{0,3}:)/g, '\n');
}

function senderOf(original: Original | undefined): string | null {
  for (const name of ['return-path', 'x-envelope-from', 'x-envelope-sender', 'x-original-mail-from']) {
    const found = mailbox(original?.headers.get(name) ?? null);
    if (found !== null) return found;
  }
  return null;
}

/** Whose copy it was: the To alone, for a Cc names people who have not complained. Without a To, whoever is named. */
function writtenTo(original: Original | undefined): string[] {
  const to = addressList(original?.headers.get('to') ?? '');
  return to.length > 0 ? to : originalRecipients(original);
}

/** "… an email message with the message-id of <…> received …": all that is left where a reporter blots out the rest. */
function idIn(prose: string): string | null {
  return /message-?id (?:of )?(<[^<>\s]{1,900}>)/i.exec(prose.slice(0, 4_000))?.[1] ?? null;
}

function mailbox(value: string | null): string | null {
  if (value === null) return null;
  return addressOf(value) ?? addressList(value)[0] ?? null;
}

function ipIn(value: string): string | undefined {
  return IP.exec(value.replace(/^\[?IPv6:/i, ''))?.[0];
}

/** "… received from IP address 192.0.2.1 on …": the sentence RFC 5965's own example opens with. */
function receivedFrom(prose: string): string {
  return /received from (?:the )?(?:IP )?(?:address )?\[?([\da-f.:]{3,45})/i.exec(prose.slice(0, 4_000))?.[1] ?? '';
}

function orNull(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : [...new Set(list)];
}
