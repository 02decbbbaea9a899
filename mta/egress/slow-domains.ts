/**
 * Domains that hold a lane's connections. The lanes of `other` carry the mail of thousands of domains, and one of them that
 * answers nothing for minutes (or a tarpit, or somebody who subscribed to do just that) must not take every connection and
 * make all the others wait. So a domain that is not known to be quick has at most half of them, and those known to be slow
 * have half of them together. A provider's own lanes are for that provider alone: there is nobody to protect.
 */

/** A transaction that takes this long, connecting included, is slow. RFC 5321 §4.5.3.2 lets it take many minutes. */
const SLOW_MS = 10_000;
/** How long a domain is known as quick or slow. */
const KNOWN_MS = 60_000;
const MOMENT_MS = 500;
/** Slow domains share their half: one name for all of them, that no domain has. */
const SLOW_ONES = '';

interface Domain {
  /** When the transactions under way began, ms. */
  readonly begun: number[];
  quickUntil: number;
  slowUntil: number;
}

export class SlowDomains {
  readonly #domains = new Map<string, Domain>();

  begin(name: string, now: number): void {
    const known = this.#domains.get(name);
    if (known === undefined) this.#domains.set(name, { begun: [now], quickUntil: 0, slowUntil: 0 });
    else known.begun.push(now);
  }

  /** What began at `at` never became a transaction. */
  forget(name: string, at: number): void {
    const begun = this.#domains.get(name)?.begun;
    const index = begun?.indexOf(at) ?? -1;
    if (index >= 0) begun?.splice(index, 1);
  }

  /** The transaction that began at `at` is over. */
  end(name: string, at: number, now: number): void {
    const domain = this.#domains.get(name);
    if (domain === undefined) return;
    this.forget(name, at);
    if (now - at > SLOW_MS) domain.slowUntil = now + KNOWN_MS;
    else domain.quickUntil = now + KNOWN_MS;
  }

  /** May this domain not hold one more of a lane's `connections` now? `more`: messages that will begin before, its own or of all slow domains. */
  full(name: string, connections: number, now: number, more = 0): boolean {
    const domain = this.#domains.get(name);
    if (domain !== undefined && domain.quickUntil > now && !isSlow(domain, now)) return false;
    const half = Math.max(1, Math.floor(connections / 2));
    if (domain === undefined || !isSlow(domain, now)) return (domain?.begun.length ?? 0) + more >= half;
    let held = more;
    for (const one of this.#domains.values()) if (isSlow(one, now)) held += one.begun.length;
    return held >= half;
  }

  /**
   * Until when (ms) mail of a domain that is full is put off, so that mail behind it passes; 0: not at all. A host that is only
   * not known yet answers in a moment, and its mail keeps its place.
   */
  restsUntil(name: string, connections: number, now: number): number {
    const [oldest] = this.#domains.get(name)?.begun ?? [];
    if (oldest === undefined || now - oldest < MOMENT_MS || !this.full(name, connections, now)) return 0;
    return now + Math.min(SLOW_MS, now - oldest);
  }

  /** Of these messages, those that may begin together. */
  fit<M extends { readonly domain: string }>(mails: readonly M[], connections: number, now: number): M[] {
    const chosen = new Map<string, number>();
    return mails.filter(({ domain }) => {
      const known = this.#domains.get(domain);
      const sharing = known !== undefined && isSlow(known, now) ? SLOW_ONES : domain;
      const more = chosen.get(sharing) ?? 0;
      if (this.full(domain, connections, now, more)) return false;
      chosen.set(sharing, more + 1);
      return true;
    });
  }

  /** Forgets domains with nothing under way that were neither quick nor slow lately. */
  forgetOld(now: number): void {
    for (const [name, { begun, quickUntil, slowUntil }] of this.#domains)
      if (begun.length === 0 && Math.max(quickUntil, slowUntil) <= now) this.#domains.delete(name);
  }
}

function isSlow({ begun, slowUntil }: Domain, now: number): boolean {
  const [oldest] = begun;
  return slowUntil > now || (oldest !== undefined && now - oldest > SLOW_MS);
}
