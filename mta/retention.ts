/**
 * Forgets finished mail that is older than its retention, a page at a time between other work: at ten million messages a
 * day about 120 a second have to go, a page a second takes several times that, and none of it waits for a big delete.
 */
import type { Store } from '../store/connect.ts';
import {
  dropOldLegacyEvents,
  dropOldMessages,
  dropOldReports,
  dropOldRollups,
  dropOldWords,
  type RollupPosition,
} from '../store/retention.ts';
import { dropOldCutovers } from '../store/retention-cutovers.ts';

/** Days finished mail is kept. Plans, evidence and volumes look back 30 days at most. */
export const KEEP_DAYS = 45;

const PAGE = 1_000;
/** Nothing was old enough: looked at again after this. */
const REST_MS = 600_000;
/** What was passed over because something needed it is looked at again after this. */
const ROUND_MS = 86_400_000;

export interface RetentionParts {
  readonly store: Store;
  readonly days: number;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

export class Retention {
  readonly #parts: RetentionParts;
  #message = 0;
  #legacy = 0;
  #rollup: RollupPosition = null;
  #restsUntil = Number.NEGATIVE_INFINITY;
  #roundBegan: number;
  #dropped = 0;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#roundBegan = parts.now();
  }

  /** A page of each table, unless it rests. Returns how many rows went. Safe to run in any number of processes. */
  async step(): Promise<number> {
    const { store, days, now, log } = this.#parts;
    if (now() < this.#restsUntil) return 0;
    const messages = await dropOldMessages(store, days, this.#message, PAGE);
    const rollups = await dropOldRollups(store, days, this.#rollup, PAGE);
    const legacy = await dropOldLegacyEvents(store, days, this.#legacy, PAGE);
    if (messages !== null) this.#message = messages.last;
    if (legacy !== null) this.#legacy = legacy.last;
    if (rollups !== null) this.#rollup = rollups.last;
    const dropped = (messages?.dropped ?? 0) + (rollups?.dropped ?? 0) + (legacy?.dropped ?? 0);
    this.#dropped += dropped;
    if (messages?.done === false || rollups?.done === false || legacy?.done === false) return dropped;
    let reports = 0;
    for (const drop of [dropOldReports, dropOldWords, dropOldCutovers]) reports += (await drop(store, days, PAGE)) ?? 0;
    if (this.#dropped > 0) log('old-mail-dropped', { rows: this.#dropped + reports, days });
    this.#dropped = 0;
    this.#restsUntil = now() + REST_MS;
    if (now() - this.#roundBegan > ROUND_MS) {
      this.#roundBegan = now();
      this.#message = 0;
      this.#legacy = 0;
      this.#rollup = null;
    }
    return dropped + reports;
  }
}
