/** From what a remote said to the fields of a delivery status (RFC 3464 §2.3, RFC 3463). Pure. */

export interface Ended {
  /** As the attempt's row has it: hard, soft, blocked or expired. */
  readonly severity: string;
  readonly class: string;
  readonly reply: string;
}

/** Statuses of answers that carry none of their own (RFC 3463 §3). */
const BY_CLASS: Readonly<Record<string, string>> = {
  recipient: '5.1.1',
  'mailbox-full': '5.2.2',
  content: '5.6.0',
  identity: '5.7.1',
  auth: '5.7.1',
  policy: '5.7.1',
  reputation: '5.7.1',
  block: '5.7.1',
  listing: '5.7.1',
};

/**
 * Enhanced status code of a recipient we gave up on. Mail that ran out of time has X.4.7 whatever was said last: no
 * remote refused it for good.
 */
export function failedStatus(ended: Ended): string {
  if (ended.severity === 'expired') return '4.4.7';
  const own = /^5\d\d[ -](5\.\d{1,3}\.\d{1,3})\b/.exec(ended.reply)?.[1];
  const inside = /(?<![\d.])(5\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(ended.reply.slice(0, 200))?.[1];
  return own ?? inside ?? BY_CLASS[ended.class] ?? '5.0.0';
}

/** Enhanced status code of a recipient that is still tried; `reason` is what it waits for. */
export function delayedStatus(reason: string): string {
  return /(?<![\d.])(4\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(reason.slice(0, 200))?.[1] ?? '4.4.7';
}

/** Does this text begin as a reply of an SMTP server does? */
export function isSmtpReply(text: string): boolean {
  return /^[245]\d\d\b/.test(text);
}

/**
 * Value of a Diagnostic-Code field: a remote's SMTP reply as it came, anything else under our own type (RFC 3464 §2.3.6:
 * the type says whose code it is). ASCII, one line. `remote`: a server said it, not we.
 */
export function diagnostic(reply: string, remote: boolean): string {
  const text = oneLine(reply).replace(/^(smtp|x-[\w-]+) *; */i, '');
  const ascii = text.replace(/[^\x20-\x7e]/g, '?');
  return `${remote && isSmtpReply(ascii) ? 'smtp' : 'x-rampart'}; ${ascii}`;
}

/** Octets of a line's text; with what stands before it a line has 998 at most (RFC 5322 §2.1.1). */
const LONGEST = 800;

/** Text for one header line: what came from outside can not begin another, nor make this one too long. */
export function oneLine(text: string): string {
  const line = text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, LONGEST);
  // A letter may have four octets.
  return Buffer.byteLength(line) <= LONGEST ? line : line.slice(0, LONGEST / 4);
}
