/**
 * Whose mailbox an event is about: by the MX host that answered, where the record names one, else by the domain. A domain
 * that is not known by name is asked of DNS, once, and its answer kept for some hours.
 */
import { isIP } from 'node:net';
import { providerOfDomain } from '../import/known-domains.ts';
import { type MxRecord, providerOf } from '../policy/providers.ts';

/** Asks DNS. Rejects where there is no answer. */
export type ResolveMx = (domain: string) => Promise<readonly MxRecord[]>;

const KEPT_MS = 6 * 3_600_000;
/** No answer: asked again after this. */
const FAILED_MS = 600_000;
const MOST = 200_000;
const AT_ONCE = 32;

interface Known {
  readonly provider: string;
  readonly until: number;
}

export class Providers {
  readonly #resolveMx: ResolveMx;
  readonly #now: () => number;
  readonly #hosts = new Map<string, string>();
  readonly #domains = new Map<string, Known>();

  constructor(resolveMx: ResolveMx, now: () => number) {
    this.#resolveMx = resolveMx;
    this.#now = now;
  }

  /** By the host alone; null: it is none, or only an address. */
  ofHost(host: string | null): string | null {
    if (host === null || isIP(host.replace(/[[\]]/g, '')) !== 0) return null;
    let provider = this.#hosts.get(host);
    if (provider === undefined) {
      provider = providerOf([{ exchange: host, priority: 0 }]);
      if (this.#hosts.size >= MOST) this.#hosts.clear();
      this.#hosts.set(host, provider);
    }
    return provider;
  }

  /** What is known of a domain now; null: `learn` has not been asked. */
  ofDomain(domain: string): string | null {
    const known = this.#domains.get(domain);
    return known !== undefined && known.until > this.#now() ? known.provider : (providerOfDomain(domain) ?? null);
  }

  /** Asks DNS for these domains. Where it does not answer, they are `other` for a while. */
  async learn(domains: readonly string[]): Promise<void> {
    const open = domains.filter((domain) => this.ofDomain(domain) === null);
    const worker = async () => {
      for (let domain = open.pop(); domain !== undefined; domain = open.pop()) {
        if (this.#domains.size >= MOST) this.#domains.clear();
        this.#domains.set(domain, await this.#ask(domain));
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, open.length) }, worker));
  }

  async #ask(domain: string): Promise<Known> {
    try {
      return { provider: providerOf(await this.#resolveMx(domain)), until: this.#now() + KEPT_MS };
    } catch {
      return { provider: 'other', until: this.#now() + FAILED_MS };
    }
  }
}
