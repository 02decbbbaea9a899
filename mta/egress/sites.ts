/**
 * Which MX sites of a lane do not answer now. A site that can not be reached rests, and its mail with it; then one
 * connection tries before others follow, so that a site which comes back is not met by everything that waited.
 */
interface Site {
  failures: number;
  failedAt: number;
  until: number;
  /** One connection tries until then at the latest. */
  triedUntil: number;
  /** When its last answer about our reputation was counted. */
  judgedAt: number;
  /** What failed last, for people. */
  why: string;
}

const FIRST_MS = 500;
const MOST_MS = 60_000;
/** The one that tries has this long before another may. */
const CANARY_MS = 35_000;
/** Sites that recovered without us are forgotten. */
const FORGET_MS = 10 * MOST_MS;

export class Sites {
  readonly #sites = new Map<string, Site>();

  /** Until when (ms) a site rests; 0: it may be tried. */
  restsUntil(hosts: readonly string[], now: number): number {
    const site = this.#sites.get(key(hosts));
    if (site === undefined) return 0;
    if (site.until > now) return site.until;
    // What the one that tries will find is known soon: others ask again then, not at the end of its patience.
    return site.triedUntil > now ? now + FIRST_MS : 0;
  }

  /** What a site that rests said last; null: nothing is known against it. */
  why(hosts: readonly string[]): string | null {
    return this.#sites.get(key(hosts))?.why ?? null;
  }

  /** Called before a connection is opened: of a site that failed, only this one tries now. */
  trying(hosts: readonly string[], now: number): void {
    const site = this.#sites.get(key(hosts));
    if (site !== undefined) site.triedUntil = now + CANARY_MS;
  }

  opened(hosts: readonly string[]): void {
    this.#sites.delete(key(hosts));
  }

  /**
   * Returns when the site may be tried again. Connections that were opened together fail once. `leastMs`: how long it rests
   * at the least. `why`: what it said, for people.
   */
  failed(hosts: readonly string[], now: number, leastMs = 0, why = 'its MX hosts do not answer'): number {
    const last = this.#sites.get(key(hosts));
    if (last !== undefined && now - last.failedAt < FIRST_MS) return last.until;
    const failures = (last?.failures ?? 0) + 1;
    const until = now + Math.max(leastMs, Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 7)));
    this.#sites.set(key(hosts), { failures, failedAt: now, until, triedUntil: 0, judgedAt: last?.judgedAt ?? 0, why });
    return until;
  }

  /**
   * Called after `failed` for an answer about our reputation: does it count? One does for all connections that were opened
   * together, and at most one every `everyMs`.
   */
  judged(hosts: readonly string[], now: number, everyMs: number): boolean {
    const site = this.#sites.get(key(hosts));
    if (site === undefined || site.failedAt !== now || now - site.judgedAt < everyMs) return false;
    if (site.judgedAt === now) return false;
    site.judgedAt = now;
    return true;
  }

  forgetOld(now: number): void {
    for (const [name, site] of this.#sites) if (now - site.until > FORGET_MS) this.#sites.delete(name);
  }
}

/** Equal preferences are shuffled at each look-up: the same site all the same. */
function key(hosts: readonly string[]): string {
  return hosts.length === 1 ? (hosts[0] ?? '') : hosts.toSorted().join(' ');
}
