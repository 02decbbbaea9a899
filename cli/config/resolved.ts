/** The configuration as the rest of Rampart uses it: defaults filled in, paths absolute, secrets read. */

import type { Calendar } from '../../policy/calendar.ts';
import type { ConfiguredGates } from '../../policy/gates/configured.ts';
import type { Overflow } from '../../policy/overflow.ts';
import type { OwnPlan } from '../../policy/plan.ts';
import type { Dnsbl } from '../../policy/preflight/dnsbl.ts';
import type { ShapingOverrides } from '../../policy/shaping.ts';
import type { ResolvedDelivery } from './resolved-delivery.ts';
import type { ResolvedEvents } from './resolved-events.ts';
import type { ResolvedInjection } from './resolved-injection.ts';
import type { ResolvedLegacy } from './resolved-legacy.ts';
import type { CheckedConfig } from './schema.ts';

export interface ResolvedListener {
  readonly host: string;
  readonly port: number;
  /** Absolute paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface ResolvedAddress {
  readonly ip: string;
  readonly ehloName: string;
  readonly standing: 'cold' | 'warm';
  /** Normal limit by provider, messages a day; `default` is always there. */
  readonly normal: Readonly<Record<string, number>>;
}

export interface ResolvedPool {
  readonly name: string;
  readonly overflow: Overflow;
  /** None where an upstream takes its mail (mta.upstreams has the rest of it). */
  readonly addresses: readonly ResolvedAddress[];
  /** Hosts of the upstream, `host:port`. */
  readonly upstream?: readonly string[];
}

/** An engine that takes a pool's mail, as the MTA is told of it. */
export interface ResolvedUpstream {
  readonly pool: string;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly auth?: { readonly user: string; readonly password: string };
  /** By tenant. */
  readonly tenants?: Readonly<Record<string, { readonly user: string; readonly password: string }>>;
  readonly tls: 'none' | 'opportunistic' | 'required' | 'verify';
  readonly connections: number;
  readonly messagesPerConnection: number;
  readonly trace?: boolean;
  readonly localAddress?: string;
  readonly ehloName?: string;
}

export interface ResolvedUser {
  readonly name: string;
  readonly password: string;
  /** At least one; the first is the default. */
  readonly pools: readonly string[];
  /** Sender domains; none: every one. */
  readonly domains?: readonly string[];
  /** Tenants and streams they may name, the first is the default; none: every one. */
  readonly tenants?: readonly string[];
  readonly streams?: readonly ('marketing' | 'transactional')[];
  /** Recipients an hour; null or absent: no limit. */
  readonly rate?: number | null;
}

export interface ResolvedSeed {
  readonly provider: string;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly user: string;
  readonly password: string;
}

export interface ResolvedConfig {
  /** The file it came from, absolute. */
  readonly file: string;
  /** Absolute. */
  readonly dataDir: string;
  readonly node: string;
  /** Calendar of every pool. A compressed one without an epoch begins when the file is read; the store keeps the first. */
  readonly calendar: Calendar;
  readonly pools: readonly ResolvedPool[];
  /** Lanes of every address. */
  readonly providers: readonly string[];
  readonly mtaProcesses: number;
  readonly mta: {
    readonly hostname: string;
    readonly submission: ResolvedListener & { readonly users: readonly ResolvedUser[]; readonly maxBytes: number };
    readonly inbound?: ResolvedListener & {
      readonly feedbackAddresses: readonly string[];
      readonly reporters?: readonly string[];
    };
    readonly notifications?: 'sender' | 'none';
    readonly injection: ResolvedInjection;
    readonly resolvers: readonly string[];
    readonly smtpPort: number;
    readonly tenantShare?: number;
    readonly backPressure: { readonly maxQueued: number; readonly minFreeBytes: number; readonly slowMs: number };
    readonly bounceDomain?: string;
    /** Days finished mail is kept; absent: the default. A loaded configuration always has it. */
    readonly keepDays?: number;
    /** Absent: no signatures, opportunistic TLS. A loaded configuration always has it. */
    readonly delivery?: ResolvedDelivery;
    readonly shaping: ShapingOverrides;
    /** Of the pools that are upstreams. */
    readonly upstreams?: readonly ResolvedUpstream[];
  };
  readonly seeds: readonly ResolvedSeed[];
  readonly placement: {
    readonly minCeiling: number;
    readonly share: number;
    readonly minObserved: number;
    readonly collapse: number;
    readonly everyWindows: number;
    readonly seeds: number;
  };
  readonly complaintFeeds: readonly string[];
  readonly events: ResolvedEvents;
  /** Feeds of other engines. */
  readonly legacy: ResolvedLegacy;
  /** Gates of every plan, and of pools; absent: the shipped ones. */
  readonly gates?: ConfiguredGates;
  /** Plans of one's own, by name. */
  readonly plans: Readonly<Record<string, OwnPlan>>;
  readonly preflight: { readonly domains: readonly string[]; readonly dnsbls: readonly Dnsbl[] };
  /** How pools move from one engine to another; a loaded configuration always has both. */
  readonly cutovers?: CheckedConfig['cutovers'];
  readonly migrations?: CheckedConfig['migrations'];
  /** null: the one in <dataDir>/trace.key (`traceKeyOf` makes it). */
  readonly traceKey: string | null;
}
