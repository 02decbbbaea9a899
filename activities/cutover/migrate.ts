/**
 * One look at a migration: a pool's cutover begins when the one before it is done. A pool that fails keeps the next from
 * starting, and is held where it is or reverted; the ones before it stay.
 */
import { randomBytes } from 'node:crypto';
import { ladderOf } from '../../policy/cutover/ladder.ts';
import { cutoverAfter } from '../../policy/cutover/machine.ts';
import { fallTo } from '../../policy/cutover/orders.ts';
import { POLICY_VERSION } from '../../policy/defaults.ts';
import { type Queryable, tx } from '../../store/connect.ts';
import { applyCutover, type CutoverRow, cutoverOf, insertCutover } from '../../store/cutovers.ts';
import { addNotice } from '../../store/decisions.ts';
import {
  endMigration,
  holdMigration,
  type MigrationPool,
  type MigrationRow,
  migrationRow,
} from '../../store/pool-migrations.ts';
import { poolRows } from '../../store/pools.ts';
import { readSplit } from '../../store/splits.ts';
import type { ActivityDeps } from '../deps.ts';
import type { MigrationStep } from '../types.ts';
import { nextLook } from './times.ts';

const UNKNOWN_CALENDAR = 60_000;

export async function migrate(deps: ActivityDeps, input: { readonly name: string }): Promise<MigrationStep> {
  return tx(deps.store, async (db) => {
    const migration = await migrationRow(db, input.name);
    if (migration === undefined || migration.endedAt !== null) return { fronts: [], nextAt: null };
    const now = deps.now();
    const fronts: string[] = [];
    for (const pool of migration.pools) {
      const row = await cutoverOf(db, pool.front);
      const ours = row?.migration === migration.name ? row : undefined;
      if (ours?.phase === 'done') continue;
      const live = await settlePool(deps, db, migration, pool, ours);
      if (live) fronts.push(pool.front);
      const calendar = (await poolRows(db)).find(({ name }) => name === pool.front)?.calendar;
      return {
        fronts,
        nextAt: calendar === undefined ? now + UNKNOWN_CALENDAR : nextLook(now, calendar, migration.name),
      };
    }
    if (await endMigration(db, migration.name, 'done', { actor: 'rampart', reason: 'every pool is done', at: now }))
      await addNotice(db, 'migration-done', `migration ${migration.name} is done`, { name: migration.name });
    return { fronts: [], nextAt: null };
  });
}

/** Starts, or looks after, the pool whose turn it is; false: it has no live cutover. */
async function settlePool(
  deps: ActivityDeps,
  db: Queryable,
  migration: MigrationRow,
  pool: MigrationPool,
  row: CutoverRow | undefined,
): Promise<boolean> {
  if (row === undefined) {
    await begin(deps, db, migration, pool);
    return true;
  }
  const failed = row.phase === 'aborted' || row.phase === 'rolled-back';
  const held = !failed ? null : `${pool.front} is ${row.phase}: ${await lastReason(db, row.id)}`;
  if (await holdMigration(db, migration.name, held)) {
    if (held !== null)
      await addNotice(db, 'migration-held', `migration ${migration.name} waits: ${pool.front} failed`, { held });
  }
  if (row.phase === 'rolled-back' && row.rung >= 0 && migration.onFail === 'revert') await revert(deps, db, row);
  return row.endedAt === null;
}

async function begin(deps: ActivityDeps, db: Queryable, migration: MigrationRow, pool: MigrationPool): Promise<void> {
  const now = deps.now();
  const calendar = (await poolRows(db)).find(({ name }) => name === pool.front)?.calendar;
  if (calendar === undefined) throw new Error(`migration ${migration.name}: there is no pool ${pool.front}`);
  const id = `${pool.front}/${new Date(now).toISOString()}`;
  const { actor } = migration;
  await insertCutover(
    db,
    {
      ...{ id, front: pool.front, oldArm: pool.from, newArm: pool.to, scope: pool.scope, plan: pool.plan, calendar },
      ...{ migration: migration.name, key: randomBytes(16).toString('hex'), at: now },
      ...{ operationId: `migration/${migration.name}/${pool.front}`, policyVersion: POLICY_VERSION },
    },
    { actor, reason: `migration ${migration.name}: ${migration.reason}` },
  );
  await holdMigration(db, migration.name, null);
  deps.log('migration-starts', { name: migration.name, front: pool.front });
}

/** All of what is left on the new arm goes back. */
async function revert(deps: ActivityDeps, db: Queryable, row: CutoverRow): Promise<void> {
  const split = await readSplit(db, row.front);
  const ladder = ladderOf(row.plan, row.scope);
  const state = cutoverAfter(row, 'rollback', ladder.length);
  if (split === undefined || state === undefined) return;
  const reason = 'the migration reverts a pool that failed';
  await applyCutover(db, {
    ...{ row, operationId: `revert/${row.id}/${row.revision}`, at: deps.now(), policyVersion: POLICY_VERSION },
    decision: { event: 'rollback', state, actor: 'rampart', reason, evidence: {} },
    split: fallTo(split.thresholds, ladder, state.rung),
  });
}

async function lastReason(db: Queryable, cutover: string): Promise<string> {
  const { rows } = await db.query('select reason from cutover_decisions where cutover = $1 order by id desc limit 1', [
    cutover,
  ]);
  return rows[0]?.reason ?? 'for no reason that was written';
}
