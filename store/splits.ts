/**
 * How the mail of a front is divided between the arms of its cutover: written by the cutover's owner, read by every MTA
 * process with its lease.
 */
import type { Split } from '../policy/cutover/split.ts';
import { type Queryable, type Store, tx } from './connect.ts';
import { CHANGES } from './holds.ts';

export class SplitRefused extends Error {
  readonly code = 'split-refused';
}

export interface SplitWritten {
  /** `stale`: a newer revision is in force, and nothing was changed. `same`: this revision was written before. */
  readonly result: 'written' | 'same' | 'stale';
  /** In force now. */
  readonly revision: number;
}

export interface SplitRow extends Split {
  /** ms since 1970. */
  readonly startedAt: number;
  readonly changedAt: number;
  readonly endedAt: number | null;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;

/** Every split, ended ones too (they may still say where a front's mail goes), as a query that others embed. */
export const SPLITS = `select front, old_arm as "oldArm", new_arm as "newArm", scope, key, revision, thresholds, step, floor,
  moves, settled, ${ms('started_at')} as "startedAt", ${ms('changed_at')} as "changedAt", ${ms('ended_at')} as "endedAt"
  from splits order by front`;

/**
 * Writes a split: all of it, fenced by its revision. `settled` ends the cutover. In one transaction with whatever `also`
 * does (its decision row, say), which runs only when the split was written.
 *
 * Who writes it checks it first (splitProblems).
 *
 * @throws SplitRefused: its pools do not exist, or one of them is in another live cutover.
 */
export function writeSplit(
  store: Store,
  split: Split,
  also: (db: Queryable) => Promise<void> = async () => {},
): Promise<SplitWritten> {
  return tx(store, async (db) => {
    const done = await writeSplitIn(db, split);
    if (done.result === 'written') await also(db);
    return done;
  });
}

/** The same inside a transaction of the caller. */
export async function writeSplitIn(db: Queryable, split: Split): Promise<SplitWritten> {
  // Two cutovers that start at the same time must see each other.
  await db.query('lock table splits in share row exclusive mode');
  const { rows } = await db.query(`select * from (${SPLITS}) s where front = $1`, [split.front]);
  const before: SplitRow | undefined = rows[0];
  if (before !== undefined && before.revision >= split.revision) {
    return { result: before.revision === split.revision ? 'same' : 'stale', revision: before.revision };
  }
  await refuseConflict(db, split, before);
  const values = [
    split.front,
    split.oldArm,
    split.newArm,
    JSON.stringify(split.scope),
    split.key,
    split.revision,
    JSON.stringify(split.thresholds),
    split.step === null ? null : JSON.stringify(split.step),
    JSON.stringify(split.floor),
    split.settled,
    JSON.stringify(split.moves),
  ];
  await db.query(
    `insert into splits as s (front, old_arm, new_arm, scope, key, revision, thresholds, step, floor, settled, moves,
       ended_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when $10::text is not null then now() end)
     on conflict (front) do update set old_arm = $2, new_arm = $3, scope = $4, key = $5, revision = $6, thresholds = $7,
       step = $8, floor = $9, settled = $10, moves = $11, changed_at = now(),
       started_at = case when s.ended_at is not null and $10::text is null then now() else s.started_at end,
       ended_at = case when $10::text is not null then coalesce(s.ended_at, now()) end`,
    values,
  );
  await db.query(
    `insert into split_changes (front, revision, old_arm, new_arm, thresholds, step, floor, settled)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [split.front, split.revision, split.oldArm, split.newArm, values[6], values[7], values[8], split.settled],
  );
  await db.query('select pg_notify($1, $2)', [CHANGES, `split ${split.front}`]);
  return { result: 'written', revision: split.revision };
}

export async function readSplits(db: Queryable): Promise<SplitRow[]> {
  return (await db.query(SPLITS)).rows;
}

export async function readSplit(db: Queryable, front: string): Promise<SplitRow | undefined> {
  return (await db.query(`select * from (${SPLITS}) s where front = $1`, [front])).rows[0];
}

export interface SplitChange
  extends Pick<Split, 'revision' | 'oldArm' | 'newArm' | 'thresholds' | 'step' | 'floor' | 'settled'> {
  /** ms since 1970. */
  readonly at: number;
}

/** Every share a front had since an instant (ms), oldest first, with the one that was in force then. */
export async function splitChanges(db: Queryable, front: string, since: number): Promise<SplitChange[]> {
  const { rows } = await db.query(
    `select revision, old_arm as "oldArm", new_arm as "newArm", thresholds, step, floor, settled, ${ms('at')} as at
     from split_changes c where front = $1 and revision >= coalesce(
       (select max(revision) from split_changes b where b.front = $1 and b.at <= $2), 0) order by revision`,
    [front, new Date(since)],
  );
  return rows;
}

export interface SplitProcess {
  readonly process: string;
  readonly node: string;
  /** The revision it runs; null: it knows of no split of this front yet. */
  readonly revision: number | null;
}

/** What each living MTA process runs of a front's split. */
export async function splitProcesses(db: Queryable, front: string): Promise<SplitProcess[]> {
  const { rows } = await db.query(
    `select id as process, node, (splits->>$1)::bigint as revision from processes
     where role = 'mta' and stopped_at is null and lease_until > now() order by id`,
    [front],
  );
  return rows;
}

/** A pool with addresses is one arm of one live cutover; an upstream may be the old or new arm of several. */
async function refuseConflict(db: Queryable, split: Split, before: SplitRow | undefined): Promise<void> {
  const pools = [split.front, split.oldArm, split.newArm];
  const { rows } = await db.query('select name, upstream from pools where name = any($1::text[])', [pools]);
  const missing = pools.find((pool) => !rows.some((row) => row.name === pool));
  if (missing !== undefined)
    throw new SplitRefused(`there is no pool ${missing}: name pools of the configuration that is in force`);
  if (before?.endedAt === null && (before.oldArm !== split.oldArm || before.newArm !== split.newArm))
    throw new SplitRefused(
      `pool ${split.front} has a live cutover from ${before.oldArm} to ${before.newArm}: a pool has one at a time, end it first`,
    );
  if (split.settled !== null) return;
  const upstreams = rows.filter((row) => row.upstream !== null).map((row) => row.name as string);
  const others = await db.query(
    `select front, old_arm, new_arm from splits where ended_at is null and front <> $1 order by front`,
    [split.front],
  );
  for (const other of others.rows) {
    const theirs = [other.front, other.old_arm, other.new_arm];
    // A front that is another's arm would be divided twice.
    const shared = pools.find(
      (pool) => theirs.includes(pool) && (!upstreams.includes(pool) || pool === split.front || pool === other.front),
    );
    if (shared !== undefined)
      throw new SplitRefused(
        `pool ${shared} is in the live cutover of ${other.front} (${other.old_arm} to ${other.new_arm}): a pool is in one at a time, end that first`,
      );
  }
}
