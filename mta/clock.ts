/**
 * What time it is for the MTA: the store's, carried on by this machine's monotonic clock. Windows, grants, holds and due
 * times are kept in the store's time by many processes; a machine whose own clock is wrong, or is set in mid-run, must
 * not see another day than the others. Every renewal of the lease brings the store's time anew.
 */

interface Reading {
  /** Store's time less monotonic time, ms. */
  readonly offset: number;
  /** How far off it may be, ms, and when (monotonic) that was so. */
  readonly error: number;
  readonly at: number;
}

/** A monotonic clock may run this much faster or slower than the store's. */
const DRIFT = 1e-4;

let best: Reading | undefined;

/** ms since 1970. Before the first answer of the store: this machine's own time. */
export function now(): number {
  return best === undefined ? Date.now() : best.offset + performance.now();
}

/**
 * The store said that it was `time` (ms since 1970) at some moment between two monotonic instants. Kept is the reading with
 * the smallest error; one that contradicts it means that the store's own clock was set, and replaces it.
 */
export function followStore(time: number, asked: number, answered: number): void {
  best = better(best, { offset: time - (asked + answered) / 2, error: (answered - asked) / 2, at: answered });
}

/** The reading to go on with. Pure. */
export function better(known: Reading | undefined, fresh: Reading): Reading {
  if (known === undefined) return fresh;
  const error = known.error + DRIFT * (fresh.at - known.at);
  const contradicts = Math.abs(fresh.offset - known.offset) > error + fresh.error;
  return fresh.error <= error || contradicts ? fresh : known;
}
