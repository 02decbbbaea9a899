/**
 * Readers who press "spam": some plan hours after delivery the provider notes it, and reports it if it has a feedback loop.
 * In a `feed-gap` the reports wait for its end, or are lost; what the provider thinks of the sender does not.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { arfReport, type Complaint } from './arf.ts';
import type { LabClock } from './clock.ts';
import type { Provider } from './provider.ts';
import type { Arrival } from './provider-server.ts';
import { chance } from './random.ts';
import { complaintHours, complaintRateOf, type Population } from './readers.ts';
import type { EventLine } from './records.ts';
import type { Schedule } from './schedule.ts';
import { SmtpClient } from './smtp-client.ts';

const RETRY_MS = 500;
const SHORTEST_MS = 20;

/** Where reports go: `host:port/recipient`. */
export interface ReportTarget {
  readonly host: string;
  readonly port: number;
  readonly rcpt: string;
}

export interface ComplaintsOptions {
  readonly world: Population;
  readonly clock: LabClock;
  readonly schedule: Schedule;
  readonly target: ReportTarget | undefined;
  readonly record: (line: EventLine) => void;
}

export class Complaints {
  readonly #options: ComplaintsOptions;
  /** By provider, as its reports are. */
  readonly #clients = new Map<string, SmtpClient>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** By provider: its reports go out one after another, for a feedback loop is a trickle. */
  readonly #sending = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: ComplaintsOptions) {
    this.#options = options;
  }

  /** Decides for each recipient of a message whether a complaint will come. Nobody complains of what lies in junk. */
  consider(provider: Provider, arrival: Arrival): void {
    if (arrival.placement !== 'inbox') return;
    const { world, clock, schedule } = this.#options;
    const waves = schedule.at(provider.spec.key, 'complaint-wave').map((one) => one.factor);
    const factor = waves.reduce((product, one) => product * one, 1);
    for (const rcpt of arrival.rcpts) {
      const key = [provider.spec.key, arrival.messageId, rcpt];
      if (!chance(complaintRateOf(world, rcpt) * factor, world.seed, 'complaint', ...key)) continue;
      const hours = complaintHours(world, clock.days(), key);
      const complaint = { ...arrival, rcpt, arrivedAt: clock.now() };
      this.#later(clock.msOfHours(hours), () => this.#complain(provider, complaint));
    }
  }

  /** Drops what has not been said yet. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const client of this.#clients.values()) client.close();
    await Promise.all(this.#sending.values());
  }

  #complain(provider: Provider, complaint: Complaint & Pick<Arrival, 'authorDomain'>): void {
    const { clock, record } = this.#options;
    provider.complain(complaint.sourceIp, complaint.mailFrom, complaint.authorDomain);
    const { key } = provider.spec;
    const lost = this.#options.schedule.at(key, 'feed-gap').some((one) => one.afterwards === 'lost');
    const reported = provider.spec.fbl && this.#options.target !== undefined && !lost;
    const { sourceIp, rcpt, messageId } = complaint;
    record({
      kind: 'complaint',
      t: clock.now(),
      day: clock.days(),
      provider: key,
      sourceIp,
      rcpt,
      messageId,
      reported,
    });
    if (!reported) return;
    const before = this.#sending.get(key) ?? Promise.resolve();
    this.#sending.set(
      key,
      before.then(() => this.#report(provider, complaint)),
    );
  }

  async #report(provider: Provider, complaint: Complaint): Promise<void> {
    const { target, clock } = this.#options;
    if (!target) return;
    const { key } = provider.spec;
    await this.#feedIsOpen(key);
    const client = this.#clients.get(key) ?? new SmtpClient(target);
    this.#clients.set(key, client);
    const { envelopeFrom, message } = arfReport(provider.spec, complaint, target.rcpt, clock.now());
    while (!this.#stopping.signal.aborted) {
      const result = await client.send(envelopeFrom, target.rcpt, message);
      if (result.kind === 'answered' && (result.code < 400 || result.code >= 500)) return;
      await this.#sleep(RETRY_MS);
    }
  }

  /** Resolves when no gap keeps this provider's reports back, or the world ends. */
  async #feedIsOpen(key: string): Promise<void> {
    const { clock, schedule } = this.#options;
    while (!this.#stopping.signal.aborted && schedule.at(key, 'feed-gap').length > 0) {
      await this.#sleep(Math.max(SHORTEST_MS, clock.msOfHours(0.5)));
    }
  }

  #sleep(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}
