/**
 * Slows and limits password guessing. Counted in this process alone, which allows its part of the limit: whoever tries at
 * every process has as many tries as one would give, and no sign-in waits for the store.
 *
 * Two counts, because each alone can be turned against us: by (address, user), so that one misconfigured application
 * does not lock out the others behind its address; by address, so that nobody tries one password on every user. There
 * is none by user alone: anybody could lock out anybody.
 */
import { networkOf } from './client-network.ts';

export const SIGN_IN_LIMITS = {
  /** ms failures are remembered. */
  window: 600_000,
  perUser: 10,
  perAddress: 100,
  /** ms before the answer to the first failure; doubles with each. */
  firstDelay: 250,
  longestDelay: 5_000,
  /** Pairs and addresses remembered. */
  remembered: 20_000,
} as const;

const LEAST = 3;

interface Count {
  failures: number;
  since: number;
}

export class FailedSignIns {
  readonly #now: () => number;
  readonly #processes: () => number;
  readonly #counts = new Map<string, Count>();

  /** `now`: ms of a clock that never goes back. `processes`: living ones that take sign-ins. */
  constructor(now: () => number, processes: () => number = () => 1) {
    this.#now = now;
    this.#processes = processes;
  }

  /** ms until this address may try this user again; 0: now. */
  blockedFor(address: string, user: string): number {
    const [pair, own] = keys(address, user);
    return Math.max(this.#left(pair, SIGN_IN_LIMITS.perUser), this.#left(own, SIGN_IN_LIMITS.perAddress));
  }

  /** Notes a failure; returns ms to wait before it is answered. */
  failed(address: string, user: string): number {
    const [pair, own] = keys(address, user);
    this.#add(own);
    const { firstDelay, longestDelay } = SIGN_IN_LIMITS;
    return Math.min(longestDelay, firstDelay * 2 ** (this.#add(pair) - 1));
  }

  #left(key: string, limit: number): number {
    const count = this.#counts.get(key);
    // A few each in any case: people mistype.
    const part = Math.max(LEAST, Math.ceil(limit / this.#processes()));
    if (count === undefined || count.failures < Math.min(limit, part)) return 0;
    return Math.max(0, count.since + SIGN_IN_LIMITS.window - this.#now());
  }

  #add(key: string): number {
    const now = this.#now();
    const known = this.#counts.get(key);
    const fresh = known === undefined || now - known.since >= SIGN_IN_LIMITS.window;
    const count = fresh ? { failures: 1, since: now } : { failures: known.failures + 1, since: known.since };
    // Taken out and put in again: the map's order is that of the last failure, its first entry the oldest.
    this.#counts.delete(key);
    this.#counts.set(key, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > SIGN_IN_LIMITS.remembered && oldest !== undefined) this.#counts.delete(oldest);
    return count.failures;
  }
}

function keys(address: string, user: string): [pair: string, own: string] {
  const network = networkOf(address);
  return [`${network} ${user.slice(0, 200)}`, network];
}
