/** What is wrong between pools, and within one where two values are right by themselves and wrong together. Pure. */
import { type OverflowPool, overflowPool, overflowProblem } from '../../policy/overflow.ts';
import type { Problem } from './problems.ts';
import type { CheckedPool } from './schema-pools.ts';

export function poolProblems(pools: Readonly<Record<string, CheckedPool>>): Problem[] {
  const overflows = new Map<string, OverflowPool>(
    Object.entries(pools).map(([name, { overflow, upstream, addresses }]) => [
      name,
      {
        overflow,
        upstream: upstream !== undefined,
        warm: (addresses ?? []).some(({ standing }) => standing === 'warm'),
      },
    ]),
  );
  return Object.entries(pools).flatMap(([name, pool]) => {
    const says = overflowProblem(name, overflows);
    return [...shapeProblems(name, pool), ...(says === null ? [] : [{ path: ['pools', name, 'overflow'], says }])];
  });
}

function shapeProblems(name: string, { addresses, upstream, overflow }: CheckedPool): Problem[] {
  const path = ['pools', name];
  if (addresses === undefined && upstream === undefined)
    return [{ path: [...path, 'addresses'], says: 'expected at least one address (or an upstream), found nothing' }];
  if (addresses !== undefined && upstream !== undefined)
    return [{ path: [...path, 'upstream'], says: 'a pool has addresses or an upstream, not both: make two pools' }];
  if (upstream === undefined) return [];
  if (overflowPool(overflow) !== null)
    return [{ path: [...path, 'overflow'], says: 'an upstream takes all of its mail: it has nothing to overflow' }];
  if ((upstream.auth ?? upstream.tenants) === undefined || upstream.tls === 'required' || upstream.tls === 'verify')
    return [];
  const far = upstream.hosts.find(({ host }) => host !== 'localhost' && !/^127\./.test(host));
  return far === undefined
    ? []
    : [
        {
          path: [...path, 'upstream', 'tls'],
          says: `the password for ${far.host} could go in clear: set tls to 'required' or 'verify'`,
        },
      ];
}
