/** What the tests of the intake share: a feed that is open, and mail of ours that was handed to an upstream. */
import { type FormatSettings, logOf } from '../../import/outcomes/formats.ts';
import { Intake } from '../../legacy/intake.ts';
import { Providers, type ResolveMx } from '../../legacy/providers.ts';
import type { Store } from '../../store/connect.ts';
import { openFeed, openMessagesOf, positionsOf } from '../../store/legacy-feeds.ts';

export const TRACE_KEY = 'the key of these tests';
export const NO_DNS: ResolveMx = () => Promise.reject(new Error('this test has no DNS'));

export async function feedOf(
  store: Store,
  settings: FormatSettings & { readonly name: string },
  over: { readonly resolveMx?: ResolveMx; readonly now?: () => number } = {},
) {
  const now = over.now ?? (() => Date.now());
  const feed = await openFeed(store, settings.name, settings.format);
  const reading = logOf(settings, now);
  reading.memory?.open(await openMessagesOf(store, feed));
  const said: string[] = [];
  const log = (event: string, fields: object = {}) => void said.push(`${event} ${JSON.stringify(fields)}`);
  const providers = new Providers(over.resolveMx ?? NO_DNS, now);
  const intake = new Intake({ store, feed, providers, traceKey: TRACE_KEY, now, keepDays: 45, log });
  return { feed, reading, intake, positions: await positionsOf(store, feed), said, log };
}

export interface HandedOn {
  readonly messageId: string;
  readonly rcpt: string;
  /** ms */
  readonly at: number;
  readonly campaign?: string;
  readonly segment?: string;
  readonly pool?: string;
  readonly provider?: string;
  readonly severity?: 'relayed' | 'in-doubt';
}

let recipients = 1_000_000;

/** Mail that an upstream took, as its hand-over leaves it in the store. Returns the recipient's id. */
export async function handedOn(store: Store, mail: HandedOn): Promise<number> {
  recipients += 1;
  const { campaign = 'spring', segment = 'all', pool = 'front', provider = 'upstream', severity = 'relayed' } = mail;
  await store.query(
    `with m as (
       insert into messages (body_id, batch, message_id, mail_from, pool, tenant, stream, segment, campaign, recipients)
       values (0, gen_random_uuid(), $1, 'bounce@shop.example', $2, 'shop', 'marketing', $3, $4, 1) returning id
     )
     insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope, rule,
       reply, final, campaign, tenant, process, rcpt, front, arm, mailbox_provider)
     select $5, id, null, $6, to_timestamp($7::float8 / 1000), 1, to_timestamp($7::float8 / 1000), false, $8, 'delivered',
       'message', 'relayed', '250 OK', true, $4, 'shop', 'mta-1', $9, $2, 'old', 'google' from m`,
    [mail.messageId, pool, segment, campaign, recipients, provider, mail.at, severity, mail.rcpt],
  );
  return recipients;
}
