/** Delivery's part of the configuration as the MTA takes it: shipped TLS policies filled in, paths absolute, secrets read. */
import { domainToASCII } from 'node:url';
import { SHIPPED_TLS, type TlsPolicy } from '../../policy/shaping.ts';
import type { CheckedConfig } from './schema.ts';

export interface ResolvedDelivery {
  readonly tls: {
    readonly default: TlsPolicy;
    readonly providers: Readonly<Record<string, TlsPolicy>>;
    readonly domains: Readonly<Record<string, TlsPolicy>>;
  };
  readonly sts: false | Readonly<Record<never, never>>;
  readonly dane: boolean;
  readonly trustAd?: boolean;
  readonly dkim: {
    readonly files: readonly { readonly domain: string; readonly selector: string; readonly file: string }[];
    readonly alsoSign: Readonly<Record<string, string>>;
    readonly sealKey?: string;
  };
}

export interface Reading {
  /** Absolute path of a file that must be there. */
  file(named: string, at: readonly PropertyKey[]): string;
  secret(secret: string | { readonly env: string }, at: readonly PropertyKey[]): string;
}

export function resolveDelivery({ mta, dkim }: CheckedConfig, read: Reading): ResolvedDelivery {
  const { default: fallback, providers, domains, mtaSts, dane, trustAd } = mta.remoteTls;
  const byDomain = Object.entries(domains).map(([domain, policy]) => [domainToASCII(domain), policy] as const);
  return {
    tls: {
      default: fallback,
      providers: { ...SHIPPED_TLS, ...providers },
      domains: Object.fromEntries(byDomain),
    },
    sts: mtaSts ? {} : false,
    dane,
    ...(trustAd === undefined ? {} : { trustAd }),
    dkim: {
      files: dkim.keys.map((key, n) => ({ ...key, file: read.file(key.file, ['dkim', 'keys', n, 'file']) })),
      alsoSign: dkim.alsoSign,
      ...(dkim.sealKey === undefined ? {} : { sealKey: read.secret(dkim.sealKey, ['dkim', 'sealKey']) }),
    },
  };
}
