/**
 * Admission: what a caller handed in becomes a message of the spool, or is refused. SMTP and HTTP come through here,
 * so that there is one place that grants.
 */

import type { ChosenArm, SpoolMessage } from '../../store/spool.ts';
import type { MessageDsn, RecipientDsn } from '../../store/spool-extras.ts';
import { type Belongs, belongs, type Caller, checkSender } from './caller.ts';
import type { Control } from './control.ts';
import type { EnvelopeAddress } from './envelope-address.ts';
import type { Incoming } from './message.ts';
import type { OneClickCount } from './one-click-count.ts';
import { RefusedMessage } from './refusal.ts';
import { refuseSuppressed, type SuppressionCheck } from './suppression-check.ts';

export interface AdmitParts {
  /** Provider of a pool's mail to a domain when it is already known; unknown ones are routed after the commit. */
  readonly providerOf: (domain: string, pool: string) => string | null;
  /** Who carries a recipient of a pool that has a cutover, and its row's provider; null: it has none. Absent: no pool has. */
  readonly armOf?: (mail: {
    readonly pool: string;
    readonly tenant: string;
    readonly stream: string;
    readonly rcpt: string;
    readonly domain: string;
  }) => { readonly arm: ChosenArm; readonly provider: string | null } | null;
  /** May this pool's mail go on to an upstream, as it came? Absent: there is no upstream. */
  readonly toUpstream?: (pool: string) => boolean;
  /** Why its pool takes no such mail now (overflow `refuse`), or null. Absent: none refuses. */
  readonly refuses?: (message: SpoolMessage) => Promise<string | null>;
  /** ms until a message of this pool and stream expires. */
  readonly lifetime: (pool: string, stream: 'marketing' | 'transactional') => number;
  /** Real ms of so many plan ms in this pool. */
  readonly planMs: (pool: string, ms: number) => number;
  readonly knownPools: () => ReadonlySet<string>;
  readonly suppression: SuppressionCheck;
  /** What happens to marketing that can not be unsubscribed from with one click (RFC 8058). */
  readonly requireListUnsubscribe: 'warn' | 'require';
  readonly withoutOneClick: OneClickCount;
}

export interface Envelope {
  /** '' is the null sender. */
  readonly mailFrom: string;
  readonly recipients: readonly (EnvelopeAddress & RecipientDsn)[];
  readonly dsn?: MessageDsn;
}

/**
 * Decides about one message. Its recipients are those of the envelope; leaveOut takes the suppressed ones off.
 *
 * @throws RefusedMessage: the caller may not send it.
 */
export function admit(
  parts: AdmitParts,
  caller: Caller,
  envelope: Envelope,
  incoming: Incoming,
  now: number,
): SpoolMessage {
  const { control } = incoming;
  const of = belongs(caller, control);
  const { pool, tenant, stream } = of;
  for (const address of incoming.from) checkSender(caller, address, 'From');
  if (!parts.knownPools().has(pool)) throw new RefusedMessage(451, `4.3.5 Pool "${pool}" has no address yet`);
  const oneClick = stream === 'transactional' || incoming.oneClick;
  if (!oneClick) refuseOrCount(parts, caller);
  return {
    raw: incoming.raw,
    messageId: incoming.messageId,
    mailFrom: envelope.mailFrom,
    pool,
    tenant,
    stream,
    segment: control.segment,
    campaign: control.campaign,
    ...(control.notBefore === undefined ? {} : { notBefore: control.notBefore }),
    expires: expiryOf(parts, of, control, now),
    oneClick,
    ...(envelope.dsn === undefined ? {} : { dsn: envelope.dsn }),
    recipients: envelope.recipients.map(({ address, domain, ...dsn }) => {
      const to = { ...dsn, rcpt: address, domain };
      const chosen = parts.armOf?.({ pool, tenant, stream, rcpt: address, domain }) ?? null;
      return chosen === null ? { ...to, provider: parts.providerOf(domain, pool) } : { ...to, ...chosen };
    }),
  };
}

/**
 * Refuses what its pool can not take now and would not keep (overflow `refuse`).
 *
 * @throws RefusedMessage 451: the client tries again.
 */
export async function refuseFull(parts: AdmitParts, message: SpoolMessage): Promise<void> {
  const refused = (await parts.refuses?.(message)) ?? null;
  if (refused !== null) throw new RefusedMessage(451, `4.3.2 ${refused}`);
}

/**
 * The message without its suppressed recipients, and how many those are: an entry for one tenant or for marketing can
 * not be known before the header is read, when RCPT was answered already.
 *
 * @throws RefusedMessage when nobody is left.
 */
export async function leaveOut(
  suppression: SuppressionCheck,
  message: SpoolMessage,
): Promise<{ message: SpoolMessage; left: number }> {
  const suppressed = await suppression.message(
    message.recipients.map((recipient) => recipient.rcpt),
    message,
  );
  const [first] = suppressed;
  if (first === undefined) return { message, left: 0 };
  const recipients = message.recipients.filter((recipient) => !suppressed.has(recipient.rcpt));
  if (recipients.length === 0) throw refuseSuppressed(...first);
  return { message: { ...message, recipients }, left: message.recipients.length - recipients.length };
}

function expiryOf(parts: AdmitParts, { pool, stream }: Belongs, control: Control, now: number): number {
  const release = control.notBefore ?? now;
  if (control.expires === undefined) return release + parts.lifetime(pool, stream);
  return 'at' in control.expires ? control.expires.at : release + parts.planMs(pool, control.expires.after);
}

function refuseOrCount(parts: AdmitParts, caller: Caller): void {
  if (parts.requireListUnsubscribe === 'require')
    throw new RefusedMessage(
      550,
      '5.7.1 Marketing needs List-Unsubscribe with an https address and List-Unsubscribe-Post: List-Unsubscribe=One-Click (RFC 8058)',
    );
  parts.withoutOneClick.add(caller.name);
}
