/** An upstream: an engine that takes a pool's mail as it was handed in (a smarthost, or the engine before us). */

export interface UpstreamSettings {
  readonly pool: string;
  /** In the order they are tried. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly auth?: { readonly user: string; readonly password: string };
  /** How a tenant's mail signs in instead: the engine tells its customers apart by it. */
  readonly tenants?: Readonly<Record<string, { readonly user: string; readonly password: string }>>;
  readonly tls: 'none' | 'opportunistic' | 'required' | 'verify';
  /** At once, over all processes. */
  readonly connections: number;
  readonly messagesPerConnection: number;
  /** Absent: the system chooses. */
  readonly localAddress?: string;
  /** Adds our trace header: the one thing of ours on mail that otherwise goes on byte for byte. Absent: no. */
  readonly trace?: boolean;
  /** Absent: the name of the listeners. */
  readonly ehloName?: string;
}
