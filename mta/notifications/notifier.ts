/**
 * Tells senders what became of their mail (RFC 3464), by a message of our own from the null sender: transactional, so it
 * never waits for a cold lane's grant nor uses one. Never for a null sender, for what is itself an answer, or for mail
 * that came back to us: all mail here was handed in by users who showed who they are, so no stranger is told.
 */
import { randomUUID } from 'node:crypto';
import { type Queryable, type Store, tx } from '../../store/connect.ts';
import {
  bodyOf,
  dropOwed,
  markTold,
  noteNotification,
  type OwedNotice,
  owedDelays,
  owedSuccesses,
  settleRequests,
  takeFailures,
} from '../../store/notifications.ts';
import { spool } from '../../store/spool.ts';
import { answersNothing, type DsnKind, type DsnRecipient, writeDsn } from './dsn.ts';
import { delayedStatus, failedStatus } from './status.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Recipients of one message that end within this time share a notification (plan time). */
const GROUP_MS = MINUTE;
/** RFC 5321 §4.5.4.1 has queues tried for days; a sender who asked wants to know the same day (plan time). */
const DELAY_MS = 4 * HOUR;
/** A notification's own life (plan time). */
const LIFETIME_MS = 12 * HOUR;
const MESSAGES_AT_ONCE = 50;
const RECIPIENTS_AT_ONCE = 500;
/** Campaign of notifications: nobody's evidence. */
const CAMPAIGN = '';

export interface NotifierParts {
  readonly store: Store;
  /** Host name that reports. */
  readonly host: string;
  readonly bounceDomain: string | undefined;
  readonly who: 'sender' | 'none';
  readonly now: () => number;
  /** Plan ms in real ms. */
  readonly planMs: (ms: number) => number;
}

export class Notifier {
  readonly #parts: NotifierParts;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  /** Makes every notification that is owed now; returns how many. Safe to run in any number of processes. */
  async notify(): Promise<number> {
    const { store, who, planMs } = this.#parts;
    if (who === 'none') {
      await dropOwed(store);
      return 0;
    }
    let made = 0;
    for (;;) {
      const told = await tx(store, async (db) =>
        this.#tell(db, 'failed', await takeFailures(db, planMs(GROUP_MS), MESSAGES_AT_ONCE)),
      );
      made += told.made;
      if (told.owed === 0) break;
    }
    made += (await this.#tellAll('relayed', (db) => owedSuccesses(db, RECIPIENTS_AT_ONCE))).made;
    made += (await this.#tellAll('delayed', (db) => owedDelays(db, planMs(DELAY_MS), RECIPIENTS_AT_ONCE))).made;
    return made;
  }

  #tellAll(kind: DsnKind, owed: (db: Queryable) => Promise<OwedNotice[]>): Promise<{ made: number; owed: number }> {
    return tx(this.#parts.store, async (db) => this.#tell(db, kind, await owed(db)));
  }

  async #tell(db: Queryable, kind: DsnKind, owed: readonly OwedNotice[]): Promise<{ made: number; owed: number }> {
    if (owed.length === 0) return { made: 0, owed: 0 };
    const fresh = await markTold(
      db,
      owed.map((one) => one.recipient),
      kind,
    );
    const wanted = owed.filter((one) => fresh.has(one.recipient) && wants(one, kind));
    let made = 0;
    for (const notices of Map.groupBy(wanted, (one) => one.message).values()) {
      if (await this.#write(db, kind, notices)) made += 1;
    }
    if (kind !== 'delayed') {
      await settleRequests(
        db,
        owed.map((one) => one.recipient),
      );
    }
    return { made, owed: owed.length };
  }

  async #write(db: Queryable, kind: DsnKind, notices: readonly OwedNotice[]): Promise<boolean> {
    const [first] = notices;
    if (first === undefined || !this.#mayTell(first.mailFrom)) return false;
    const original = await bodyOf(db, first.bodyId);
    if (answersNothing(original)) return false;
    const { host, now, planMs } = this.#parts;
    const id = randomUUID();
    const raw = writeDsn({
      kind,
      host,
      to: first.mailFrom,
      envid: first.envid,
      arrived: first.arrived,
      recipients: notices.map((one) => recipientOf(one, kind)),
      original,
      ret: first.ret?.toUpperCase() === 'FULL' ? 'FULL' : 'HDRS',
      id,
      now: now(),
    });
    const domain = first.mailFrom.slice(first.mailFrom.lastIndexOf('@') + 1).toLowerCase();
    const [spooled] = await spool(db, [
      {
        raw,
        messageId: `<${id}@${host}>`,
        mailFrom: '',
        pool: first.pool,
        tenant: first.tenant,
        stream: 'transactional',
        segment: 'all',
        campaign: CAMPAIGN,
        expires: now() + planMs(LIFETIME_MS),
        recipients: [{ rcpt: first.mailFrom, domain, provider: null }],
      },
    ]);
    if (spooled !== undefined) {
      await noteNotification(
        db,
        notices.map((one) => one.recipient),
        kind,
        spooled.message,
      );
    }
    return true;
  }

  /** An address with a domain, and none of our own return paths: a notification to those would come back here. */
  #mayTell(mailFrom: string): boolean {
    const address = mailFrom.toLowerCase();
    if (!/^.+@.+$/.test(address)) return false;
    const { bounceDomain } = this.#parts;
    return (
      bounceDomain === undefined || !(address.startsWith('b+') && address.endsWith(`@${bounceDomain.toLowerCase()}`))
    );
  }
}

/** RFC 3461 §4.1: without NOTIFY, failures are told. */
function wants({ notify }: OwedNotice, kind: DsnKind): boolean {
  const asked = notify === null || notify === '' ? ['FAILURE'] : notify.toUpperCase().split(',');
  return asked.includes({ failed: 'FAILURE', delayed: 'DELAY', relayed: 'SUCCESS' }[kind]);
}

function recipientOf(one: OwedNotice, kind: DsnKind): DsnRecipient {
  const status = { failed: () => failedStatus(one), delayed: () => delayedStatus(one.reply), relayed: () => '2.0.0' }[
    kind
  ]();
  return {
    rcpt: one.rcpt,
    orcpt: one.orcpt,
    status,
    reply: one.reply,
    host: one.host,
    lastAttempt: one.lastAttempt,
    ...(one.retryUntil === null ? {} : { retryUntil: one.retryUntil }),
  };
}
