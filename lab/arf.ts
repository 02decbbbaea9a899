/** A complaint as providers report it: the Abuse Reporting Format, RFC 5965. */
import type { ProviderSpec } from './scenario-provider.ts';

export interface Complaint {
  readonly sourceIp: string;
  readonly mailFrom: string;
  readonly rcpt: string;
  readonly messageId: string;
  /** Header block of the message complained about. */
  readonly headers: string;
  /** When it was accepted (ms since 1970). */
  readonly arrivedAt: number;
}

interface Reporter {
  readonly from: string;
  readonly envelopeFrom: string;
  /** Removes whom the message went to, as JMRP does: only an opaque token of the sender's own still tells. */
  readonly redacts: boolean;
}

const YAHOO: Reporter = {
  from: 'Yahoo! Mail AntiSpam Feedback <feedback@arf.mail.yahoo.com>',
  envelopeFrom: 'feedback@arf.mail.yahoo.com',
  redacts: false,
};
const MICROSOFT: Reporter = { from: 'staff@hotmail.com', envelopeFrom: 'staff@hotmail.com', redacts: true };

/** The report to send to `to`, and the MAIL FROM to send it under. `now` in ms since 1970. */
export function arfReport(
  provider: Pick<ProviderSpec, 'dialect' | 'domains'>,
  complaint: Complaint,
  to: string,
  now: number,
): { envelopeFrom: string; message: string } {
  const reporter = reporterOf(provider);
  const boundary = `report-${complaint.sourceIp.replaceAll('.', '-')}-${now}`;
  const headers = reporter.redacts ? redacted(complaint.headers, complaint.rcpt) : complaint.headers;
  const lines = [
    `From: ${reporter.from}`,
    `To: <${to}>`,
    'Subject: Abuse report',
    `Date: ${rfc5322Date(now)}`,
    `Message-ID: <${boundary}-${Math.abs(hashOf(complaint.messageId + complaint.rcpt))}@${provider.domains[0]}>`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=feedback-report; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `This is an email abuse report for a message received from IP ${complaint.sourceIp} on ${rfc5322Date(complaint.arrivedAt)}.`,
    '',
    `--${boundary}`,
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: Lab-Feedback/1.0',
    'Version: 1',
    `Original-Mail-From: <${complaint.mailFrom}>`,
    ...(reporter.redacts ? [] : [`Original-Rcpt-To: <${complaint.rcpt}>`]),
    `Arrival-Date: ${rfc5322Date(complaint.arrivedAt)}`,
    `Source-IP: ${complaint.sourceIp}`,
    '',
    `--${boundary}`,
    // Headers only (RFC 5965 §2 d), as all large providers report by now.
    'Content-Type: text/rfc822-headers',
    '',
    headers,
    '',
    `--${boundary}--`,
    '',
  ];
  return { envelopeFrom: reporter.envelopeFrom, message: lines.join('\r\n') };
}

function reporterOf(provider: Pick<ProviderSpec, 'dialect' | 'domains'>): Reporter {
  if (provider.dialect === 'yahoo') return YAHOO;
  if (provider.dialect === 'microsoft-consumer') return MICROSOFT;
  const from = `feedback@${provider.domains[0]}`;
  return { from, envelopeFrom: from, redacts: false };
}

function redacted(headers: string, rcpt: string): string {
  return headers.replaceAll(new RegExp(rcpt.replace(/[^a-z0-9]/gi, '\\$&'), 'gi'), 'redacted@redacted.invalid');
}

function rfc5322Date(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

function hashOf(text: string): number {
  let hash = 0;
  for (const char of text) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) | 0;
  return hash;
}
