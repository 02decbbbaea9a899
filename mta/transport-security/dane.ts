/** Finds the TLSA records of MX hosts, where DNSSEC vouches for the whole way to them (RFC 7672 §2.2). Cached. */
import type { DnsClient } from '../routing/dns-client.ts';
import type { HostAddresses } from '../routing/resolver.ts';
import { type TlsaRecord, usable } from './tlsa.ts';

export interface HostDane {
  /** `none`: DANE asks for nothing. `unusable`: TLS is a must, nobody can be checked (§2.2). `bogus`: the host is not to be used. */
  readonly state: 'none' | 'usable' | 'unusable' | 'bogus';
  readonly records: readonly TlsaRecord[];
  /** The name the records stand at: what is asked for in SNI and looked for in the certificate (§3.2.2). */
  readonly base: string;
  readonly why: string;
}

export interface DaneParts {
  readonly dns: Pick<DnsClient, 'query' | 'trustAd'>;
  readonly hostAddresses: (host: string) => Promise<HostAddresses>;
  readonly port: number;
  /** Monotonic ms. */
  readonly clock: () => number;
}

const TTL_S = { least: 30, most: 3_600, bogus: 60 };
const REMEMBERED = 20_000;

export class Dane {
  readonly #parts: DaneParts;
  readonly #known = new Map<string, { readonly value: HostDane; readonly until: number }>();

  constructor(parts: DaneParts) {
    this.#parts = parts;
  }

  /** What DANE asks for at a host, if it is known without asking. `authentic`: DNSSEC vouches for the MX that named it. */
  known(host: string, authentic: boolean): HostDane | undefined {
    if (!authentic || !this.#parts.dns.trustAd) return nothing(host, 'DNSSEC does not vouch for its MX');
    const known = this.#known.get(host);
    return known !== undefined && known.until > this.#parts.clock() ? known.value : undefined;
  }

  /** The same, asked for. Never rejects: a lookup that fails makes the host `bogus`. */
  async of(host: string, authentic: boolean): Promise<HostDane> {
    const known = this.known(host, authentic);
    if (known !== undefined) return known;
    const [value, ttl] = await this.#look(host);
    this.#known.delete(host);
    this.#known.set(host, { value, until: this.#parts.clock() + ttl * 1_000 });
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value as string);
    return value;
  }

  async #look(host: string): Promise<[HostDane, number]> {
    try {
      // Insecure zones often have name servers that fail on TLSA: they are asked only where addresses are secure (§2.2.2).
      const place = await this.#parts.hostAddresses(host);
      if (!place.authentic) return [nothing(host, 'DNSSEC does not vouch for its addresses'), TTL_S.least];
      // The name behind an alias first, then the one in the MX (§2.2.3).
      for (const base of new Set([place.name, host])) {
        const { records, authentic, ttl } = await this.#parts.dns.query(`_${this.#parts.port}._tcp.${base}`, 'TLSA');
        const bounded = Math.min(TTL_S.most, Math.max(TTL_S.least, ttl));
        if (records.length === 0) continue;
        if (!authentic) return [nothing(base, 'DNSSEC does not vouch for its TLSA records'), bounded];
        const known = usable(records.flatMap((record) => (record.type === 'TLSA' ? [tlsa(record.data)] : [])));
        const state = known.length > 0 ? 'usable' : 'unusable';
        return [{ state, records: known, base, why: `DANE: TLSA records of ${base}` }, bounded];
      }
      return [nothing(host, 'no TLSA records'), TTL_S.least];
    } catch (error) {
      // Who can make the lookup fail must not be able to switch DANE off (§2.1.2).
      const why = `its TLSA records could not be had: ${(error as Error).message}`;
      return [{ state: 'bogus', records: [], base: host, why }, TTL_S.bogus];
    }
  }
}

function nothing(host: string, why: string): HostDane {
  return { state: 'none', records: [], base: host, why };
}

function tlsa(data: { usage: number; selector: number; matchingType: number; certificate: Buffer }): TlsaRecord {
  return { usage: data.usage, selector: data.selector, matchingType: data.matchingType, data: data.certificate };
}
