/** Writes a delivery status notification (RFC 3464): a text for people, fields for programs, and the returned message. Pure. */
import { isIPv4 } from 'node:net';
import { diagnostic, isSmtpReply, oneLine } from './status.ts';

export type DsnKind = 'failed' | 'delayed' | 'relayed';

export interface DsnRecipient {
  /** The address we sent to. */
  readonly rcpt: string;
  /** `type;address` as its sender knew it (RFC 3461 §4.2), or null. */
  readonly orcpt: string | null;
  /** `a.b.c` (RFC 3463). */
  readonly status: string;
  /** What was said about it last; '' for nothing. */
  readonly reply: string;
  /** The remote that said it, an upstream with its port; null: nobody but us. */
  readonly host: string | null;
  /** ms; null: it was never tried. */
  readonly lastAttempt: number | null;
  /** ms; of delayed ones. */
  readonly retryUntil?: number;
}

export interface Dsn {
  readonly kind: DsnKind;
  /** Host name of the reporting MTA: ours. */
  readonly host: string;
  readonly to: string;
  /** The sender's envelope identifier (RFC 3461 §4.4), or null. */
  readonly envid: string | null;
  /** When we accepted the message, ms. */
  readonly arrived: number;
  readonly recipients: readonly DsnRecipient[];
  /** The message as we accepted it; null: it is not kept any more. */
  readonly original: Buffer | null;
  /** Return all of it, or its header? (RFC 3461 §4.3; only failures return all.) */
  readonly ret: 'FULL' | 'HDRS';
  /** Unique text for Message-ID and boundary: letters, digits and dashes. */
  readonly id: string;
  readonly now: number;
}

const SUBJECT: Readonly<Record<DsnKind, string>> = {
  failed: 'Undelivered Mail Returned to Sender',
  delayed: 'Delayed Mail (still being retried)',
  relayed: 'Successful Mail Delivery Report',
};

const SAYS: Readonly<Record<DsnKind, string>> = {
  failed: 'Your message could not be delivered to the recipients below, and will not be tried again.',
  delayed:
    'Your message has not been delivered to the recipients below yet. It is still being tried: you need not send it again.',
  relayed: 'Your message was handed to the mail servers of the recipients below. They may or may not report further.',
};

/** The whole message, CRLF line ends. Has a null sender: nothing may ever be sent in answer to it. */
export function writeDsn(dsn: Dsn): Buffer {
  const boundary = `=_${dsn.id}`;
  const head = headOf(dsn.original);
  // Addresses beyond ASCII need the types of RFC 6533; everybody reads the older ones.
  const international = dsn.recipients.some(({ rcpt, orcpt }) => !isAscii(rcpt + (orcpt ?? '')));
  const parts: Buffer[] = [
    part(boundary, ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit'], text(dsn)),
    part(
      boundary,
      [
        `Content-Type: message/${international ? 'global-delivery-status' : 'delivery-status'}`,
        ...(international ? ['Content-Transfer-Encoding: 8bit'] : []),
      ],
      fields(dsn),
    ),
    ...(head === null ? [] : [returned(dsn, boundary, head)]),
    Buffer.from(`--${boundary}--\r\n`),
  ];
  const inReply = head === null ? undefined : headerOf(head, 'message-id');
  const lines = [
    `From: Mail Delivery System <mailer-daemon@${dsn.host}>`,
    `To: <${oneLine(dsn.to)}>`,
    `Subject: ${SUBJECT[dsn.kind]}`,
    `Date: ${rfc5322Date(dsn.now)}`,
    `Message-ID: <${dsn.id}@${dsn.host}>`,
    ...(inReply === undefined ? [] : [`In-Reply-To: ${inReply}`, `References: ${inReply}`]),
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="${boundary}"`,
    '',
    'This is a MIME-encapsulated message.',
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(lines.join('\r\n')), ...parts]);
}

/** May a message be answered with a notification? Not one that is itself an answer (RFC 3834 §2): that way lie loops. */
export function answersNothing(original: Buffer | null): boolean {
  const head = headOf(original);
  if (head === null) return false;
  if (/^auto-replied\b/i.test(headerOf(head, 'auto-submitted') ?? '')) return true;
  return /^multipart\/report\b/i.test(headerOf(head, 'content-type') ?? '');
}

function text(dsn: Dsn): string {
  const each = dsn.recipients.map(({ rcpt, reply, retryUntil }) => {
    const until = retryUntil === undefined ? '' : `\r\n    It is tried until ${rfc5322Date(retryUntil)}.`;
    return `<${oneLine(rcpt)}>${reply === '' ? '' : `:\r\n    ${oneLine(reply)}`}${until}`;
  });
  return [`This is the mail system at ${dsn.host}.`, '', SAYS[dsn.kind], '', ...each, ''].join('\r\n');
}

function fields(dsn: Dsn): string {
  const message = [
    `Reporting-MTA: dns; ${dsn.host}`,
    ...(dsn.envid === null ? [] : [`Original-Envelope-Id: ${oneLine(dsn.envid).replace(/[^\x20-\x7e]/g, '?')}`]),
    `Arrival-Date: ${rfc5322Date(dsn.arrived)}`,
  ];
  const recipients = dsn.recipients.map((one) => [
    ...(one.orcpt === null ? [] : [`Original-Recipient: ${oneLine(one.orcpt).replace(/^([^;]+); */, '$1; ')}`]),
    `Final-Recipient: ${isAscii(one.rcpt) ? 'rfc822' : 'utf-8'}; ${oneLine(one.rcpt)}`,
    `Action: ${dsn.kind}`,
    `Status: ${one.status}`,
    ...remoteMta(one),
    ...(one.reply === '' ? [] : [`Diagnostic-Code: ${diagnostic(one.reply, one.host !== null)}`]),
    ...(one.lastAttempt === null ? [] : [`Last-Attempt-Date: ${rfc5322Date(one.lastAttempt)}`]),
    ...(one.retryUntil === undefined ? [] : [`Will-Retry-Until: ${rfc5322Date(one.retryUntil)}`]),
  ]);
  return [message, ...recipients].map((group) => `${group.join('\r\n')}\r\n`).join('\r\n');
}

/** RFC 3464 §2.3.5: the server whose answer this is; left out where no server gave one. */
function remoteMta({ host, reply }: DsnRecipient): string[] {
  const name = oneLine(host ?? '')
    .replace(/:\d+$/, '')
    .replace(/[^\x21-\x7e]/g, '?');
  if (name === '' || !isSmtpReply(reply)) return [];
  return [`Remote-MTA: dns; ${isIPv4(name) ? `[${name}]` : name}`];
}

/** The message itself where its sender asked for it, else its header: enough to tell which one it was. */
function returned(dsn: Dsn, boundary: string, head: Buffer): Buffer {
  const full = dsn.ret === 'FULL' && dsn.kind === 'failed' && dsn.original !== null;
  const content = full ? (dsn.original as Buffer) : head;
  const encoding = isAscii(content.toString('latin1')) ? [] : ['Content-Transfer-Encoding: 8bit'];
  const type = full ? 'message/rfc822' : 'text/rfc822-headers';
  return Buffer.concat([
    Buffer.from([`--${boundary}`, `Content-Type: ${type}`, ...encoding, '', ''].join('\r\n')),
    content,
    Buffer.from('\r\n'),
  ]);
}

function part(boundary: string, headers: readonly string[], body: string): Buffer {
  return Buffer.from([`--${boundary}`, ...headers, '', body, ''].join('\r\n'));
}

/** Header block with the CRLF that ends its last line; null without an original. */
function headOf(original: Buffer | null): Buffer | null {
  if (original === null) return null;
  const end = original.indexOf('\r\n\r\n');
  return end === -1 ? original : original.subarray(0, end + 2);
}

function headerOf(head: Buffer, name: string): string | undefined {
  const found = new RegExp(`^${name}:([^\\r\\n]*(?:\\r\\n[ \\t][^\\r\\n]*)*)`, 'im').exec(head.toString('latin1'))?.[1];
  const value = found === undefined ? '' : oneLine(found);
  return value === '' || !isAscii(value) ? undefined : value;
}

function isAscii(value: string): boolean {
  return /^\p{ASCII}*$/u.test(value);
}

function rfc5322Date(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}
