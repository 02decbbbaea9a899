/** Events a sink did not take: kept whole, until somebody has them sent again or their time is over. */
import type { Queryable } from './connect.ts';

export interface DeadLetter {
  readonly id: number;
  readonly sink: string;
  /** The event as it was sent (CloudEvents 1.0). */
  readonly event: {
    readonly id: string;
    readonly type: string;
    readonly time: string;
    readonly [name: string]: unknown;
  };
  readonly reason: string;
  /** When it was given up, ms since 1970. */
  readonly at: number;
  readonly replayAsked: boolean;
}

const LETTER = `select id, sink, event, reason, extract(epoch from at)::float8 * 1000 as at,
  replay_at is not null as "replayAsked" from event_dead_letters`;

/** Keeps events a sink did not take. Call it in the transaction that moves the sink past them. */
export async function bury(db: Queryable, sink: string, events: readonly object[], reason: string): Promise<void> {
  await db.query(
    `insert into event_dead_letters (sink, event, reason)
     select $1, e, left($3, 500) from jsonb_array_elements($2::jsonb) with ordinality as list(e, n) order by n`,
    [sink, JSON.stringify(events), reason],
  );
}

/** The oldest dead letters, of one sink or of all. */
export async function deadLetters(db: Queryable, sink: string | null, limit: number): Promise<DeadLetter[]> {
  const { rows } = await db.query(`${LETTER} where $1::text is null or sink = $1 order by id limit $2`, [sink, limit]);
  return rows;
}

/** Asks for a sink's dead letters to be sent again; its process does it. Returns how many wait for that. */
export async function askReplay(db: Queryable, sink: string): Promise<number> {
  const { rowCount } = await db.query(
    `update event_dead_letters set replay_at = coalesce(replay_at, now()) where sink = $1`,
    [sink],
  );
  return rowCount ?? 0;
}

export async function lettersToReplay(db: Queryable, sink: string, limit: number): Promise<DeadLetter[]> {
  const { rows } = await db.query(`${LETTER} where sink = $1 and replay_at is not null order by id limit $2`, [
    sink,
    limit,
  ]);
  return rows;
}

/** The sink has them now. */
export async function dropLetters(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query('delete from event_dead_letters where id = any($1::bigint[])', [ids]);
}

/** The sink refused them again: they stay, with what it said this time. */
export async function keepLetters(db: Queryable, ids: readonly number[], reason: string): Promise<void> {
  await db.query(
    'update event_dead_letters set replay_at = null, reason = left($2, 500) where id = any($1::bigint[])',
    [ids, reason],
  );
}

/** Forgets dead letters older than `days`. Returns how many of which sinks. */
export async function dropOldLetters(db: Queryable, days: number): Promise<number> {
  const { rowCount } = await db.query('delete from event_dead_letters where at < now() - make_interval(days => $1)', [
    days,
  ]);
  return rowCount ?? 0;
}
