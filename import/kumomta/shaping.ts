/**
 * Shaping files of KumoMTA: default, providers (by MX suffix), domains, and each of these by source. Limits are per source
 * and site there and per lane here, which is the same for one source. As files are merged there (the later wins by key),
 * so they are here; then the strictest of a provider's own entry and its domains' holds.
 * Source: KumoMTA docs/userguide/trafficshaping/resolution.md.
 */
import type { Shape, TlsPolicy } from '../../policy/shaping.ts';
import type { Rows } from '../draft.ts';
import { providerOfDomain, providerOfMxPattern } from '../known-domains.ts';
import type { KumoEnds } from './ends.ts';
import { kumoLimit, kumoRate } from './rates.ts';
import { isTable, type Table } from './read.ts';

export interface KumoShaping {
  readonly rows: Rows;
  readonly tls: {
    readonly default?: TlsPolicy;
    readonly providers: Record<string, TlsPolicy>;
    readonly domains: Record<string, TlsPolicy>;
  };
  /** Daily limits of a source at a provider: `source_selection_rate`. */
  readonly daily: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

const DAY = 86_400;

export function shapingFrom(
  files: readonly { readonly file: string; readonly table: Table }[],
  ends: KumoEnds,
): KumoShaping {
  const rows: Record<string, Partial<Record<keyof Shape, number>>> = {};
  const tls: KumoShaping['tls'] = { providers: {}, domains: {} };
  const daily = new Map<string, Record<string, number>>();
  const reader = new Reader(rows, tls, daily, ends);
  for (const { file, table } of files) {
    const providers = isTable(table.provider) ? table.provider : {};
    for (const [name, entry] of Object.entries(providers)) {
      if (!isTable(entry)) continue;
      reader.entry(file, ['provider', name], providerOfEntry(name, entry), undefined, entry);
    }
    for (const [domain, entry] of Object.entries(table)) {
      if (domain === 'provider' || !isTable(entry)) {
        if (!isTable(entry)) ends.lost(file, [domain], 'no table of a domain');
        continue;
      }
      const key = domain === 'default' ? 'default' : providerOfDomain(domain);
      reader.entry(file, [domain], key, domain === 'default' ? undefined : domain, entry);
    }
  }
  return { rows: rows as Rows, tls, daily };
}

/** The provider that an entry's `match` means, if all of its suffixes mean the same. */
function providerOfEntry(name: string, entry: Table): string | undefined {
  const matches = Array.isArray(entry.match) ? entry.match.filter(isTable) : [];
  const keys = new Set(
    matches.map((match) =>
      typeof match.MXSuffix === 'string'
        ? providerOfMxPattern(match.MXSuffix)
        : typeof match.HostName === 'string'
          ? providerOfMxPattern(match.HostName)
          : typeof match.DomainSuffix === 'string'
            ? providerOfDomain(match.DomainSuffix.replace(/^\./, ''))
            : undefined,
    ),
  );
  const [key] = keys;
  return keys.size === 1 ? key : matches.length === 0 ? providerOfDomain(name) : undefined;
}

class Reader {
  readonly #rows: Record<string, Partial<Record<keyof Shape, number>>>;
  readonly #tls: KumoShaping['tls'] & { default?: TlsPolicy };
  readonly #daily: Map<string, Record<string, number>>;
  readonly #ends: KumoEnds;

  constructor(
    rows: Record<string, Partial<Record<keyof Shape, number>>>,
    tls: KumoShaping['tls'],
    daily: Map<string, Record<string, number>>,
    ends: KumoEnds,
  ) {
    this.#rows = rows;
    this.#tls = tls;
    this.#daily = daily;
    this.#ends = ends;
  }

  entry(file: string, at: readonly string[], key: string | undefined, domain: string | undefined, entry: Table): void {
    for (const [name, value] of Object.entries(entry)) {
      const path = [...at, name];
      if (name === 'sources' && isTable(value)) {
        for (const [source, limits] of Object.entries(value)) {
          if (isTable(limits)) this.#source(file, [...path, source], key, source, limits);
        }
      } else if (name === 'match') {
        if (key === undefined) this.#ends.lost(file, path, 'these hosts belong to no provider Rampart knows');
        else this.#ends.translated(file, path, `provider ${key}`);
      } else if (name === 'enable_tls') this.#policy(file, path, key, domain, value);
      else this.#limit(file, path, key, name, value);
    }
  }

  #limit(file: string, path: readonly string[], key: string | undefined, name: string, value: unknown): void {
    const figure = FIGURES[name];
    const exact = figure === undefined ? undefined : perMinute(value, figure.rated);
    if (figure === undefined) this.#ends.catalogued(file, path, name);
    else if (key === undefined) this.#ends.lost(file, path, 'limits are by provider: this is none Rampart knows');
    else if (exact === undefined) this.#ends.lost(file, path, 'its value can not be read');
    else {
      const lane = Math.max(1, Math.floor(exact));
      const row = this.#rows[key] ?? {};
      const before = row[figure.limit];
      // A domain's own figure may not loosen what its provider was given, nor one domain another.
      row[figure.limit] = before === undefined || key === 'default' ? lane : Math.min(before, lane);
      this.#rows[key] = row;
      this.#ends.translated(file, path, `shaping of ${key}: ${figure.limit}`);
    }
  }

  #source(file: string, path: readonly string[], key: string | undefined, source: string, limits: Table): void {
    for (const [name, value] of Object.entries(limits)) {
      const at = [...path, name];
      const rate = kumoRate(value);
      if (!/^(provider_)?source_selection_rate$/.test(name)) {
        this.#ends.lost(file, at, 'limits are by pool and provider, not by source: set shaping.pools');
      } else if (rate === undefined || key === undefined || key === 'default') {
        // KumoMTA reads sources of the default entry and never applies them.
        this.#ends.lost(
          file,
          at,
          key === undefined ? 'this is no provider Rampart knows' : 'it has no effect there, or can not be read',
        );
      } else {
        const daily = this.#daily.get(source) ?? {};
        const day = Math.max(1, Math.floor((rate.count * DAY) / rate.seconds));
        daily[key] = Math.min(daily[key] ?? day, day);
        this.#daily.set(source, daily);
        this.#ends.translated(file, at, `a cold address: it sent at most ${day} a day; a plan takes its place`);
      }
    }
  }

  #policy(
    file: string,
    path: readonly string[],
    key: string | undefined,
    domain: string | undefined,
    value: unknown,
  ): void {
    const policy = TLS[String(value)];
    const named = domain !== undefined && /^([a-z0-9_-]+\.)+[a-z0-9-]+$/.test(domain) ? domain : undefined;
    if (policy === undefined || (named === undefined && key === undefined)) {
      this.#ends.lost(file, path, policy === undefined ? 'no such TLS policy' : 'this is no provider Rampart knows');
      return;
    }
    if (named !== undefined) this.#tls.domains[named] = policy;
    else if (key === 'default') this.#tls.default = policy;
    else if (key !== undefined) this.#tls.providers[key] = policy;
    this.#ends.translated(file, path, `mta.remoteTls: '${policy}'`);
  }
}

/** A plain limit, or a rate as so many a minute. */
function perMinute(value: unknown, rated: boolean): number | undefined {
  if (!rated) return kumoLimit(value);
  const rate = kumoRate(value);
  return rate === undefined ? undefined : (rate.count * 60) / rate.seconds;
}

const FIGURES: Readonly<Record<string, { readonly limit: keyof Shape; readonly rated: boolean }>> = {
  connection_limit: { limit: 'connections', rated: false },
  provider_connection_limit: { limit: 'connections', rated: false },
  max_deliveries_per_connection: { limit: 'messagesPerConnection', rated: false },
  max_connection_rate: { limit: 'connectionsPerMinute', rated: true },
  max_message_rate: { limit: 'messagesPerMinute', rated: true },
  provider_max_message_rate: { limit: 'messagesPerMinute', rated: true },
};

const TLS: Readonly<Record<string, TlsPolicy>> = {
  Opportunistic: 'opportunistic',
  OpportunisticInsecure: 'opportunistic',
  Required: 'verify',
  RequiredInsecure: 'required',
  Disabled: 'none',
};
