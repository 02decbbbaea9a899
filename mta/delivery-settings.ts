/** What delivery is told: who signs, and what TLS must be. */
import type { TlsPolicies } from './transport-security/destination.ts';

export interface DeliverySettings {
  /** TLS by provider and domain. */
  readonly tls: TlsPolicies;
  /** Look for MTA-STS policies; `port` (443) and `ca` (PEM) of their hosts are for tests. */
  readonly sts: false | { readonly port?: number; readonly ca?: string };
  /** Heed TLSA records where the resolver vouches for them. */
  readonly dane: boolean;
  /** The resolvers validate DNSSEC and the way to them is safe; absent: only where all are on loopback. */
  readonly trustAd?: boolean;
  /** PEM of authorities to check remote hosts against; absent: the public ones. Tests. */
  readonly ca?: string;
  readonly dkim: {
    /** Private keys in files, paths absolute; the others are in the store. */
    readonly files: readonly { readonly domain: string; readonly selector: string; readonly file: string }[];
    /** Domain that signs all mail of a pool beside the author's, by pool. */
    readonly alsoSign: Readonly<Record<string, string>>;
    /** What private keys in the store are sealed with. */
    readonly sealKey?: string;
  };
}
