/** Which parts of a message are a report: its prose, its machine-readable parts, the message it returns. */
import { looksLikeStatus } from './delivery-status.ts';
import { splitHead } from './headers.ts';
import { htmlText } from './html.ts';
import { leaves, type Part, textOf } from './mime.ts';

export interface ReportParts {
  readonly prose: string;
  /** Texts of status fields (RFC 3464), in order. */
  readonly statuses: readonly string[];
  readonly feedback: string | undefined;
  /** The returned message or its header. */
  readonly returned: string | undefined;
  /** A read receipt (RFC 8098). */
  readonly disposition: boolean;
}

const STATUS_TYPE = /^message\/(x-?|global-)?delivery[ -_]?status|^(text|application)\/(x-)?delivery-status/;
const RETURNED_TYPE =
  /^(message\/(rfc822|global|rfc822-headers|global-headers|partial|news|external-body)|text\/(x-)?rfc822(-headers)?|application\/(x-)?rfc822)$/;

export function reportParts(message: Part): ReportParts {
  const all = leaves(message);
  const plain: string[] = [];
  const html: string[] = [];
  const statuses: string[] = [];
  let feedback: string | undefined;
  let returned: string | undefined;
  let disposition = /disposition-notification/i.test(message.parameters.get('report-type') ?? '');
  const reportType = (message.parameters.get('report-type') ?? '').toLowerCase();
  for (const part of all) {
    if (STATUS_TYPE.test(part.type)) statuses.push(textOf(part));
    else if (part.type === 'message/feedback-report') feedback ??= textOf(part);
    else if (
      part.type === 'message/disposition-notification' ||
      part.type === 'message/global-disposition-notification'
    )
      disposition = true;
    else if (RETURNED_TYPE.test(part.type)) returned ??= returnedText(part);
    else if (part.type === 'text/html') html.push(textOf(part));
    else if (part.type.startsWith('text/') || !part.type.includes('/') || part.type.startsWith('multipart/')) {
      const text = textOf(part);
      if (
        all.length > 1 &&
        looksLikeStatus(text.slice(0, 2_000)) &&
        /^\s{0,20}(reporting-mta|final-recipient|original-recipient|arrival-date|action|x-[\w-]+-queue-id)[ \t]?:/i.test(
          text,
        )
      )
        statuses.push(text);
      else if (
        feedback === undefined &&
        reportType === 'feedback-report' &&
        /^feedback-type[ \t]?:/im.test(text.slice(0, 2_000))
      )
        feedback = text;
      else if (statuses.length > 0 && returned === undefined && looksLikeHeader(text)) returned = text;
      else plain.push(text);
    }
  }
  // Some write their report in HTML alone; others put a picture of it beside the text, which says no more.
  const words = plain.join('\n\n');
  const prose = words.trim().length >= 20 || html.length === 0 ? words : `${words}\n${html.map(htmlText).join('\n\n')}`;
  return { prose, statuses, feedback, returned, disposition };
}

function returnedText(part: Part): string {
  const encoding = part.fields.get('content-transfer-encoding')?.[0] ?? '';
  // RFC 2046 forbids it, some do it: the attached message itself in base64.
  return /^\s*(base64|quoted-printable)\s*$/i.test(encoding) && !looksLikeHeader(part.raw) ? textOf(part) : part.raw;
}

function looksLikeHeader(text: string): boolean {
  const { fields } = splitHead(text.slice(0, 20_000).replace(/^\s{1,50}/, ''));
  return (
    ['received', 'message-id', 'from', 'to', 'subject', 'date', 'return-path'].filter((name) => fields.has(name))
      .length >= 3
  );
}
