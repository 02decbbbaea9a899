/** What an MTA process is told by whoever starts it: plain values, checked at the edge (cli/config). */
import type { ShapingOverrides } from '../policy/shaping.ts';
import type { Stream } from '../store/users.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import type { Marks } from './injection/back-pressure.ts';
import type { InjectionSettings, ListenerSettings } from './settings-injection.ts';
import type { UpstreamSettings } from './upstream/settings.ts';

export type { ListenerSettings } from './settings-injection.ts';

export interface SubmissionUser {
  readonly name: string;
  readonly password: string;
  /** Pools this user may inject into; the first is the default. */
  readonly pools: readonly string[];
  /** Sender domains; none: every one. */
  readonly domains?: readonly string[];
  /** Tenants and streams they may name, the first is the default; none: every one. */
  readonly tenants?: readonly string[];
  readonly streams?: readonly Stream[];
  /** Recipients an hour; null or absent: no limit. */
  readonly rate?: number | null;
}

export interface MtaSettings {
  /** Name of this process on its node, e.g. `mta-1`. */
  readonly name: string;
  readonly node: string;
  readonly hostname: string;
  readonly databaseUrl: string;
  readonly submission: ListenerSettings & { readonly users: readonly SubmissionUser[]; readonly maxBytes: number };
  /** More ways in, and what they allow. */
  readonly injection?: InjectionSettings;
  /** Listener for bounces and feedback reports; absent: none. */
  readonly inbound?: ListenerSettings & {
    readonly feedbackAddresses: readonly string[];
    /** Whose signed reports count without a token of ours, beside policy/reporters.ts. */
    readonly reporters?: readonly string[];
  };
  /** DNS servers `ip:port`; empty: the system's. */
  readonly resolvers: readonly string[];
  /** Marks above which new mail is put off; absent: the defaults. */
  readonly backPressure?: Marks;
  /** Port of remote MX hosts: 25, another only in a lab. */
  readonly smtpPort: number;
  /** Key of the HMAC in trace headers and VERP addresses. */
  readonly traceKey: string;
  /** Domain of VERP return paths; absent: the original MAIL FROM is kept. */
  readonly bounceDomain?: string;
  /** Signatures and transport security; absent: no signatures, opportunistic TLS. */
  readonly delivery?: DeliverySettings;
  /** Are senders told of what could not be delivered (DSN)? Default: `sender`. */
  readonly notifications?: 'sender' | 'none';
  /** Days finished mail is kept; absent: the default (retention.ts). */
  readonly keepDays?: number;
  /** Largest part of a cold lane that one tenant has while others wait, 0 to 1; absent: the default. */
  readonly tenantShare?: number;
  /** Limits that differ from the shipped ones. */
  readonly shaping?: ShapingOverrides;
  /** Pools whose mail goes to another engine. */
  readonly upstreams?: readonly UpstreamSettings[];
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}
