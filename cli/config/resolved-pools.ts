/** Pools as the rest of Rampart takes them: defaults filled in, and upstreams with their secrets read. */
import type { ResolvedPool, ResolvedUpstream } from './resolved.ts';
import type { CheckedPool } from './schema-pools.ts';

/** Normal limit of a warm address at a provider nobody gave a figure for, messages a day. */
const NORMAL = 50_000;

type Pools = Readonly<Record<string, CheckedPool>>;
type ReadSecret = (secret: string | { readonly env: string }, at: readonly PropertyKey[]) => string;

/** Without secrets: this part is shown to people. */
export function resolvePools(pools: Pools): ResolvedPool[] {
  return Object.entries(pools).map(([name, { overflow, addresses = [], upstream }]) => ({
    name,
    overflow,
    addresses: addresses.map((address) => ({ ...address, normal: { default: NORMAL, ...address.normal } })),
    ...(upstream && { upstream: upstream.hosts.map(({ host, port }) => `${host}:${port}`) }),
  }));
}

export function resolveUpstreams(pools: Pools, readSecret: ReadSecret): ResolvedUpstream[] {
  return Object.entries(pools).flatMap(([pool, { upstream }]) => {
    if (upstream === undefined) return [];
    const { auth, tenants, localAddress, ehloName, trace, ...rest } = upstream;
    const path = ['pools', pool, 'upstream'];
    const read = (given: NonNullable<typeof auth>, at: readonly string[]) => ({
      user: given.user,
      password: readSecret(given.password, [...path, ...at, 'password']),
    });
    return [
      {
        pool,
        ...rest,
        ...(auth && { auth: read(auth, ['auth']) }),
        ...(tenants && {
          tenants: Object.fromEntries(
            Object.entries(tenants).map(([tenant, given]) => [tenant, read(given, ['tenants', tenant])]),
          ),
        }),
        ...(trace === true && { trace }),
        ...(localAddress === undefined ? {} : { localAddress }),
        ...(ehloName === undefined ? {} : { ehloName }),
      },
    ];
  });
}
