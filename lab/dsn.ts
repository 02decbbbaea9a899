/** A delivery status notification (RFC 3464) about a message that was accepted and then not delivered. */
import { type BounceReason, DSN_WORDINGS } from './dsn-wording.ts';
import { headerBlock, headerValue } from './message-headers.ts';
import type { ProviderSpec } from './scenario-provider.ts';

export interface ReturnedMessage {
  readonly mailFrom: string;
  readonly rcpts: readonly string[];
  readonly messageId: string;
  /** The message, or the first part of it. */
  readonly content: Buffer;
  /** When it was accepted (ms since 1970). */
  readonly arrivedAt: number;
  /** Name of the MX host that took it. */
  readonly mxName: string;
  readonly reason: BounceReason;
}

export interface DsnText {
  readonly message: string;
  /** Enhanced status code of all its recipients. */
  readonly status: string;
}

/** The report, CRLF line ends; it is to be sent from the null sender. `now` in ms since 1970. */
export function dsnFor(
  provider: Pick<ProviderSpec, 'dialect' | 'domains'>,
  returned: ReturnedMessage,
  now: number,
): DsnText {
  const wording = DSN_WORDINGS[provider.dialect];
  const { mailFrom, rcpts, messageId, content, arrivedAt, mxName, reason } = returned;
  const [first = ''] = rcpts;
  const domain = provider.domains[0] ?? '';
  const headers = headerBlock(content);
  const told = wording.diagnostic(reason, first);
  const id = `${arrivedAt}.${now}.${domain}`;
  const boundary = `=_report_${id}`;
  const original = wording.returns === 'message' ? content.toString('utf8') : `${headers}\r\n`;
  const lines = [
    `From: ${wording.from(domain)}`,
    `To: <${mailFrom}>`,
    `Subject: ${wording.subject(headerValue(headers, 'Subject') ?? '')}`,
    `Date: ${rfc5322Date(now)}`,
    `Message-ID: <${id}@${mxName}>`,
    ...(messageId === '' ? [] : [`In-Reply-To: ${messageId}`, `References: ${messageId}`]),
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    ...rcpts.flatMap((rcpt) => wording.preamble(rcpt, wording.diagnostic(reason, rcpt))),
    '',
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns; ${wording.reportingMta(mxName)}`,
    `Arrival-Date: ${rfc5322Date(arrivedAt)}`,
    '',
    ...rcpts.flatMap((rcpt) => {
      const { status, text } = wording.diagnostic(reason, rcpt);
      return [
        `Final-Recipient: rfc822; ${rcpt}`,
        'Action: failed',
        `Status: ${status}`,
        `Diagnostic-Code: smtp; ${text}`,
        `Last-Attempt-Date: ${rfc5322Date(now)}`,
        '',
      ];
    }),
    `--${boundary}`,
    `Content-Type: ${wording.returns === 'message' ? 'message/rfc822' : 'text/rfc822-headers'}`,
    '',
    original,
    `--${boundary}--`,
    '',
  ];
  return { message: lines.join('\r\n'), status: told.status };
}

function rfc5322Date(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}
