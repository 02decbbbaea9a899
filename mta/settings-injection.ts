/** What an MTA process is told about taking mail in; plain values, checked at the edge (cli/config). */
import type { InjectionLimits } from '../policy/injection.ts';
import type { Stream } from '../store/users.ts';

export interface TlsFiles {
  /** PEM files; read again on SIGHUP. */
  readonly cert: string;
  readonly key: string;
  /** TLS from the first byte (RFC 8314); default: STARTTLS. */
  readonly implicit?: boolean;
}

export interface ListenerSettings {
  readonly host: string;
  readonly port: number;
  /** TLS is offered only with it. */
  readonly tls?: TlsFiles;
  /** Addresses whose connections begin with a PROXY protocol header (version 1 or 2). */
  readonly proxyFrom?: readonly string[];
}

/** Trusted peers hand in mail without AUTH, with the rights of their listener. */
export interface InternalListener extends ListenerSettings {
  readonly role: 'internal';
  /** Addresses or networks, such as 10.0.0.0/8. */
  readonly peers: readonly string[];
  readonly pools: readonly string[];
  readonly domains: readonly string[];
  /** Tenants and streams they may name, the first is the default; none or absent: every one. */
  readonly tenants?: readonly string[];
  readonly streams?: readonly Stream[];
  /** Recipients an hour of all its peers together; null: no limit. */
  readonly rate: number | null;
}

export type ExtraListener =
  | (ListenerSettings & { readonly role: 'submission' })
  | InternalListener
  | (ListenerSettings & {
      readonly role: 'inbound';
      readonly feedbackAddresses: readonly string[];
      readonly reporters?: readonly string[];
    });

export interface InjectionSettings {
  /** Listeners beside `submission` and `inbound`. */
  readonly listeners?: readonly ExtraListener[];
  /** Where POST /v1/messages is served; absent: nowhere. */
  readonly http?: ListenerSettings;
  readonly limits?: Partial<InjectionLimits>;
  /** Bytes of messages this process may be reading at once. */
  readonly maxReadingBytes?: number;
  /** Marketing without one-click unsubscribe: taken and kept off cold lanes, or refused. */
  readonly requireListUnsubscribe?: 'warn' | 'require';
}
