/**
 * Whether a lease stands still. That it is long over by the store's clock says little: when that clock is set forward, all
 * leases are over at once, and every process would take the others, in the midst of their mail, for dead.
 */

/** A living process renews once a second; it may be late by the length of its lease. */
const STILL_MS = 5_000;

interface Seen {
  readonly until: number;
  /** Monotonic ms of the first look that found it so. */
  readonly since: number;
}

export class LeaseWatch {
  readonly #now: () => number;
  #seen = new Map<string, Seen>();

  /** `now`: monotonic ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** One look at all leases (`until`: ms by the store's clock); returns the processes whose lease has not moved for a while. */
  still(leases: readonly { readonly id: string; readonly until: number }[]): ReadonlySet<string> {
    const now = this.#now();
    const seen = new Map<string, Seen>();
    const still = new Set<string>();
    for (const { id, until } of leases) {
      const before = this.#seen.get(id);
      const since = before?.until === until ? before.since : now;
      seen.set(id, { until, since });
      if (now - since >= STILL_MS) still.add(id);
    }
    this.#seen = seen;
    return still;
  }
}
