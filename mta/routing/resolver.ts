/**
 * From a recipient's domain to its MX hosts and provider, cached. Null MX (RFC 7505), implicit MX (RFC 5321 §5.1), an MX
 * that is this machine (a loop) and a dead resolver (stale answers) each end differently: refuse, use the A record, refuse,
 * use what was known. Addresses are IPv4 only: an IPv4 lane can reach nothing else.
 */
import { providerOf } from '../../policy/providers.ts';
import { BadName, DnsClient } from './dns-client.ts';

export interface Route {
  readonly provider: string;
  /** MX hosts in the order to try them, equal preferences shuffled. */
  readonly hosts: readonly string[];
  /** DNSSEC vouches for these hosts: what makes their TLSA records count (RFC 7672 §2.2.1). */
  readonly authentic: boolean;
}

export interface HostAddresses {
  readonly ips: readonly string[];
  readonly authentic: boolean;
  /** The name the addresses stand at, after aliases. */
  readonly name: string;
}

/** The domain takes no mail. `status`: the enhanced status code that says how. */
export class NoMail extends Error {
  readonly code = 'no-mail';
  /** `5.1.10` null MX, `5.1.2` no such place, `5.4.6` a loop: it leads back to us. */
  readonly status: '5.1.2' | '5.1.10' | '5.4.6';
  constructor(message: string, status: NoMail['status'] = '5.1.2') {
    super(message);
    this.status = status;
  }
}

/** Names and addresses at which this node itself takes mail. */
export interface OwnPlaces {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

export interface ResolverOptions {
  readonly trustAd?: boolean | undefined;
  readonly own?: OwnPlaces;
}

/** A TTL is honoured within these, s: a zero would ask for every message, a week would outlive a move of provider. */
const TTL = { least: 30, most: 3_600, mostNegative: 300 };
/** A stale answer is used this long before its dead name server is asked again: each question costs seconds. */
const STALE_MS = 30_000;
/** So long after DNS did not answer for a domain its mail is left to processes whose name servers may. */
const SILENT_MS = 8_000;
/** Domains and hosts remembered; the oldest go first. */
const REMEMBERED = 50_000;

const NONE: readonly string[] = [];

interface Cached<T> {
  readonly value: T;
  readonly until: number;
}

export class MailResolver {
  readonly dns: DnsClient;
  readonly #clock: () => number;
  readonly #own: OwnPlaces;
  readonly #routes = new Cache<Route | NoMail>();
  readonly #addresses = new Cache<HostAddresses>();
  /** Domains DNS did not answer for, until when each is left alone. */
  readonly #silent = new Map<string, number>();

  /** `servers`: `ip:port`, empty: the system's. `clock`: monotonic ms. */
  constructor(
    servers: readonly string[],
    clock: () => number = () => performance.now(),
    { trustAd, own = { names: [], addresses: [] } }: ResolverOptions = {},
  ) {
    this.#clock = clock;
    this.#own = own;
    this.dns = new DnsClient({ servers, clock, ...(trustAd === undefined ? {} : { trustAd }) });
  }

  /** The provider of a domain if it is known without asking. */
  knownProvider(domain: string): string | null {
    return this.#known(domain)?.provider ?? null;
  }

  /** MX hosts of a domain if they are known without asking. */
  knownHosts(domain: string): readonly string[] | null {
    return this.#known(domain)?.hosts ?? null;
  }

  /** The route of a domain if it is known and fresh: the way of almost every message, without a promise. */
  freshRoute(domain: string): Route | null {
    const cached = this.#routes.get(domain);
    return cached === undefined || cached.until < this.#clock() || cached.value instanceof NoMail ? null : cached.value;
  }

  /** Route of a domain. Throws NoMail if the domain takes no mail, any other error if DNS did not answer. */
  async route(domain: string): Promise<Route> {
    const route = await this.#routes
      .through(domain, this.#clock, () => this.#ask(domain))
      .catch((error) => {
        this.#silent.set(domain, this.#clock() + SILENT_MS);
        throw error;
      });
    if (this.#silent.size > 0) this.#silent.delete(domain);
    if (route instanceof NoMail) throw route;
    return route;
  }

  /** Domains DNS did not answer for a moment ago. */
  silentDomains(): readonly string[] {
    if (this.#silent.size === 0) return NONE;
    const now = this.#clock();
    for (const [domain, until] of this.#silent) if (until <= now) this.#silent.delete(domain);
    return [...this.#silent.keys()];
  }

  /** IPv4 addresses of an MX host. */
  async addressesOf(host: string): Promise<readonly string[]> {
    return (await this.hostAddresses(host)).ips;
  }

  /** The same, with how much they can be trusted. No addresses: the host is not there. Rejects if DNS did not answer. */
  hostAddresses(host: string): Promise<HostAddresses> {
    return this.#addresses.through(host, this.#clock, async () => {
      const { records, authentic, name, ttl } = await this.dns.query(host, 'A');
      const ips = records.flatMap((record) => (record.type === 'A' ? [record.data] : []));
      return [{ ips, authentic, name }, ttlMs(ttl, ips.length === 0)];
    });
  }

  /** TXT records of a name, the strings of each joined; asked now. Rejects if DNS did not answer. */
  async texts(name: string): Promise<{ readonly texts: readonly string[]; readonly ttl: number }> {
    const { records, ttl } = await this.dns.query(name, 'TXT');
    const texts = records.flatMap((record) =>
      record.type === 'TXT' ? [Buffer.concat([record.data].flat().map((part) => Buffer.from(part))).toString()] : [],
    );
    return { texts, ttl };
  }

  #known(domain: string): Route | null {
    const value = this.#routes.get(domain)?.value;
    return value === undefined || value instanceof NoMail ? null : value;
  }

  async #ask(domain: string): Promise<[Route | NoMail, number]> {
    try {
      const { exists, records, authentic, ttl, name } = await this.dns.query(domain, 'MX');
      const mx = records.flatMap((record) =>
        record.type === 'MX'
          ? [{ exchange: hostName(record.data.exchange), priority: record.data.preference ?? 0, tie: Math.random() }]
          : [],
      );
      if (mx.length > 0) return [await this.#routeTo(domain, mx, authentic), ttlMs(ttl)];
      // A domain without MX is its own host (RFC 5321 §5.1); one that does not exist has no address either.
      const place = exists ? await this.hostAddresses(name) : { ips: [] };
      if (place.ips.length === 0) return [new NoMail(`${domain} has no MX and no address`), ttlMs(ttl, true)];
      return [await this.#routeTo(domain, [{ exchange: name, priority: 0, tie: 0 }], authentic), ttlMs(ttl, true)];
    } catch (error) {
      if (error instanceof BadName) return [new NoMail(`${domain} is not a domain name`), ttlMs(TTL.most)];
      throw error;
    }
  }

  async #routeTo(
    domain: string,
    mx: { exchange: string; priority: number; tie: number }[],
    authentic: boolean,
  ): Promise<Route | NoMail> {
    if (mx.length === 1 && mx[0]?.exchange === '') {
      return new NoMail(`${domain} does not accept mail (null MX, RFC 7505)`, '5.1.10');
    }
    const ours = await this.#ourPreference(mx);
    const usable = mx.filter((record) => record.exchange !== '' && record.priority < ours);
    if (usable.length === 0) {
      return new NoMail(
        `mail for ${domain} leads back to this machine: it is its own MX and has no mailboxes`,
        '5.4.6',
      );
    }
    usable.sort((a, b) => a.priority - b.priority || a.tie - b.tie);
    return { provider: providerOf(mx), hosts: usable.map((record) => record.exchange), authentic };
  }

  /** Only hosts that are preferred to ourselves may be tried, or two MX would hand mail to each other for ever. */
  async #ourPreference(mx: readonly { exchange: string; priority: number }[]): Promise<number> {
    const { names, addresses } = this.#own;
    let ours = Number.POSITIVE_INFINITY;
    for (const { exchange, priority } of mx) if (names.includes(exchange)) ours = Math.min(ours, priority);
    if (addresses.length === 0) return ours;
    await Promise.all(
      mx.map(async ({ exchange, priority }) => {
        if (exchange === '') return;
        // A host whose address is not known now can not be connected to either.
        const ips = await this.addressesOf(exchange).catch(() => []);
        if (ips.some((ip) => addresses.includes(ip))) ours = Math.min(ours, priority);
      }),
    );
    return ours;
  }
}

function hostName(exchange: string): string {
  return exchange.toLowerCase().replace(/\.$/, '');
}

function ttlMs(seconds: number, negative = false): number {
  const most = negative ? TTL.mostNegative : TTL.most;
  return 1_000 * Math.min(most, Math.max(TTL.least, seconds));
}

/** Answers by name; what is asked for twice at once is asked once. */
class Cache<T> {
  readonly #entries = new Map<string, Cached<T>>();
  readonly #asking = new Map<string, Promise<T>>();

  get(name: string): Cached<T> | undefined {
    return this.#entries.get(name);
  }

  /** The remembered answer while it is fresh, else the one `ask` brings with its ms to live; if it fails, the stale one. */
  async through(name: string, clock: () => number, ask: () => Promise<[T, number]>): Promise<T> {
    const cached = this.#entries.get(name);
    if (cached !== undefined && cached.until >= clock()) return cached.value;
    const running = this.#asking.get(name);
    if (running !== undefined) return running;
    const asking = ask()
      .then(([value, ms]) => this.#remember(name, value, clock() + ms))
      .catch((error) => {
        if (cached === undefined) throw error;
        return this.#remember(name, cached.value, clock() + STALE_MS);
      })
      .finally(() => this.#asking.delete(name));
    this.#asking.set(name, asking);
    return asking;
  }

  #remember(name: string, value: T, until: number): T {
    this.#entries.delete(name);
    this.#entries.set(name, { value, until });
    if (this.#entries.size > REMEMBERED) this.#entries.delete(this.#entries.keys().next().value as string);
    return value;
  }
}
