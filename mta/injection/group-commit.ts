/**
 * Group commit: messages that arrive while a commit is on its way share the next one. 250 is answered after it, so
 * every 250 is durable, and a commit's fsync is paid once for all of them.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import { type Spooled, type SpoolMessage, spool, spooledIn } from '../../store/spool.ts';

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
const DOUBT_MS = 15_000;

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
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
      });
    });
  }

  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    await sleep(LINGER_MS);
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, GROUP);
      try {
        const spooled = await this.#commit(group.map((waiting) => waiting.message));
        group.forEach((waiting, n) => {
          const row = spooled[n];
          if (row === undefined) waiting.reject(new Error('the spool returned fewer rows than messages'));
          else waiting.resolve(row);
        });
      } catch (error) {
        for (const waiting of group) waiting.reject(error as Error);
      }
    }
  }

  /** A failed commit may have happened: ask by its batch id before anybody is told to send the mail again. */
  async #commit(messages: readonly SpoolMessage[]): Promise<Spooled[]> {
    const batch = randomUUID();
    try {
      return await spool(this.#store, messages, batch);
    } catch (failed) {
      const until = performance.now() + DOUBT_MS;
      for (;;) {
        await sleep(200);
        try {
          const found = await spooledIn(this.#store, batch);
          if (found.length > 0) return found;
          return await spool(this.#store, messages, batch);
        } catch {
          if (performance.now() > until) throw failed;
        }
      }
    }
  }
}
