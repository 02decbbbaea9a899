/** The estate: where each pool of a migration stands, how long the done ones took, and when the rest may be done. */
import { ladderOf, pointsOf } from '../../policy/cutover/ladder.ts';
import type { Queryable } from '../../store/connect.ts';
import { cutoverDecisions, cutoverOf } from '../../store/cutovers.ts';
import type { MigrationRow } from '../../store/pool-migrations.ts';
import type { RunningInstance } from '../instance.ts';
import { type Told, tellWorkflow } from '../temporal-command.ts';

const HEAR_MS = 3_000;

export interface PoolStanding {
  readonly pool: string;
  readonly from: string;
  readonly to: string;
  /** `waiting`: its turn has not come. */
  readonly phase: string;
  readonly share: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly tookMs: number | null;
  readonly rollbacks: number;
  /** When it may be done, from how long steps have taken (its own, else those of the pools before it); null: nobody knows. */
  readonly expectedAt: number | null;
}

/** A migration's pools in order. */
export async function estateOf(db: Queryable, migration: MigrationRow, now: number): Promise<PoolStanding[]> {
  const standings: PoolStanding[] = [];
  const took: number[] = [];
  let from = now;
  for (const pool of migration.pools) {
    const row = await cutoverOf(db, pool.front);
    const ours = row?.migration === migration.name ? row : undefined;
    const decisions = ours === undefined ? [] : await cutoverDecisions(db, ours.id);
    const ladder = ladderOf(pool.plan, pool.scope);
    const steps = decisions.filter((one) => one.toRung > one.fromRung).map(({ at }) => at);
    for (const [at, step] of steps.entries()) took.push(step - (steps[at - 1] ?? ours?.startedAt ?? step));
    const mean = took.length === 0 ? null : took.reduce((sum, one) => sum + one, 0) / took.length;
    const left = ladder.length - 1 - (ours?.rung ?? -1);
    const over = ours !== undefined && ours.endedAt !== null;
    const expectedAt = over || mean === null ? null : from + left * mean;
    if (expectedAt !== null) from = expectedAt;
    standings.push({
      ...{ pool: pool.front, from: pool.from, to: pool.to, phase: ours?.phase ?? 'waiting' },
      share: ours === undefined ? 0 : pointsOf(ladder, ours.rung),
      ...{ startedAt: ours?.startedAt ?? null, endedAt: ours?.endedAt ?? null, expectedAt },
      tookMs: over ? (ours.endedAt ?? now) - ours.startedAt : null,
      // One that only changed the pace of what goes back took nothing back.
      rollbacks: decisions.filter(
        (one) => one.event === 'reverse' || (one.event === 'rollback' && one.toRung < one.fromRung),
      ).length,
    });
  }
  return standings;
}

/** Has the migration's workflow look at the rows now. */
export function wakeMigration(instance: RunningInstance, name: string): Promise<Told> {
  return tellWorkflow(instance, HEAR_MS, async (temporal) => {
    await temporal.wakeMigration(name);
    return { says: '', rampId: null };
  });
}
