/** Whom one provider knows: source addresses with what they got, and domains. Who is new starts without a history. */
import { domainOf } from './recipients.ts';
import { Reputation } from './reputation.ts';
import type { Scenario } from './scenario.ts';
import type { ProviderSpec } from './scenario-provider.ts';

/** What a source address got from this provider since the world began, per recipient. */
export interface Tally {
  accepted: number;
  deferred: number;
  refused: number;
}

export interface Source {
  readonly reputation: Reputation;
  readonly tally: Tally;
}

export interface KnownSender {
  readonly kind: 'ip' | 'domain' | 'net';
  readonly name: string;
  readonly reputation: Reputation;
  /** Of addresses only. */
  readonly tally: Tally | null;
}

export class SenderRegistry {
  readonly #spec: ProviderSpec;
  readonly #sources = new Map<string, Source>();
  readonly #domains = new Map<string, Reputation>();
  /** Domain of MAIL FROM → the author domain last seen under it: all that is known of a message at RCPT. */
  readonly #authors = new Map<string, string>();

  constructor(spec: ProviderSpec, scenario: Pick<Scenario, 'established' | 'establishedDomains'>) {
    this.#spec = spec;
    for (const { ip, daily } of scenario.established) {
      const level = daily[spec.key];
      if (level !== undefined) this.#addSource(ip, level);
    }
    for (const { domain, daily } of scenario.establishedDomains) {
      const level = daily[spec.key];
      if (level !== undefined) this.#addDomain(domain, level);
    }
  }

  source(ip: string): Source {
    return this.#sources.get(ip) ?? this.#addSource(ip);
  }

  /** A source only if it has been seen before: for questions that must not make it known. */
  knownSource(ip: string): Source | undefined {
    return this.#sources.get(ip);
  }

  /**
   * Which domain's reputation is at stake. Without `domainReputation` that of MAIL FROM; with it that of the author, and at
   * RCPT, where no header has been seen yet (`author` null), of the author last seen under this return path.
   */
  domainName(mailFrom: string, author: string | null): string {
    const returnPath = domainOf(mailFrom);
    if (!this.#spec.domainReputation) return returnPath;
    if (author !== null) this.#authors.set(returnPath, author);
    return author ?? this.#authors.get(returnPath) ?? returnPath;
  }

  domain(name: string): Reputation {
    return this.#domains.get(name) ?? this.#addDomain(name);
  }

  /** Everybody, addresses first, then domains and `networks`, with all days ended before `day`. */
  all(day: number, networks: readonly (readonly [string, Reputation])[] = []): KnownSender[] {
    const ips = [...this.#sources].map(([name, one]) => ({ kind: 'ip' as const, name, ...one }));
    const domains = [...this.#domains].map(([name, reputation]) => {
      return { kind: 'domain' as const, name, reputation, tally: null };
    });
    const nets = networks.map(([name, reputation]) => ({ kind: 'net' as const, name, reputation, tally: null }));
    const senders = [...ips, ...domains, ...nets];
    for (const { reputation } of senders) reputation.rollTo(day);
    return senders;
  }

  #addSource(ip: string, level?: number): Source {
    const reputation = new Reputation({
      freeDailyVolume: this.#spec.freeDailyVolume,
      ...(level === undefined ? {} : { level }),
    });
    const source = { reputation, tally: { accepted: 0, deferred: 0, refused: 0 } };
    this.#sources.set(ip, source);
    return source;
  }

  #addDomain(name: string, level?: number): Reputation {
    const reputation = new Reputation({
      freeDailyVolume: this.#spec.domainReputation?.freeDailyVolume ?? Number.POSITIVE_INFINITY,
      ...(level === undefined ? {} : { level }),
    });
    this.#domains.set(name, reputation);
    return reputation;
  }
}
