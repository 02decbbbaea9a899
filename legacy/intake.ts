/**
 * From events to rows: whose mailbox, what the answer means, by which key it is known again; then one transaction a batch,
 * with the recipients that it suppresses. A batch is never half there, and one that is written again changes nothing.
 */
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LegacyEvent, OpenMessage } from '../import/outcomes/event.ts';
import { eventKey } from '../import/outcomes/key.ts';
import { verdictOf } from '../import/outcomes/verdict.ts';
import { recipientOf } from '../policy/trace.ts';
import type { Store } from '../store/connect.ts';
import { type LegacyBatch, type LegacyEventRow, type Written, writeLegacyEvents } from '../store/legacy-events.ts';
import type { Position } from '../store/legacy-feeds.ts';
import type { Providers } from './providers.ts';
import type { Log } from './settings.ts';
import { suppressTold } from './suppress.ts';

export interface IntakeParts {
  readonly store: Store;
  /** Id of the feed in the store. */
  readonly feed: number;
  readonly providers: Providers;
  /** Of our trace tokens; null: it is not known here, and no record is believed by its trace. */
  readonly traceKey: string | null;
  readonly now: () => number;
  /** Days events are kept: older ones are not taken. */
  readonly keepDays: number;
  readonly log: Log;
}

/** What goes with a batch into its transaction. */
export interface Place {
  readonly unreadable?: number;
  readonly positions?: readonly Position[];
  readonly opened?: readonly OpenMessage[];
  readonly closed?: readonly string[];
}

export interface Taken extends Written {
  readonly repeated: number;
  readonly tooOld: number;
}

const DAY_MS = 86_400_000;
/** A clock that is ahead is no reason to lose an event; one that is years ahead is damage. */
const AHEAD_MS = DAY_MS;
const REPLY = 500;
const RETRY_MS = 1_000;

export class Intake {
  readonly #parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /**
   * Keeps events. Rejects when the store does not take them, unless `until` is given: then it tries again until that
   * is aborted, and only then rejects.
   */
  async take(events: readonly LegacyEvent[], place: Place = {}, until?: AbortSignal): Promise<Taken> {
    const { feed, now, keepDays } = this.#parts;
    const [from, to] = [now() - keepDays * DAY_MS, now() + AHEAD_MS];
    const fresh = events.filter((event) => event.at >= from && event.at <= to);
    const tooOld = events.length - fresh.length;
    const rows = await this.#rows(fresh);
    // Who is meant was blackened, and the trace is none of ours: nobody can say what it is about.
    const unreadable = (place.unreadable ?? 0) + fresh.length - rows.length;
    const written = await this.#write({ feed, events: rows, tooOld, ...place, unreadable }, until);
    return { ...written, repeated: rows.length - written.kept, tooOld };
  }

  async #rows(events: readonly LegacyEvent[]): Promise<LegacyEventRow[]> {
    const { providers } = this.#parts;
    const unknown = new Set<string>();
    for (const { host, recipient, outcome } of events) {
      // Of a message that was only accepted nobody asks whose mailbox it goes to: its next event says it.
      if (outcome === 'accepted' || !recipient.includes('@') || providers.ofHost(host) !== null) continue;
      const domain = domainOf(recipient);
      if (providers.ofDomain(domain) === null) unknown.add(domain);
    }
    if (unknown.size > 0) await providers.learn([...unknown]);
    return events.flatMap((event) => {
      const named = event.recipient.includes('@');
      const token = this.#tokenOf(event);
      if (!named && token === null) return [];
      const provider = providers.ofHost(event.host) ?? (named ? providers.ofDomain(domainOf(event.recipient)) : null);
      const { kind, class: replyClass, scope, rule } = verdictOf(event, provider);
      const { reply, address } = event;
      return {
        key: eventKey(event.at, event.identity),
        kind,
        at: event.at,
        messageId: clean(event.messageId, 1_000),
        rcpt: clean(event.recipient.toLowerCase(), 400) ?? '',
        provider,
        campaign: clean(event.campaign, 200),
        address: address !== null && isIP(address) !== 0 ? address : null,
        host: clean(event.host, 255),
        reply: reply === null ? null : clean(`${reply.code} ${reply.text}`, REPLY),
        class: replyClass,
        scope,
        rule,
        token,
        hearsay: event.hearsay === true,
      };
    });
  }

  #tokenOf({ trace }: LegacyEvent): number | null {
    const { traceKey } = this.#parts;
    return trace === undefined || traceKey === null ? null : (recipientOf(trace, traceKey) ?? null);
  }

  async #write(batch: LegacyBatch, until: AbortSignal | undefined): Promise<Written> {
    const { store, log } = this.#parts;
    for (;;) {
      try {
        return await writeLegacyEvents(store, batch, (db, told) => suppressTold(db, told, this.#parts.now()));
      } catch (error) {
        if (isAboutData(error)) return this.#apart(batch, until, error as Error);
        if (until === undefined || until.aborted) throw error;
        log('legacy-events-wait', { events: batch.events.length, error: (error as Error).message });
        await sleep(RETRY_MS, undefined, { signal: until }).catch(() => {});
      }
    }
  }

  /** One event that can not be stored must not hold up the others: the batch is written by halves. */
  async #apart(batch: LegacyBatch, until: AbortSignal | undefined, error: Error): Promise<Written> {
    const { events, feed } = batch;
    if (events.length <= 1) {
      this.#parts.log('legacy-event-left-out', { error: error.message });
      return events.length === 0
        ? Promise.reject(error)
        : this.#write({ ...batch, events: [], unreadable: (batch.unreadable ?? 0) + 1 }, until);
    }
    const middle = Math.ceil(events.length / 2);
    // The place goes with the second half: it holds only when both are kept.
    const first = await this.#write({ feed, events: events.slice(0, middle) }, until);
    const second = await this.#write({ ...batch, events: events.slice(middle) }, until);
    return { kept: first.kept + second.kept, joined: first.joined + second.joined };
  }
}

function domainOf(recipient: string): string {
  return recipient.slice(recipient.lastIndexOf('@') + 1).toLowerCase();
}

/** PostgreSQL's text has no NUL, and half a character is none. */
function clean(text: string | null, longest: number): string | null {
  if (text === null) return null;
  const short = text.length > longest ? text.slice(0, longest) : text;
  return (short.isWellFormed() ? short : short.toWellFormed()).replace(/\0/g, '');
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint): the same statement will fail again. */
function isAboutData(error: unknown): boolean {
  return /^2[23]/.test((error as { code?: string }).code ?? '');
}
