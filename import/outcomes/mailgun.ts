/**
 * Mailgun's webhook as events: one `event-data` a request; its event logs have the same objects.
 * Source: Mailgun documentation, "Event Structure" and "Webhooks".
 */
import { bracketed, type LegacyEvent, type Outcome } from './event.ts';
import { list, object, text, textOrNull } from './json.ts';
import { Unreadable } from './line-reader.ts';

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  accepted: 'accepted',
  delivered: 'delivered',
  failed: 'failed',
  complained: 'complaint',
};

/** A request's body, or an event of a log. Throws Unreadable for what is none. */
export function mailgunRecord(value: unknown): LegacyEvent[] {
  const body = object(value);
  const data = object(body?.['event-data']) ?? body;
  const word = text(data?.event);
  if (data === undefined || word === '') throw new Unreadable();
  const known = Object.hasOwn(OUTCOMES, word) ? OUTCOMES[word] : undefined;
  const reason = text(data.reason);
  // It did not try: the recipient is on a list of its own.
  if (known === undefined || reason.startsWith('suppress-')) return [];
  const [recipient, seconds] = [text(data.recipient), Number(data.timestamp)];
  if (!recipient.includes('@') || !Number.isFinite(seconds)) throw new Unreadable();
  const status = object(data['delivery-status']);
  const code = Number(status?.code ?? 0);
  const enhanced = text(status?.['enhanced-code']);
  const said = text(status?.message) || text(status?.description);
  const id = text(object(object(data.message)?.headers)?.['message-id']);
  return [
    {
      outcome:
        known !== 'failed' ? known : data.severity === 'temporary' ? 'deferred' : reason === 'old' ? 'expired' : known,
      at: Math.round(seconds * 1_000),
      recipient,
      messageId: id === '' ? null : bracketed(id),
      // Codes above 599 are Mailgun's own.
      reply: code >= 200 && code <= 599 ? { code, text: `${enhanced} ${said}`.trim() } : null,
      ...(reason === '' ? {} : { category: reason }),
      host: textOrNull(status?.['mx-host']),
      address: textOrNull(object(data.envelope)?.['sending-ip']),
      campaign: text(list(data.tags)[0]) || null,
      identity: text(data.id) || JSON.stringify(data),
    },
  ];
}
