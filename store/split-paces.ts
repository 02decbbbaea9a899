/** Mail that went back already and waits for its turn in the old arm: another order may hasten, slow or stop it. */
import type { ReleaseState } from '../policy/cutover/release.ts';
import type { MoveRules } from '../policy/cutover/split.ts';
import { type Queryable, type Store, tx } from './connect.ts';
import { lockRelease, type ReleaseFacts, type ReleaseOf, releaseFacts, WENT_BACK } from './split-moves.ts';

/** Ten years, s: a release that is stopped has no later turns. */
const FAR_S = 315_360_000;

/** Providers of a front whose release was planned by other rules than these. */
export async function otherPaces(db: Queryable, front: string, moves: MoveRules): Promise<string[]> {
  const { rows } = await db.query(
    'select provider from split_releases where front = $1 and moves is not null and moves <> $2::jsonb order by 1',
    [front, JSON.stringify(moves)],
  );
  return rows.map((row) => row.provider);
}

/**
 * Plans a provider's release anew, with what waits of it, and gives that its new instants: in the order it had, never before
 * it would be due by itself. In one transaction; whoever comes second finds it done. Returns how many recipients have another
 * turn.
 */
export async function repace(
  store: Store,
  of: ReleaseOf,
  plan: (facts: ReleaseFacts) => Pick<ReleaseState, 'atOnce' | 'gapMs'>,
): Promise<number> {
  return tx(store, async (db) => {
    await lockRelease(db, of);
    const known = await db.query(
      'select from split_releases where front = $1 and provider = $2 and moves <> $3::jsonb and revision <= $4',
      [of.front, of.provider, JSON.stringify(of.moves), of.revision],
    );
    if (known.rowCount === 0) return 0;
    const { rows } = await db.query(
      `select id from queue where front = $1 and pool = $2 and mailbox_provider = $3 and claim is null and due > now()
         and own_due is not null and reason = ${WENT_BACK('pool')} order by due, id for update skip locked`,
      [of.front, of.oldArm, of.provider],
    );
    const facts = await releaseFacts(db, of, true);
    const { atOnce, gapMs } = plan({ ...facts, backlog: facts.backlog + rows.length });
    const changed = await db.query(
      `update queue q set due = greatest(q.own_due, least(
           now() + make_interval(secs => least(${FAR_S}, greatest(0, w.n - $2::int) * $3::float8 / 1000)),
           q.expires - greatest(interval '0', q.expires - now()) / 10))
       from unnest($1::bigint[]) with ordinality as w(id, n) where q.id = w.id`,
      [rows.map((row) => row.id), atOnce, gapMs],
    );
    await db.query(
      `update split_releases set revision = $3, at_once = greatest(0, $4::int - $5::int), gap_ms = $6, moves = $7,
         next_at = now() + make_interval(secs => least(${FAR_S}, greatest(0, $5::int - $4::int) * $6::float8 / 1000))
       where front = $1 and provider = $2`,
      [of.front, of.provider, of.revision, atOnce, rows.length, gapMs, JSON.stringify(of.moves)],
    );
    return changed.rowCount ?? 0;
  });
}
