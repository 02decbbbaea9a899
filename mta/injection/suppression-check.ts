/**
 * Asks whether recipients are on the suppression list, before their mail is taken. RCPT commands and messages of many
 * connections share one query: those that come within some milliseconds are asked about together. A recipient is asked for
 * once: what RCPT brought is all that is known of it, and its message comes a moment later.
 */
import { type SuppressibleMail, type SuppressionReach, stops } from '../../policy/suppression.ts';
import { RefusedMessage } from './refusal.ts';

export interface Suppressed {
  readonly reason: string;
  readonly since: Date;
}

type Entries = readonly (Suppressed & SuppressionReach)[];

/** Every live entry of each recipient, by recipient as given, those that stop most first; who has none is left out. */
export type SuppressedPort = (recipients: readonly string[]) => Promise<ReadonlyMap<string, Entries>>;

interface Asked {
  readonly recipient: string;
  readonly resolve: (found: Entries) => void;
  readonly reject: (error: unknown) => void;
}

/** Recipients of one query. */
const MOST_AT_ONCE = 500;
/**
 * A question is asked at once, and the next one this long after it, with all that came meanwhile: a query for each message
 * of a busy hour would cost as much as storing it, and a quiet client should not wait.
 */
const APART_MS = 20;
/** How long an answer holds (ms). What is suppressed later is found by the checks at the commit and before each attempt. */
const HOLDS_MS = 5_000;
const MOST_REMEMBERED = 20_000;

export class SuppressionCheck {
  readonly #port: SuppressedPort | undefined;
  readonly #now: () => number;
  #waiting: Asked[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;
  #due = false;
  readonly #remembered = new Map<string, { readonly entries: Entries; readonly at: number }>();

  /** `now`: monotonic ms. */
  constructor(port: SuppressedPort | undefined, now: () => number = () => performance.now()) {
    this.#port = port;
    this.#now = now;
  }

  /**
   * At RCPT the header has not come yet: only what stops all mail to the recipient through `pool` ('': through any) can
   * be known. Resolves with the entry, or undefined.
   */
  async recipient(recipient: string, pool: string): Promise<Suppressed | undefined> {
    if (this.#port === undefined) return undefined;
    const entries = await this.#ask(recipient);
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(recipient, { entries, at: this.#now() });
    return entries.find((entry) => stops(entry, { pool, tenant: '', stream: 'transactional' }));
  }

  /** The same for all recipients of a message whose header is known. */
  async message(recipients: readonly string[], mail: SuppressibleMail): Promise<ReadonlyMap<string, Suppressed>> {
    if (this.#port === undefined) return new Map();
    const found = await Promise.all(recipients.map((recipient) => this.#known(recipient) ?? this.#ask(recipient)));
    return new Map(
      recipients.flatMap((recipient, n) => {
        const entry = found[n]?.find((one) => stops(one, mail));
        return entry === undefined ? [] : [[recipient, entry] as const];
      }),
    );
  }

  #known(recipient: string): Entries | undefined {
    const known = this.#remembered.get(recipient);
    return known !== undefined && this.#now() - known.at < HOLDS_MS ? known.entries : undefined;
  }

  #ask(recipient: string): Promise<Entries> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ recipient, resolve, reject });
      if (this.#due) return;
      this.#due = true;
      const left = this.#askedAt + APART_MS - performance.now();
      if (left <= 0) void this.#askAll();
      else setTimeout(() => void this.#askAll(), left);
    });
  }

  async #askAll(): Promise<void> {
    // What came in the same turn comes along.
    await Promise.resolve();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#due = false;
    this.#askedAt = performance.now();
    for (let at = 0; at < waiting.length; at += MOST_AT_ONCE) {
      const asked = waiting.slice(at, at + MOST_AT_ONCE);
      try {
        const found = await this.#port?.([...new Set(asked.map((one) => one.recipient))]);
        for (const one of asked) one.resolve(found?.get(one.recipient) ?? []);
      } catch (error) {
        for (const one of asked) one.reject(error);
      }
    }
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
