/**
 * Amazon SES' event records as events: what its event publishing and its notifications put into SNS messages.
 * Source: SES developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS". SES gives each message an
 * id of its own; the Message-ID it was handed in with is among its headers.
 */
import { timeReader } from '../times.ts';
import { bracketed, isComplaint, type LegacyEvent, type Outcome, replyIn, TRACE } from './event.ts';
import { header, type Json, list, object, text, textOrNull } from './json.ts';
import { Unreadable } from './line-reader.ts';

const readTime = timeReader('UTC');

interface Told {
  readonly recipient: string;
  readonly said?: string;
}

/** One record. Throws Unreadable for what is none. */
export function sesRecord(value: unknown): LegacyEvent[] {
  const record = object(value);
  const type = text(record?.eventType ?? record?.notificationType);
  const mail = object(record?.mail);
  if (record === undefined || mail === undefined || type === '') throw new Unreadable();
  const id = header(mail.headers, 'message-id') || text(object(mail.commonHeaders)?.messageId);
  const tags = object(mail.tags);
  const trace = header(mail.headers, TRACE);
  const make = (outcome: Outcome, about: Json, told: readonly Told[], category?: string): LegacyEvent[] => {
    const at = readTime(text(about.timestamp) || text(mail.timestamp));
    if (at === undefined) throw new Unreadable();
    return told
      .filter(({ recipient }) => recipient.includes('@'))
      .map(({ recipient, said }) => ({
        outcome,
        at,
        recipient,
        messageId: id === '' ? null : bracketed(id),
        reply: said === undefined || said === '' ? null : replyIn(said),
        ...(category && { category }),
        host: textOrNull(about.reportingMTA)?.replace(/^dsn;\s*/, '') ?? null,
        address: text(list(tags?.['ses:outgoing-ip'])[0]) || textOrNull(about.remoteMtaIp) || null,
        campaign: text(list(tags?.campaign)[0]) || header(mail.headers, 'x-campaign') || null,
        ...(trace === '' ? {} : { trace }),
        identity: [text(mail.messageId), type, at, recipient, text(about.feedbackId)].join('\t'),
      }))
      .map(ownHost);
  };
  const people = (value: unknown, said: string): Told[] =>
    list(value)
      .map(object)
      .map((one) => ({ recipient: text(one?.emailAddress), said: text(one?.[said]) }));
  const named = (value: unknown): Told[] => list(value).map((one) => ({ recipient: text(one) }));

  switch (type) {
    case 'Send':
      return make('accepted', mail, named(mail.destination));
    case 'Delivery': {
      const delivery = object(record.delivery) ?? {};
      const said = text(delivery.smtpResponse);
      return make(
        'delivered',
        delivery,
        named(delivery.recipients).map((one) => ({ ...one, said })),
      );
    }
    case 'DeliveryDelay': {
      const delay = object(record.deliveryDelay) ?? {};
      return make('deferred', delay, people(delay.delayedRecipients, 'diagnosticCode'), text(delay.delayType));
    }
    case 'Bounce': {
      const bounce = object(record.bounce) ?? {};
      const sub = text(bounce.bounceSubType);
      // SES did not even try: an entry of its own list is no provider's word.
      if (/suppress/i.test(sub) || sub === 'UnsubscribedRecipient') return [];
      return make(
        'failed',
        bounce,
        people(bounce.bouncedRecipients, 'diagnosticCode'),
        `${text(bounce.bounceType)}/${sub}`,
      );
    }
    case 'Complaint': {
      const complaint = object(record.complaint) ?? {};
      if (/suppress/i.test(text(complaint.complaintSubType))) return [];
      if (!isComplaint(text(complaint.complaintFeedbackType))) return [];
      return make('complaint', complaint, people(complaint.complainedRecipients, ''));
    }
    default:
      // Opens, clicks, rendering failures, rejects by SES itself.
      return [];
  }
}

/** SES names its own host as the one that reports: not an MX. */
function ownHost(event: LegacyEvent): LegacyEvent {
  return event.host !== null && /(^|\.)(amazonses|smtp-out\.[\w-]*\.?amazonses)\.com$/i.test(event.host)
    ? { ...event, host: null }
    : event;
}
