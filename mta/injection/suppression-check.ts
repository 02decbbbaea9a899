/**
 * Asks whether recipients are on the suppression list, before their mail is taken. RCPT commands and messages of many
 * connections share one query: those that come within some milliseconds are asked about together.
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
/** Scopes whose last query is remembered. */
const MOST_SCOPES = 10_000;
/**
 * A question is asked at once, and the next one this long after it, with all that came meanwhile: a query for each message
 * of a busy hour would cost as much as storing it, and a quiet client should not wait.
 */
const APART_MS = 6;

interface Asking {
  waiting: Asked[];
  /** Monotonic ms of the last query. */
  askedAt: number;
  due: boolean;
}

export class SuppressionCheck {
  readonly #port: SuppressedPort | undefined;
  readonly #scopes = new Map<string, Asking>();

  constructor(port: SuppressedPort | undefined) {
    this.#port = port;
  }

  /**
   * At RCPT the header has not come yet: only what stops all mail to the recipient through `pool` ('': through any) can
   * be known. Resolves with the entry, or undefined.
   */
  recipient(recipient: string, pool: string): Promise<Suppressed | undefined> {
    return this.#one(recipient, { pool, tenant: '', stream: 'transactional' });
  }

  /** The same for all recipients of a message whose header is known. */
  async message(recipients: readonly string[], scope: SuppressionScope): Promise<ReadonlyMap<string, Suppressed>> {
    const found = await Promise.all(recipients.map((recipient) => this.#one(recipient, scope)));
    return new Map(
      recipients.flatMap((recipient, n) => {
        const entry = found[n];
        return entry === undefined ? [] : [[recipient, entry] as const];
      }),
    );
  }

  #one(recipient: string, scope: SuppressionScope): Promise<Suppressed | undefined> {
    const port = this.#port;
    if (port === undefined) return Promise.resolve(undefined);
    const key = `${scope.stream} ${scope.pool} ${scope.tenant}`;
    const asking = this.#scopes.get(key) ?? { waiting: [], askedAt: Number.NEGATIVE_INFINITY, due: false };
    this.#scopes.set(key, asking);
    return new Promise((resolve, reject) => {
      asking.waiting.push({ recipient, resolve, reject });
      if (asking.due) return;
      asking.due = true;
      const left = asking.askedAt + APART_MS - performance.now();
      if (left <= 0) void this.#ask(port, asking, scope);
      else setTimeout(() => void this.#ask(port, asking, scope), left);
    });
  }

  async #ask(port: SuppressedPort, asking: Asking, scope: SuppressionScope): Promise<void> {
    // What came in the same turn comes along.
    await Promise.resolve();
    const { waiting } = asking;
    asking.waiting = [];
    asking.due = false;
    asking.askedAt = performance.now();
    if (this.#scopes.size > MOST_SCOPES) this.#scopes.clear();
    for (let at = 0; at < waiting.length; at += MOST_AT_ONCE) {
      const asked = waiting.slice(at, at + MOST_AT_ONCE);
      try {
        const found = await port([...new Set(asked.map((one) => one.recipient))], scope);
        for (const one of asked) one.resolve(found.get(one.recipient));
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
