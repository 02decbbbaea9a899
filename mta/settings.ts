/** What an MTA process is told by whoever starts it: plain values, checked at the edge (cli/config). */

import type { ShapingOverrides } from '../policy/shaping.ts';
import type { UpstreamSettings } from './upstream/settings.ts';

export interface SubmissionUser {
  readonly name: string;
  readonly password: string;
  /** Pools this user may inject into; the first is the default. */
  readonly pools: readonly string[];
}

export interface ListenerSettings {
  readonly host: string;
  readonly port: number;
  /** PEM files; STARTTLS is offered only with them. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface MtaSettings {
  /** Name of this process on its node, e.g. `mta-1`. */
  readonly name: string;
  readonly node: string;
  readonly hostname: string;
  readonly databaseUrl: string;
  readonly submission: ListenerSettings & { readonly users: readonly SubmissionUser[]; readonly maxBytes: number };
  /** Listener for feedback reports; absent: none. */
  readonly inbound?: ListenerSettings & { readonly feedbackAddresses: readonly string[] };
  /** DNS servers `ip:port`; empty: the system's. */
  readonly resolvers: readonly string[];
  /** Port of remote MX hosts: 25, another only in a lab. */
  readonly smtpPort: number;
  /** Key of the HMAC in trace headers and VERP addresses. */
  readonly traceKey: string;
  /** Domain of VERP return paths; absent: the original MAIL FROM is kept. */
  readonly bounceDomain?: string;
  /** Limits that differ from the shipped ones. */
  readonly shaping?: ShapingOverrides;
  /** Pools whose mail goes to another engine. */
  readonly upstreams?: readonly UpstreamSettings[];
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}
