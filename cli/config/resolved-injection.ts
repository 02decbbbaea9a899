/** The ways in, as the rest of Rampart uses them: paths absolute, what is not there left out. */
import type { InjectionLimits } from '../../policy/injection.ts';
import type { CheckedConfig } from './schema.ts';

interface Listener {
  readonly host: string;
  readonly port: number;
  /** Absolute paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly implicit?: boolean };
  readonly proxyFrom?: readonly string[];
}

export interface ResolvedInjection {
  readonly listeners: readonly (
    | (Listener & { readonly role: 'submission' })
    | (Listener & {
        readonly role: 'internal';
        readonly peers: readonly string[];
        readonly pools: readonly string[];
        readonly domains: readonly string[];
        readonly tenants: readonly string[];
        readonly streams: readonly ('marketing' | 'transactional')[];
        readonly rate: number | null;
      })
    | (Listener & {
        readonly role: 'inbound';
        readonly feedbackAddresses: readonly string[];
        readonly reporters: readonly string[];
      })
  )[];
  readonly http?: Listener;
  readonly limits: InjectionLimits;
  readonly maxReadingBytes: number;
  readonly requireListUnsubscribe: 'warn' | 'require';
}

/** `file` makes a path absolute; its second argument is where the path stands in the configuration. */
export function resolveInjection(
  mta: CheckedConfig['mta'],
  file: (named: string, at: readonly PropertyKey[]) => string,
): ResolvedInjection {
  const { listeners, http, limits, maxReadingBytes, requireListUnsubscribe } = mta;
  const withFiles = <T extends { tls?: { cert: string; key: string } | undefined; proxyFrom?: string[] | undefined }>(
    { tls, proxyFrom, ...rest }: T,
    at: readonly PropertyKey[],
  ) => ({
    ...rest,
    ...(proxyFrom && { proxyFrom }),
    ...(tls && {
      tls: { ...tls, cert: file(tls.cert, [...at, 'tls', 'cert']), key: file(tls.key, [...at, 'tls', 'key']) },
    }),
  });
  return {
    // Spreading a union's member loses which one it was; nothing but files changed.
    listeners: listeners.map((one, n) => withFiles(one, ['mta', 'listeners', n])) as ResolvedInjection['listeners'],
    ...(http && { http: withFiles(http, ['mta', 'http']) as Listener }),
    limits,
    maxReadingBytes,
    requireListUnsubscribe,
  };
}
