/**
 * Group commit: messages that arrive while a commit is on its way share the next one. 250 is answered after it, so
 * every 250 is durable, and a commit's fsync is paid once for all of them.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import { type Spooled, type SpoolMessage, spool, spoolOnce } from '../../store/spool.ts';
import { RefusedMessage } from './message.ts';

interface Waiting {
  readonly message: SpoolMessage;
  readonly resolve: (spooled: Spooled) => void;
  readonly reject: (error: Error) => void;
}

/** Messages that may wait for a commit: beyond it new mail gets 451, never an unbounded buffer. */
const HIGH_WATER = 2_000;
const GROUP = 200;
const LINGER_MS = 2;
/** How long a commit whose answer was lost is asked for before the client is told to try again. */
const DOUBT_MS = 100_000;

export class SpoolBusy extends Error {
  readonly code = 'spool-busy';
}

export class GroupCommit {
  readonly #store: Store;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves when the message is durable. Rejects with SpoolBusy at the high-water mark. */
  submit(message: SpoolMessage): Promise<Spooled> {
    if (this.#waiting.length >= HIGH_WATER)
      return Promise.reject(new SpoolBusy(`${HIGH_WATER} messages wait for a commit`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    await sleep(LINGER_MS);
    while (this.#waiting.length > 0) await this.#settle(this.#waiting.splice(0, GROUP));
    // In the same turn as the last look: what comes later must find that nobody runs.
    this.#running = undefined;
  }

  async #settle(group: readonly Waiting[]): Promise<void> {
    try {
      const spooled = await this.#commit(group.map((waiting) => waiting.message));
      group.forEach((waiting, n) => {
        const row = spooled[n];
        if (row === undefined) waiting.reject(new Error('the spool returned fewer rows than messages'));
        else waiting.resolve(row);
      });
    } catch (error) {
      if (!isRefusal(error)) for (const waiting of group) waiting.reject(error as Error);
      // One message the store can not hold must not cost the others their commit.
      else if (group.length > 1) for (const waiting of group) await this.#settle([waiting]);
      else
        group[0]?.reject(new RefusedMessage(554, '5.6.0 The message has a header or address that can not be stored'));
    }
  }

  /** A failed commit may have happened: ask by its batch id before anybody is told to send the mail again. */
  async #commit(messages: readonly SpoolMessage[]): Promise<Spooled[]> {
    const batch = randomUUID();
    const until = performance.now() + DOUBT_MS;
    try {
      return await spool(this.#store, messages, batch);
    } catch (failed) {
      for (let error = failed; ; ) {
        if (isRefusal(error) || performance.now() > until) throw error;
        await sleep(200);
        try {
          return await spoolOnce(this.#store, messages, batch);
        } catch (again) {
          error = again;
        }
      }
    }
  }
}

/** The data itself was refused (SQLSTATE class 22, 23 or 54): nothing was stored, and trying again changes nothing. */
function isRefusal(error: unknown): boolean {
  return /^(22|23|54)...$/.test(String((error as { code?: unknown }).code));
}
