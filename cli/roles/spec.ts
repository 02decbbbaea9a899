/** What an instance is made of, resolved: every default filled in, every secret read. Plain data, sent to role processes. */
import type { Dnsbl } from '../../policy/preflight/dnsbl.ts';
import type { ResolvedConfig } from '../config/resolved.ts';

export type InstanceSpec = Omit<ResolvedConfig, 'file' | 'traceKey' | 'mta' | 'plans' | 'preflight' | 'legacy'> & {
  /** Absent: no feeds. */
  readonly legacy?: ResolvedConfig['legacy'];
  /** DNS lists that are asked of every address; absent: none. */
  readonly dnsbls?: SpecDnsbls;
  readonly mta: Omit<ResolvedConfig['mta'], 'injection'> & {
    /** Absent: the default ways in. */
    readonly injection?: ResolvedConfig['mta']['injection'];
    /** Key of the HMAC in trace headers and VERP addresses. */
    readonly traceKey: string;
  };
};

export interface SpecDnsbls {
  readonly lists: readonly Dnsbl[];
  /** Addresses that nobody outside sees are asked about as well: a lab's lists know them. */
  readonly unseen: boolean;
}

/** What a role process is sent by its parent. */
export interface RoleOrders {
  readonly spec: InstanceSpec;
  readonly name: string;
  readonly databaseUrl: string;
  /** host:port of the local Temporal server; absent: TEMPORAL_ADDRESS. */
  readonly temporalAddress?: string;
}
