/**
 * From a recipient's domain to its MX hosts and provider, cached. Null MX (RFC 7505), implicit MX (RFC 5321 §5.1) and
 * a dead resolver (stale answers) each end differently: refuse, use the A record, use what was known.
 */
import { Resolver } from 'node:dns/promises';
import { providerOf } from '../../policy/providers.ts';

export interface Route {
  readonly provider: string;
  /** MX hosts in the order to try them, equal preferences shuffled. */
  readonly hosts: readonly string[];
}

export class NoMail extends Error {
  readonly code = 'no-mail';
}

const FRESH_MS = 5 * 60_000;
/** A stale route is used this long before its dead name server is asked again: each question costs seconds. */
const STALE_MS = 30_000;
/** Domains and hosts remembered; the oldest go first. */
const REMEMBERED = 50_000;
const EMPTY = new Set(['ENODATA', 'ENOTFOUND']);
/** A name no server could be asked for, such as the address literal in user@[192.0.2.1]. */
const IMPOSSIBLE = 'EBADNAME';

interface Cached {
  readonly route: Route | NoMail;
  readonly until: number;
}

export class MailResolver {
  readonly #resolver: Resolver;
  readonly #routes = new Map<string, Cached>();
  readonly #addresses = new Map<string, { readonly ips: readonly string[]; readonly until: number }>();

  readonly #clock: () => number;

  /** `clock`: monotonic ms. */
  constructor(servers: readonly string[], clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#resolver = new Resolver({ timeout: 3_000, tries: 2 });
    if (servers.length > 0) this.#resolver.setServers([...servers]);
  }

  /** The provider of a domain if it is known without asking. */
  knownProvider(domain: string): string | null {
    const cached = this.#routes.get(domain);
    return cached === undefined || cached.route instanceof NoMail ? null : cached.route.provider;
  }

  /** MX hosts of a domain if they are known without asking. */
  knownHosts(domain: string): readonly string[] | null {
    const cached = this.#routes.get(domain);
    return cached === undefined || cached.route instanceof NoMail ? null : cached.route.hosts;
  }

  /** Route of a domain. Throws NoMail if the domain takes no mail, any other error if DNS did not answer. */
  async route(domain: string): Promise<Route> {
    const cached = this.#routes.get(domain);
    if (cached === undefined || cached.until < this.#clock()) {
      try {
        remember(this.#routes, domain, { route: await this.#ask(domain), until: this.#clock() + FRESH_MS });
      } catch (error) {
        if (cached === undefined) throw error;
        remember(this.#routes, domain, { route: cached.route, until: this.#clock() + STALE_MS });
      }
    }
    const { route } = this.#routes.get(domain) as Cached;
    if (route instanceof NoMail) throw route;
    return route;
  }

  /** IPv4 addresses of an MX host: IPv4 lanes use A records only. */
  async addressesOf(host: string): Promise<readonly string[]> {
    const cached = this.#addresses.get(host);
    if (cached !== undefined && cached.until > this.#clock()) return cached.ips;
    try {
      const records = await this.#resolver.resolve4(host, { ttl: true });
      const ttl = Math.max(30, Math.min(...records.map((record) => record.ttl)));
      const ips = records.map((record) => record.address);
      remember(this.#addresses, host, { ips, until: this.#clock() + ttl * 1000 });
      return ips;
    } catch (error) {
      if (cached === undefined) throw error;
      remember(this.#addresses, host, { ips: cached.ips, until: this.#clock() + STALE_MS });
      return cached.ips;
    }
  }

  async #ask(domain: string): Promise<Route | NoMail> {
    try {
      const mx = await this.#resolver.resolveMx(domain);
      if (mx.length === 1 && (mx[0]?.exchange === '' || mx[0]?.exchange === '.')) {
        return new NoMail(`${domain} does not accept mail (null MX, RFC 7505)`);
      }
      const shuffled = mx.map((record) => ({ ...record, tie: Math.random() }));
      shuffled.sort((a, b) => a.priority - b.priority || a.tie - b.tie);
      return { provider: providerOf(mx), hosts: shuffled.map((record) => record.exchange.toLowerCase()) };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === IMPOSSIBLE) return new NoMail(`${domain} is not a domain name`);
      if (!EMPTY.has(code)) throw error;
    }
    try {
      await this.addressesOf(domain);
      return { provider: providerOf([]), hosts: [domain] };
    } catch (error) {
      if (!EMPTY.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return new NoMail(`${domain} has no MX and no address`);
    }
  }
}

function remember<T>(cache: Map<string, T>, name: string, value: T): void {
  cache.delete(name);
  cache.set(name, value);
  if (cache.size > REMEMBERED) cache.delete(cache.keys().next().value as string);
}
