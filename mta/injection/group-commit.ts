/**
 * Group commit: messages that arrive while a commit is on its way share the next one. 250 is answered after it, so
 * every 250 is durable, and a commit's fsync is paid once for all of them.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import { type Spooled, type SpoolMessage, spoolGroup, spoolOnce } from '../../store/spool.ts';
import { RefusedMessage } from './message.ts';

interface Waiting {
  /** Committed together or not at all. */
  readonly messages: readonly SpoolMessage[];
  readonly resolve: (spooled: Spooled[]) => void;
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
  /** Messages in #waiting. */
  #count = 0;
  #running: Promise<void> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves when the message is durable. Rejects with SpoolBusy at the high-water mark. */
  async submit(message: SpoolMessage): Promise<Spooled> {
    const [spooled] = await this.submitAll([message]);
    if (spooled === undefined) throw new Error('the spool returned fewer rows than messages');
    return spooled;
  }

  /** The same for messages that belong together: one commit stores all of them, or none is stored. */
  submitAll(messages: readonly SpoolMessage[]): Promise<Spooled[]> {
    if (this.#count >= HIGH_WATER) return Promise.reject(new SpoolBusy(`${HIGH_WATER} messages wait for a commit`));
    return new Promise((resolve, reject) => {
      this.#count += messages.length;
      this.#waiting.push({ messages, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    await sleep(LINGER_MS);
    while (this.#waiting.length > 0) await this.#settle(this.#next());
    // In the same turn as the last look: what comes later must find that nobody runs.
    this.#running = undefined;
  }

  /** What fits a group; what belongs together is never divided, whatever its size. */
  #next(): Waiting[] {
    let messages = 0;
    let units = 0;
    for (const waiting of this.#waiting) {
      if (units > 0 && messages + waiting.messages.length > GROUP) break;
      messages += waiting.messages.length;
      units += 1;
    }
    this.#count -= messages;
    return this.#waiting.splice(0, units);
  }

  async #settle(group: readonly Waiting[]): Promise<void> {
    try {
      const spooled = await this.#commit(group.flatMap((waiting) => waiting.messages));
      let at = 0;
      for (const waiting of group) {
        const rows = spooled.slice(at, at + waiting.messages.length);
        at += waiting.messages.length;
        if (rows.length === waiting.messages.length) waiting.resolve(rows);
        else waiting.reject(new Error('the spool returned fewer rows than messages'));
      }
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
      return await spoolGroup(this.#store, messages, batch);
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
