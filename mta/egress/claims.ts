/**
 * The messages this process has claimed. A claim whose answer was lost, or that could not be handed back while the store
 * was away, is in the table but in nobody's hands: it is found here and let go, or it would wait for this process's end.
 */

import { type ClaimQuery, claim, type Flow, flowsOf, releaseUnknown, type Taken, unclaim } from '../../store/claims.ts';
import { onClient, type Store } from '../../store/connect.ts';
import { placeMail } from '../../store/split-moves.ts';
import type { Place } from '../arms/arms.ts';
import * as clock from '../clock.ts';
import { passSuppression } from '../suppression/gate.ts';

/** A statement of ours may still run on the server this long after its connection broke. */
const SETTLED_MS = 5_000;

/** Mail comes back to be returned to an old arm: looked at again after this, if nobody was faster (mta/arms/mover.ts). */
const RETURNED_MS = 2_000;

/** Whose mail is in the wrong arm of a cutover. */
export interface ArmGate {
  elsewhere(message: Taken): Place | null;
  /** These were placed elsewhere. */
  placed(moved: readonly { readonly message: Taken; readonly place: Place }[]): void;
}

const OPEN: ArmGate = { elsewhere: () => null, placed: () => {} };

export interface ClaimedMail {
  /** Every row that was claimed. */
  readonly claimed: readonly Taken[];
  /** Those that may be sent: in this process's hands. */
  readonly messages: Taken[];
}

export class Claims {
  readonly #store: Store;
  readonly #process: string;
  readonly #gate: ArmGate;
  readonly #held = new Set<number>();
  #asking = 0;
  /** A row may be claimed in the table and in nobody's hands: the last failure, monotonic ms. */
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(store: Store, process: string, gate: ArmGate = OPEN) {
    this.#store = store;
    this.#process = process;
    this.#gate = gate;
  }

  async claim(query: Omit<ClaimQuery, 'process'>): Promise<ClaimedMail> {
    this.#asking += 1;
    try {
      const claimed = await claim(this.#store, { ...query, process: this.#process });
      // Where this fails, the rows stay in nobody's hands and are let go: what was not checked is not sent.
      const here = await this.#passArms(claimed);
      const messages = await passSuppression(this.#store, this.#process, here);
      for (const message of messages) this.#held.add(message.id);
      return { claimed, messages };
    } catch (error) {
      this.#failedAt = performance.now();
      throw error;
    } finally {
      this.#asking -= 1;
    }
  }

  /** Gives what belongs to another arm to it; returns the rest. */
  async #passArms(claimed: Taken[]): Promise<Taken[]> {
    const moved = claimed.flatMap((message) => {
      const place = this.#gate.elsewhere(message);
      return place === null ? [] : [{ message, place }];
    });
    if (moved.length === 0) return claimed;
    const due = clock.now() + RETURNED_MS;
    await placeMail(
      this.#store,
      this.#process,
      moved.map(({ message: { id, pool, provider, outside }, place }) =>
        // What goes back is paced by those who return it: it is only marked here.
        place.returns
          ? { ...place, id, pool, provider, outside: outside ?? 'moved', due, why: null }
          : { ...place, id, due: null, why: null },
      ),
    );
    this.#gate.placed(moved);
    const gone = new Set(moved.map(({ message }) => message));
    return claimed.filter((message) => !gone.has(message));
  }

  get process(): string {
    return this.#process;
  }

  /** Runs a commit that claims rows for this process; what it brings is adopted before anybody looks for lost ones. */
  async committing<T>(work: () => Promise<T>, adopt: (result: T) => readonly number[]): Promise<T> {
    this.#asking += 1;
    try {
      const result = await work();
      for (const id of adopt(result)) this.#held.add(id);
      return result;
    } catch (error) {
      this.#failedAt = performance.now();
      throw error;
    } finally {
      this.#asking -= 1;
    }
  }

  flows(pool: string, provider: string, limit: number): Promise<Flow[]> {
    return flowsOf(this.#store, pool, provider, limit);
  }

  /** The message was finished, or put back by its outcome. */
  done(id: number): void {
    this.#held.delete(id);
  }

  /** Hands messages back unsent. `why` and `due` are what a person sees, and when they are looked at again. */
  async handBack(ids: readonly number[], why: string | null, due: number | null = null): Promise<void> {
    try {
      await unclaim(this.#store, ids, this.#process, why, due);
    } catch (error) {
      this.#failedAt = performance.now();
      throw error;
    } finally {
      for (const id of ids) this.#held.delete(id);
    }
  }

  /**
   * Lets go of rows that are claimed by this process and in nobody's hands. Returns how many. Looked for only after
   * something failed: in peace there are none, and looking steps over every row this process finished since.
   */
  async releaseUnknown(settledMs: number = SETTLED_MS): Promise<number> {
    // An answer on its way brings messages that are not in the set yet.
    if (this.#asking > 0) return 0;
    const since = performance.now() - this.#failedAt;
    if (settledMs > 0 && since > 4 * SETTLED_MS) return 0;
    // The connection first, then the list: a store that is away would be told minutes later of what was in hand now, and
    // let go of messages that are being sent.
    return onClient(this.#store, async (client) =>
      this.#asking > 0 ? 0 : releaseUnknown(client, this.#process, [...this.#held], settledMs),
    );
  }
}
