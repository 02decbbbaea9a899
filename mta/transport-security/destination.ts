/** What each recipient domain and MX host asks of a connection: configuration, MTA-STS and DANE put together. */
import type { Route } from '../routing/resolver.ts';
import type { Dane } from './dane.ts';
import { type HostRefused, requirementOf, type TlsPolicy, type TlsRequirement } from './requirement.ts';
import type { StsPolicies } from './sts.ts';
import type { StsPolicy } from './sts-policy.ts';

export interface TlsPolicies {
  readonly default: TlsPolicy;
  /** By provider. */
  readonly providers: Readonly<Record<string, TlsPolicy>>;
  /** By recipient domain: goes before the provider's. */
  readonly domains: Readonly<Record<string, TlsPolicy>>;
}

export const OPPORTUNISTIC: TlsPolicies = { default: 'opportunistic', providers: {}, domains: {} };

export class TransportSecurity {
  readonly #policies: TlsPolicies;
  /** null: not looked for. */
  readonly #sts: StsPolicies | null;
  readonly #dane: Dane | null;

  constructor(policies: TlsPolicies, sts: StsPolicies | null, dane: Dane | null) {
    this.#policies = policies;
    this.#sts = sts;
    this.#dane = dane;
  }

  /** The domain's MTA-STS policy (null: none) if it is known without asking; undefined: ask `stsOf`. */
  knownSts(domain: string): StsPolicy | null | undefined {
    return this.#sts === null ? null : this.#sts.known(domain);
  }

  async stsOf(domain: string): Promise<StsPolicy | null> {
    return this.#sts === null ? null : this.#sts.policyOf(domain);
  }

  /** What a host must offer for a domain's mail, if that is known without asking. */
  known(domain: string, sts: StsPolicy | null, route: Route, host: string): TlsRequirement | HostRefused | undefined {
    const dane = this.#dane === null ? NO_DANE(host) : this.#dane.known(host, route.authentic);
    return dane && requirementOf(host, this.#configured(domain, route.provider), sts, dane);
  }

  /** The same, asked for. */
  async requirement(
    domain: string,
    sts: StsPolicy | null,
    route: Route,
    host: string,
  ): Promise<TlsRequirement | HostRefused> {
    const dane = this.#dane === null ? NO_DANE(host) : await this.#dane.of(host, route.authentic);
    return requirementOf(host, this.#configured(domain, route.provider), sts, dane);
  }

  #configured(domain: string, provider: string): { readonly policy: TlsPolicy; readonly from: string } {
    const { domains, providers } = this.#policies;
    const byDomain = domains[domain];
    if (byDomain !== undefined) return { policy: byDomain, from: `domain ${domain}` };
    const byProvider = providers[provider];
    if (byProvider !== undefined) return { policy: byProvider, from: `provider ${provider}` };
    return { policy: this.#policies.default, from: 'default' };
  }
}

const NO_DANE = (host: string) => ({ state: 'none', records: [], base: host, why: 'DANE is off' }) as const;
