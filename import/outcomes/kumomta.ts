/**
 * KumoMTA's log records as events, one JSON object each: a line of a log file, or an entry of its webhook. The Message-ID is
 * there where the log was told to: `headers = { 'Message-ID' }`. What KumoMTA answers itself ("KumoMTA internal: …") is no
 * provider's word. Source: KumoMTA docs/reference/log_record.md.
 */
import { timeReader } from '../times.ts';
import { bracketed, isComplaint, type LegacyEvent, type LogReader, type Outcome, TRACE } from './event.ts';
import { header, type Json, list, object, parsed, text, textOrNull } from './json.ts';
import { lineReader, Unreadable } from './line-reader.ts';

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  Reception: 'accepted',
  Delivery: 'delivered',
  TransientFailure: 'deferred',
  Bounce: 'failed',
  OOB: 'failed',
  Expiration: 'expired',
  Feedback: 'complaint',
};

const readTime = timeReader('UTC');

/** Lines of a log file. */
export function kumoMtaEvents(): LogReader {
  return lineReader((line) => kumoMtaRecord(parsed(line)));
}

/** One record. Throws Unreadable for what is none. */
export function kumoMtaRecord(value: unknown): LegacyEvent[] {
  const record = object(value);
  const type = text(record?.type);
  if (record === undefined || type === '') throw new Unreadable();
  // Webhook and log records travel the same queues as mail, and are none.
  if (record.reception_protocol === 'LogRecord' || (record.delivery_protocol ?? 'ESMTP') !== 'ESMTP') return [];
  const outcome = Object.hasOwn(OUTCOMES, type) ? OUTCOMES[type] : undefined;
  if (outcome === undefined) return [];
  const at = timeOf(record);
  if (at === undefined) throw new Unreadable();
  const report = outcome === 'complaint' ? object(record.feedback_report) : undefined;
  if (report !== undefined && !isComplaint(text(report.feedback_type))) return [];
  const response = object(record.response);
  const said = text(response?.content);
  const internal = said.startsWith('KumoMTA internal: ');
  if (internal && outcome === 'deferred') return [];
  const code = Number(response?.code ?? 0);
  const enhanced = object(response?.enhanced_code);
  const status = enhanced === undefined ? '' : `${enhanced.class}.${enhanced.subject}.${enhanced.detail} `;
  const heard = !internal && code >= 200 && outcome !== 'accepted' && outcome !== 'complaint';
  const category = text(record.bounce_classification);
  const trace = traceOf(record, report);
  const recipients = recipientsOf(record, report);
  // What names nobody is still about somebody where it returns our trace.
  return (recipients.length === 0 && trace !== '' ? [''] : recipients).map((recipient) => ({
    outcome,
    at,
    recipient,
    messageId: messageIdOf(record, report),
    reply: heard ? { code, text: `${status}${said}` } : null,
    ...(category === '' ? {} : { category }),
    // At reception the peer is who handed it in.
    host: outcome === 'accepted' ? null : textOrNull(object(record.peer_address)?.name)?.replace(/\.$/, '') || null,
    address: text(object(record.source_address)?.address).replace(/:\d+$/, '') || null,
    campaign: textOrNull(object(record.meta)?.campaign) ?? campaignOf(text(record.queue)),
    ...(trace === '' ? {} : { trace }),
    ...(type === 'OOB' || outcome === 'complaint' ? { hearsay: true as const } : {}),
    identity: [record.nodeid, record.id, type, record.event_time ?? record.timestamp, recipient].map(text).join('\t'),
  }));
}

function timeOf(record: Json): number | undefined {
  const exact = readTime(text(record.event_time));
  return exact ?? (typeof record.timestamp === 'number' ? Math.round(record.timestamp * 1_000) : undefined);
}

function recipientsOf(record: Json, report: Json | undefined): string[] {
  // A report travels from the provider to us: its own recipient is our feedback address.
  const named =
    report === undefined
      ? list(record.recipient)
      : [object(report.supplemental_trace)?.recipient ?? list(report.original_rcpto_to)[0]];
  return named
    .map(text)
    .map((one) => one.replace(/^<(.*)>$/, '$1'))
    .filter((one) => one.includes('@'));
}

function messageIdOf(record: Json, report: Json | undefined): string | null {
  const original = report === undefined ? '' : text(report.original_message);
  const id =
    report === undefined
      ? header(record.headers, 'message-id')
      : (/^message-id:\s*(<[^>\r\n]+>)/im.exec(original)?.[1] ?? '');
  return id === '' ? null : bracketed(id.trim());
}

function traceOf(record: Json, report: Json | undefined): string {
  if (report === undefined) return header(record.headers, TRACE);
  return /^x-rampart-trace:[ \t]*(\S+)/im.exec(text(report.original_message))?.[1] ?? '';
}

/** `campaign:tenant@domain`: only where both are there does the queue say it. */
function campaignOf(queue: string): string | null {
  return /^([^:@]+):[^@]*@/.exec(queue)?.[1] ?? null;
}
