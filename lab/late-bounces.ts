/**
 * Messages that come back: accepted with 250, and some plan hours later a report (RFC 3464) goes to the return path, from
 * the null sender, over SMTP to the MX of the return path's domain. What becomes of each is written down.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabClock } from './clock.ts';
import { dsnFor, type ReturnedMessage } from './dsn.ts';
import type { BounceReason } from './dsn-wording.ts';
import type { MailExchange } from './mail-exchange.ts';
import type { Provider } from './provider.ts';
import type { Arrival } from './provider-server.ts';
import { draw, pick } from './random.ts';
import { domainOf } from './recipients.ts';
import type { EventLine } from './records.ts';
import { type SendResult, SmtpClient } from './smtp-client.ts';

const RETRY_HOURS = 0.25;
const MIN_RETRY_MS = 200;
const GIVE_UP_HOURS = 48;
const DRAIN_MS = 2_000;
/** Of the message, in bytes: reports wait in memory for hours of plan time. */
const KEPT_BYTES = 8 * 1024;
const REASONS: readonly (readonly [BounceReason, number])[] = [
  ['unknown', 5],
  ['full', 3],
  ['policy', 2],
];

export interface LateBouncesOptions {
  readonly seed: number;
  readonly clock: LabClock;
  readonly exchange: MailExchange;
  readonly record: (line: EventLine) => void;
}

interface Due extends ReturnedMessage {
  readonly sourceIp: string;
}

export class LateBounces {
  readonly #options: LateBouncesOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #clients = new Map<string, SmtpClient>();
  /** One after another for each domain, so that an MX that is down holds up its own reports only. */
  readonly #queues = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: LateBouncesOptions) {
    this.#options = options;
  }

  /** Plans the report about a message with the placement `returned`; others are none of its business. */
  consider(provider: Provider, arrival: Arrival): void {
    const { lateBounces, key } = provider.spec;
    if (arrival.placement !== 'returned' || !lateBounces) return;
    const { seed, clock } = this.#options;
    const { fromHours, untilHours } = lateBounces;
    const about = [key, arrival.messageId, ...arrival.rcpts];
    const hours = fromHours + draw(seed, 'late-bounce-delay', ...about) * (untilHours - fromHours);
    const { sourceIp, mailFrom, rcpts, messageId, mxName } = arrival;
    const due: Due = {
      sourceIp,
      mailFrom,
      rcpts,
      messageId,
      content: Buffer.from(arrival.content.subarray(0, KEPT_BYTES)),
      arrivedAt: clock.now(),
      mxName,
      reason: pick(REASONS, draw(seed, 'late-bounce-reason', ...about)),
    };
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const domain = domainOf(mailFrom);
      const giveUpAt = clock.now() + clock.msOfHours(GIVE_UP_HOURS);
      const sent = (this.#queues.get(domain) ?? Promise.resolve()).then(() => this.#report(provider, due, giveUpAt));
      this.#queues.set(domain, sent);
    }, clock.msOfHours(hours));
    this.#timers.add(timer);
  }

  /** Drops what has not been said yet; a report under way gets a moment for its answer. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const hangUp = () => {
      for (const client of this.#clients.values()) client.close();
    };
    const timer = setTimeout(hangUp, DRAIN_MS);
    await Promise.all(this.#queues.values());
    clearTimeout(timer);
    hangUp();
  }

  async #report(provider: Provider, due: Due, giveUpAt: number): Promise<void> {
    const { clock, record } = this.#options;
    const { message, status } = dsnFor(provider.spec, due, clock.now());
    const { sourceIp, mailFrom, rcpts, messageId } = due;
    while (!this.#stopping.signal.aborted) {
      const result = await this.#send(due, message);
      const outcome = outcomeOf(result);
      if (outcome !== null || clock.now() >= giveUpAt) {
        record({
          kind: 'late-bounce',
          t: clock.now(),
          day: clock.days(),
          provider: provider.spec.key,
          sourceIp,
          mailFrom,
          rcpts,
          messageId,
          status,
          outcome: outcome ?? 'undeliverable',
          text: result?.text ?? 'no MX host',
        });
        return;
      }
      await sleep(Math.max(MIN_RETRY_MS, clock.msOfHours(RETRY_HOURS)), undefined, {
        signal: this.#stopping.signal,
      }).catch(() => {});
    }
  }

  /** One try over the exchangers in turn; null if there are none. */
  async #send(due: Due, message: string): Promise<SendResult | null> {
    let result: SendResult | null = null;
    for (const { host, port } of await this.#options.exchange.exchangersOf(domainOf(due.mailFrom))) {
      if (this.#stopping.signal.aborted) break;
      const peer = `${host}:${port} ${due.mxName}`;
      const client = this.#clients.get(peer) ?? new SmtpClient({ host, port, name: due.mxName });
      this.#clients.set(peer, client);
      result = await client.send('', due.mailFrom, message);
      // Only a host that can not be reached sends us on to the next one.
      if (result.kind !== 'unreachable') break;
    }
    return result;
  }
}

/** Null: try again. */
function outcomeOf(result: SendResult | null): 'sent' | 'refused' | null {
  if (result?.kind !== 'answered') return null;
  if (result.code >= 500) return 'refused';
  return result.code < 400 ? 'sent' : null;
}
