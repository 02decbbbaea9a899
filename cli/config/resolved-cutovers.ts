/** A cutover's plan from the configuration: the shipped figures, then `defaults`, then those of its pool. */
import { CUTOVER_PLAN, type CutoverPlan, cutoverPlanProblems } from '../../policy/cutover/plan.ts';
import { parseDuration } from './duration.ts';
import type { Problem } from './problems.ts';
import type { CheckedConfig } from './schema.ts';
import type { CutoverSettings } from './schema-cutovers.ts';

/** The plan of a front's cutover. */
export function cutoverPlan(config: Pick<CheckedConfig, 'cutovers'>, front: string): CutoverPlan {
  const { defaults, pools } = config.cutovers;
  return withSettings(withSettings(CUTOVER_PLAN, defaults), Object.hasOwn(pools, front) ? (pools[front] ?? {}) : {});
}

function withSettings(plan: CutoverPlan, { webhooks, worst, onFail, ...settings }: CutoverSettings): CutoverPlan {
  const set = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return {
    ...plan,
    ...(set as Partial<CutoverPlan>),
    worst: { ...plan.worst, ...(worst as Partial<CutoverPlan['worst']>) },
    onFail: { ...plan.onFail, ...(onFail as Partial<CutoverPlan['onFail']>) },
    webhooks:
      webhooks?.map(({ gate, url, timeout }) => ({ gate, url, timeoutMs: parseDuration(timeout) ?? 0 })) ??
      plan.webhooks,
  };
}

/** What is wrong between `cutovers`, `migrations` and `pools`. */
export function cutoverProblems(config: Pick<CheckedConfig, 'cutovers' | 'migrations' | 'pools'>): Problem[] {
  const names = Object.keys(config.pools);
  const unknown = (path: PropertyKey[], pool: string): Problem[] =>
    names.includes(pool) ? [] : [{ path, says: `expected one of ${names.join(', ')}, found "${pool}"` }];
  const plan = (path: PropertyKey[], front: string): Problem[] =>
    cutoverPlanProblems(cutoverPlan(config, front)).map((says) => ({ path, says }));
  const own = Object.keys(config.cutovers.pools);
  return [
    ...plan(['cutovers', 'defaults'], ''),
    ...own.flatMap((pool) => [
      ...unknown(['cutovers', 'pools', pool], pool),
      ...plan(['cutovers', 'pools', pool], pool),
    ]),
    ...Object.entries(config.migrations).flatMap(([name, { pools }]) =>
      pools.flatMap((one, at) => {
        const path = ['migrations', name, 'pools', at];
        const to = one.to ?? one.pool;
        return [
          ...unknown([...path, 'pool'], one.pool),
          ...unknown([...path, 'from'], one.from),
          ...(one.to === undefined ? [] : unknown([...path, 'to'], one.to)),
          ...(one.from === to ? [{ path, says: `from and to are both ${to}: name two pools` }] : []),
          ...(pools.findIndex((other) => other.pool === one.pool) === at
            ? []
            : [{ path, says: `pool ${one.pool} is in the migration twice` }]),
        ];
      }),
    ),
  ];
}
