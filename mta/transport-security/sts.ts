/**
 * The MTA-STS policy of each recipient domain (RFC 8461): remembered here for the message at hand, and in the store for every
 * process and the next start. A policy that was seen once holds until its max_age even if it can not be fetched any more:
 * else whoever can block a fetch could have mail sent in clear.
 */
import type { Queryable } from '../../store/connect.ts';
import { type StoredStsPolicy, storeStsPolicy, stsPolicyOf } from '../../store/sts.ts';
import { readStsPolicy, type StsPolicy, stsId } from './sts-policy.ts';

export interface StsParts {
  readonly db: Queryable;
  /** TXT records of a name, with seconds to live. Rejects if DNS did not answer. */
  readonly texts: (name: string) => Promise<{ readonly texts: readonly string[]; readonly ttl: number }>;
  /** Text of a domain's policy file; rejects with what is wrong. */
  readonly fetch: (domain: string) => Promise<string>;
  /** ms since 1970. */
  readonly clock: () => number;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/**
 * How long a look at a domain counts, ms: with its TXT record's TTL in these bounds, after one that failed, and where the
 * store, which may know more, did not answer.
 */
const LOOK = { least: 5 * 60_000, most: 3_600_000, failed: 5 * 60_000, unread: 5_000 };
/** An unchanged policy is fetched again after a day, or half its age: its time never runs out while its host is there. */
const REFRESH_MS = 86_400_000;
const REMEMBERED = 50_000;

interface Known {
  readonly policy: StoredStsPolicy | null;
  readonly lookAt: number;
}

export class StsPolicies {
  readonly #parts: StsParts;
  readonly #known = new Map<string, Known>();
  readonly #looking = new Map<string, Promise<StoredStsPolicy | null>>();

  constructor(parts: StsParts) {
    this.#parts = parts;
  }

  /** The domain's policy if it is known without asking: null means it has none, undefined that `policyOf` must look. */
  known(domain: string): StoredStsPolicy | null | undefined {
    const known = this.#known.get(domain);
    if (known === undefined) return undefined;
    const now = this.#parts.clock();
    if (known.lookAt > now) return known.policy;
    // A policy that still holds is used while the next look is under way: nobody waits for it.
    if (known.policy === null || expired(known.policy, now)) return undefined;
    void this.policyOf(domain);
    return known.policy;
  }

  /** The domain's policy, null if it has none that could be had. Never rejects: STS without an answer asks for nothing. */
  policyOf(domain: string): Promise<StoredStsPolicy | null> {
    const running = this.#looking.get(domain);
    if (running !== undefined) return running;
    const looking = this.#look(domain)
      .catch((error: Error) => {
        this.#parts.log('sts-not-known', { domain, error: error.message });
        const before = this.#known.get(domain)?.policy ?? null;
        const holds = before !== null && !expired(before, this.#parts.clock());
        return this.#remember(domain, holds ? before : null, LOOK.failed);
      })
      .finally(() => this.#looking.delete(domain));
    this.#looking.set(domain, looking);
    return looking;
  }

  async #look(domain: string): Promise<StoredStsPolicy | null> {
    const { texts, clock } = this.#parts;
    const before = this.#known.get(domain)?.policy ?? (await this.#stored(domain));
    const failed = before === undefined ? LOOK.unread : LOOK.failed;
    const kept = before != null && !expired(before, clock()) ? before : null;
    let found: Awaited<ReturnType<typeof texts>>;
    try {
      found = await texts(`_mta-sts.${domain}`);
    } catch (error) {
      if (before === null) throw error;
      return this.#remember(domain, kept, failed);
    }
    const wait = Math.min(LOOK.most, Math.max(LOOK.least, found.ttl * 1_000));
    const id = stsId(found.texts);
    // A record that vanished does not end a policy (§3.3): it ends by its age, or by one that says `none`.
    if (id === null) return this.#remember(domain, kept, before === undefined ? failed : wait);
    if (kept !== null && kept.id === id && clock() < refreshAt(kept)) return this.#remember(domain, kept, wait);
    try {
      const policy = { ...readStsPolicy(await this.#parts.fetch(domain)), id };
      await this.#store(domain, policy);
      return this.#remember(domain, { ...policy, fetchedAt: clock() }, wait);
    } catch (error) {
      this.#parts.log('sts-not-fetched', { domain, kept: kept !== null, error: (error as Error).message });
      return this.#remember(domain, kept, failed);
    }
  }

  /** A store that is away (undefined) must not switch a policy off: it is looked for at its domain all the same. */
  async #stored(domain: string): Promise<StoredStsPolicy | null | undefined> {
    const { db, log } = this.#parts;
    try {
      return (await stsPolicyOf(db, domain)) ?? null;
    } catch (error) {
      log('sts-not-read', { domain, error: (error as Error).message });
      return undefined;
    }
  }

  async #store(domain: string, policy: StsPolicy & { readonly id: string }): Promise<void> {
    const { db, log } = this.#parts;
    await storeStsPolicy(db, domain, policy).catch((error: Error) =>
      log('sts-not-stored', { domain, error: error.message }),
    );
  }

  #remember(domain: string, policy: StoredStsPolicy | null, ms: number): StoredStsPolicy | null {
    this.#known.delete(domain);
    this.#known.set(domain, { policy, lookAt: this.#parts.clock() + ms });
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value as string);
    return policy;
  }
}

function expired(policy: StoredStsPolicy, now: number): boolean {
  return policy.fetchedAt + policy.maxAge * 1_000 <= now;
}

function refreshAt(policy: StoredStsPolicy): number {
  return policy.fetchedAt + Math.min(REFRESH_MS, policy.maxAge * 500);
}
