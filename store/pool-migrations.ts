/** Migrations: pools whose cutovers follow each other. */
import type { CutoverPlan } from '../policy/cutover/plan.ts';
import type { SplitScope } from '../policy/cutover/split.ts';
import type { Queryable } from './connect.ts';
import { readSplit, writeSplitIn } from './splits.ts';

export interface MigrationPool {
  readonly front: string;
  readonly from: string;
  readonly to: string;
  readonly scope: SplitScope;
  readonly plan: CutoverPlan;
}

/** No recipient is hashed while all mail takes one arm; the cutover brings its own key. */
const PARKED = 'parked';

export interface MigrationRow {
  readonly name: string;
  readonly pools: readonly MigrationPool[];
  readonly onFail: 'hold' | 'revert';
  /** Why the next pool does not start; null: it may. */
  readonly held: string | null;
  readonly actor: string;
  readonly reason: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly outcome: 'done' | 'aborted' | null;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;
const MIGRATION = `select name, pools, on_fail as "onFail", held, actor, reason, ${ms('started_at')} as "startedAt",
  ${ms('ended_at')} as "endedAt", outcome from pool_migrations`;

export async function migrationRow(db: Queryable, name: string): Promise<MigrationRow | undefined> {
  return (await db.query(`${MIGRATION} where name = $1`, [name])).rows[0];
}

export async function migrationRows(db: Queryable): Promise<MigrationRow[]> {
  return (await db.query(`${MIGRATION} order by started_at`)).rows;
}

/**
 * Writes a migration; false: one of this name is there already. From then on the mail of each of its fronts takes the engine
 * it comes from, also while the front waits for its turn. Call it in a transaction.
 *
 * @throws SplitRefused: a pool does not exist.
 */
export async function insertMigration(
  db: Queryable,
  migration: Pick<MigrationRow, 'name' | 'pools' | 'onFail' | 'actor' | 'reason'> & { readonly at: number },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into pool_migrations (name, pools, on_fail, actor, reason, started_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (name) do nothing`,
    [
      ...[migration.name, JSON.stringify(migration.pools), migration.onFail, migration.actor, migration.reason],
      new Date(migration.at),
    ],
  );
  if (rowCount !== 1) return false;
  for (const { front, from, to } of migration.pools) {
    const split = await readSplit(db, front);
    if (split !== undefined && split.endedAt === null) continue;
    const nothing = { marketing: { '*': 0 }, transactional: { '*': 0 } };
    await writeSplitIn(db, {
      ...{
        front,
        oldArm: from,
        newArm: to,
        scope: {},
        key: PARKED,
        thresholds: nothing,
        step: null,
        floor: {},
        moves: {},
      },
      ...{ settled: 'old', revision: (split?.revision ?? 0) + 1 },
    });
  }
  return true;
}

/** Says why the next pool does not start (null: it may); true: that changed something. */
export async function holdMigration(db: Queryable, name: string, held: string | null): Promise<boolean> {
  const { rowCount } = await db.query(
    'update pool_migrations set held = $2 where name = $1 and ended_at is null and held is distinct from $2',
    [name, held],
  );
  return rowCount === 1;
}

export async function endMigration(
  db: Queryable,
  name: string,
  outcome: 'done' | 'aborted',
  by: { readonly actor: string; readonly reason: string; readonly at: number },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update pool_migrations set ended_at = $3, outcome = $2, held = null, ended_by = $4, end_reason = $5
     where name = $1 and ended_at is null`,
    [name, outcome, new Date(by.at), by.actor, by.reason],
  );
  return rowCount === 1;
}
