/** Readers who press "spam": some plan hours after delivery the provider notes it, and reports it if it has a feedback loop. */
import { setTimeout as sleep } from 'node:timers/promises';
import { arfReport, type Complaint } from './arf.ts';
import type { LabClock } from './clock.ts';
import type { Provider } from './provider.ts';
import type { Arrival } from './provider-server.ts';
import { chance, draw } from './random.ts';
import type { EventLine } from './records.ts';
import { SmtpClient } from './smtp-client.ts';

const FIRST_HOUR = 1;
const LAST_HOUR = 12;
const RETRY_MS = 500;

/** Where reports go: `host:port/recipient`. */
export interface ReportTarget {
  readonly host: string;
  readonly port: number;
  readonly rcpt: string;
}

export interface ComplaintsOptions {
  readonly seed: number;
  /** Per message shown in an inbox. */
  readonly rate: number;
  readonly clock: LabClock;
  readonly target: ReportTarget | undefined;
  readonly record: (line: EventLine) => void;
}

export class Complaints {
  readonly #options: ComplaintsOptions;
  readonly #client: SmtpClient | null;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Reports go out one after another: a feedback loop is a trickle. */
  #sending: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ComplaintsOptions) {
    this.#options = options;
    this.#client = options.target ? new SmtpClient(options.target) : null;
  }

  /** Decides for each recipient of a message whether a complaint will come. Nobody complains of what lies in junk. */
  consider(provider: Provider, arrival: Arrival): void {
    if (arrival.placement !== 'inbox') return;
    const { seed, rate, clock } = this.#options;
    for (const rcpt of arrival.rcpts) {
      const key = [provider.spec.key, arrival.messageId, rcpt];
      if (!chance(rate, seed, 'complaint', ...key)) continue;
      const hours = FIRST_HOUR + draw(seed, 'complaint-delay', ...key) * (LAST_HOUR - FIRST_HOUR);
      const complaint = { ...arrival, rcpt, arrivedAt: clock.now() };
      this.#later(clock.msOfHours(hours), () => this.#complain(provider, complaint));
    }
  }

  /** Drops what has not been said yet. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#client?.close();
    await this.#sending;
  }

  #complain(provider: Provider, complaint: Complaint & Pick<Arrival, 'authorDomain'>): void {
    const { clock, record } = this.#options;
    provider.complain(complaint.sourceIp, complaint.mailFrom, complaint.authorDomain);
    const reported = provider.spec.fbl && this.#client !== null;
    const { sourceIp, rcpt, messageId } = complaint;
    const { key } = provider.spec;
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
    if (reported) this.#sending = this.#sending.then(() => this.#report(provider, complaint));
  }

  async #report(provider: Provider, complaint: Complaint): Promise<void> {
    const { target, clock } = this.#options;
    if (!target || !this.#client) return;
    const { envelopeFrom, message } = arfReport(provider.spec, complaint, target.rcpt, clock.now());
    while (!this.#stopped) {
      const result = await this.#client.send(envelopeFrom, target.rcpt, message);
      if (result.kind === 'answered' && (result.code < 400 || result.code >= 500)) return;
      if (!this.#stopped) await sleep(RETRY_MS);
    }
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}
