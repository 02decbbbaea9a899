/** What became of mail that was handed on to other engines, counted by the minute as their events come in. */
import type { Queryable } from './connect.ts';

export interface ToldFailures {
  readonly provider: string;
  readonly attempts: number;
  readonly hard: number;
  readonly blocked: number;
}

/** What the events of an arm's engine tell since an instant (ms), by provider of the mailbox. */
export async function toldFailures(
  db: Queryable,
  front: string,
  arm: 'old' | 'new',
  since: number,
): Promise<ToldFailures[]> {
  const { rows } = await db.query(
    `select provider, sum(attempts)::int as attempts, sum(hard)::int as hard, sum(blocked)::int as blocked
     from legacy_rollups where front = $1 and arm = $2 and bucket >= $3 group by 1 order by 1`,
    [front, arm, new Date(since)],
  );
  return rows;
}

export interface ToldBounces {
  readonly attempts: number;
  readonly hard: number;
}

/** Attempts and hard bounces between two instants (ms): at a provider, and at all others. */
export async function toldBounces(
  db: Queryable,
  provider: string,
  from: number,
  to: number,
): Promise<{ readonly here: ToldBounces; readonly elsewhere: ToldBounces }> {
  const { rows } = await db.query(
    `select provider = $1 as here, sum(attempts)::int as attempts, sum(hard)::int as hard
     from legacy_rollups where bucket >= $2 and bucket <= $3 group by 1`,
    [provider, new Date(from), new Date(to)],
  );
  const of = (here: boolean): ToldBounces => rows.find((row) => row.here === here) ?? { attempts: 0, hard: 0 };
  return { here: of(true), elsewhere: of(false) };
}
