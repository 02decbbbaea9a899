/**
 * Entries of SendGrid's event webhook as events. It names no MX host: whose mailbox it is has to be asked of DNS.
 * Source: Twilio SendGrid, "Event Webhook Reference".
 */
import { bracketed, type LegacyEvent, type Outcome, replyIn } from './event.ts';
import { list, object, text, textOrNull } from './json.ts';
import { Unreadable } from './line-reader.ts';

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  processed: 'accepted',
  delivered: 'delivered',
  deferred: 'deferred',
  bounce: 'failed',
  spamreport: 'complaint',
};

/** One entry. Throws Unreadable for what is none. `dropped` is SendGrid's own refusal, and no provider's word. */
export function sendGridRecord(value: unknown): LegacyEvent[] {
  const entry = object(value);
  const word = text(entry?.event);
  if (entry === undefined || word === '') throw new Unreadable();
  const outcome = Object.hasOwn(OUTCOMES, word) ? OUTCOMES[word] : undefined;
  if (outcome === undefined) return [];
  const [recipient, seconds, id] = [text(entry.email), Number(entry.timestamp), text(entry['smtp-id'])];
  if (!recipient.includes('@') || !Number.isFinite(seconds)) throw new Unreadable();
  const said = text(entry.response) || text(entry.reason);
  const category = text(entry.bounce_classification);
  return [
    {
      outcome: outcome === 'failed' && entry.type === 'expired' ? 'expired' : outcome,
      at: Math.round(seconds * 1_000),
      recipient,
      messageId: id === '' ? null : bracketed(id),
      reply: said === '' ? null : replyIn(said),
      ...(category === '' ? {} : { category }),
      host: null,
      address: textOrNull(entry.ip),
      campaign: text(list(entry.category)[0]) || null,
      identity: text(entry.sg_event_id) || JSON.stringify(entry),
    },
  ];
}
