/** Reads an abuse report (RFC 5965): the machine-readable part and the trace header of the original it carries. */
import { simpleParser } from 'mailparser';
import { TRACE_HEADER } from '../trace.ts';

export interface FeedbackReport {
  readonly type: string;
  readonly userAgent: string | null;
  readonly sourceIp: string | null;
  readonly arrivalDate: string | null;
  readonly trace: string | undefined;
}

/** The report in a message, or undefined if it carries none. Broken MIME is no report, never an exception. */
export async function parseReport(raw: Buffer): Promise<FeedbackReport | undefined> {
  const parsed = await simpleParser(raw, {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true,
    skipTextLinks: true,
  }).catch(() => undefined);
  const part = (type: string) => parsed?.attachments.find((attachment) => attachment.contentType === type)?.content;
  const report = part('message/feedback-report');
  if (report === undefined) return undefined;
  const fields = headerFields(report.toString('utf8'));
  const original = part('message/rfc822') ?? part('text/rfc822-headers') ?? Buffer.alloc(0);
  return {
    type: fields.get('feedback-type') ?? 'other',
    userAgent: fields.get('user-agent') ?? null,
    sourceIp: fields.get('source-ip') ?? null,
    arrivalDate: fields.get('arrival-date') ?? null,
    trace: headerFields(original.toString('latin1')).get(TRACE_HEADER.toLowerCase()),
  };
}

function headerFields(text: string): Map<string, string> {
  const head = text.split(/\r?\n\r?\n/, 1)[0] ?? '';
  const fields = new Map<string, string>();
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return fields;
}
