/**
 * The messages this process has claimed. A claim whose answer was lost, or that could not be handed back while the store
 * was away, is in the table but in nobody's hands: it is found here and let go, or it would wait for this process's end.
 */
import type { Store } from '../../store/connect.ts';
import { type Claimed, type ClaimQuery, claim, releaseUnknown, unclaim } from '../../store/queue.ts';
import { passSuppression } from '../suppression/gate.ts';

/** A statement of ours may still run on the server this long after its connection broke. */
const SETTLED_MS = 5_000;

export class Claims {
  readonly #store: Store;
  readonly #process: string;
  readonly #held = new Set<number>();
  #asking = 0;

  constructor(store: Store, process: string) {
    this.#store = store;
    this.#process = process;
  }

  async claim(query: Omit<ClaimQuery, 'process'>): Promise<Claimed[]> {
    this.#asking += 1;
    try {
      const claimed = await claim(this.#store, { ...query, process: this.#process });
      // Where this fails, the rows stay in nobody's hands and are let go: what was not checked is not sent.
      const messages = await passSuppression(this.#store, this.#process, query.pool, claimed);
      for (const message of messages) this.#held.add(message.id);
      return messages;
    } finally {
      this.#asking -= 1;
    }
  }

  /** The message was finished, or put back by its outcome. */
  done(id: number): void {
    this.#held.delete(id);
  }

  /** Hands messages back unsent. `why` and `due` are what a person sees, and when they are looked at again. */
  async handBack(ids: readonly number[], why: string | null, due: number | null = null): Promise<void> {
    try {
      await unclaim(this.#store, ids, this.#process, why, due);
    } finally {
      for (const id of ids) this.#held.delete(id);
    }
  }

  /** Lets go of rows that are claimed by this process and in nobody's hands. Returns how many. */
  async releaseUnknown(settledMs: number = SETTLED_MS): Promise<number> {
    // An answer on its way brings messages that are not in the set yet.
    if (this.#asking > 0) return 0;
    return releaseUnknown(this.#store, this.#process, [...this.#held], settledMs);
  }
}
