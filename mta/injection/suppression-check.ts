/**
 * Asks whether recipients are on the suppression list, before their mail is taken. RCPT commands of many connections
 * share one query: those that come while one is under way are asked about together.
 */
import { RefusedMessage } from './refusal.ts';

export interface SuppressionScope {
  /** '' where it is not known yet; then only entries that stop mail of every pool (tenant) count. */
  readonly pool: string;
  readonly tenant: string;
  /** 'transactional' is stopped by entries for all streams alone. */
  readonly stream: 'marketing' | 'transactional';
}

export interface Suppressed {
  readonly reason: string;
  readonly since: Date;
}

/** Those of the recipients that are suppressed, by recipient as given. */
export type SuppressedPort = (
  recipients: readonly string[],
  scope: SuppressionScope,
) => Promise<ReadonlyMap<string, Suppressed>>;

interface Asked {
  readonly recipient: string;
  readonly resolve: (found: Suppressed | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Recipients of one query. */
const MOST_AT_ONCE = 500;

export class SuppressionCheck {
  readonly #port: SuppressedPort | undefined;
  readonly #asked = new Map<string, Asked[]>();

  constructor(port: SuppressedPort | undefined) {
    this.#port = port;
  }

  /**
   * At RCPT the header has not come yet: only what stops all mail to the recipient through `pool` ('': through any) can
   * be known. Resolves with the entry, or undefined.
   */
  async recipient(recipient: string, pool: string): Promise<Suppressed | undefined> {
    if (this.#port === undefined) return undefined;
    return new Promise((resolve, reject) => {
      const waiting = this.#asked.get(pool);
      if (waiting !== undefined) waiting.push({ recipient, resolve, reject });
      else {
        const first = [{ recipient, resolve, reject }];
        this.#asked.set(pool, first);
        void this.#ask(pool, first);
      }
    });
  }

  /** The same for all recipients of a message whose header is known. */
  async message(recipients: readonly string[], scope: SuppressionScope): Promise<ReadonlyMap<string, Suppressed>> {
    return this.#port === undefined ? new Map() : this.#port(recipients, scope);
  }

  async #ask(pool: string, waiting: Asked[]): Promise<void> {
    const port = this.#port;
    while (port !== undefined && waiting.length > 0) {
      const asked = waiting.splice(0, MOST_AT_ONCE);
      try {
        const recipients = [...new Set(asked.map((one) => one.recipient))];
        const found = await port(recipients, { pool, tenant: '', stream: 'transactional' });
        for (const one of asked) one.resolve(found.get(one.recipient));
      } catch (error) {
        for (const one of asked) one.reject(error);
      }
    }
    // In the same turn as the last look: what comes later must find that nobody asks.
    this.#asked.delete(pool);
  }
}

/** How a refusal of a suppressed recipient reads. */
export function suppressedText(recipient: string, entry: Suppressed): string {
  const since = entry.since.toISOString().slice(0, 10);
  return `${recipient} is on the suppression list (${entry.reason}, since ${since})`;
}

export function refuseSuppressed(recipient: string, entry: Suppressed): RefusedMessage {
  const text = suppressedText(recipient, entry).replace(/[^ -~]/g, '?');
  return new RefusedMessage(550, `5.7.1 ${text.slice(0, 400)}`);
}
