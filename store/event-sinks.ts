/**
 * Sinks as the store knows them: where each stands, which process sends for it, how it fares. One process owns a sink
 * for as long as it renews its lease; every move of a position is fenced by the owner's name and the position it moved
 * from, so neither a process that was taken for dead nor one that missed a replay can undo another's work.
 */
import type { Queryable } from './connect.ts';

export interface SinkPositions {
  readonly attempts: number;
  readonly mail: number;
  readonly operations: number;
}

const POSITIONS = `json_build_object('attempts', attempts_at, 'mail', mail_at, 'operations', operations_at) as positions`;

/** Makes a sink known; a new one starts with what happens from now on. */
export async function registerSink(db: Queryable, name: string, kind: string): Promise<void> {
  await db.query(
    `insert into event_sinks (name, kind, attempts_at, mail_at, operations_at)
     select $1, $2, attempts, log, log from (
       select greatest((select max(id) from attempts),
           (select dropped_to from event_retention where source = 'attempts'), 0) as attempts,
         greatest((select max(id) from event_log),
           (select dropped_to from event_retention where source = 'event_log'), 0) as log) ends
     on conflict (name) do update set kind = excluded.kind`,
    [name, kind],
  );
}

/** Takes or renews the lease; null: another process has it. `disabled`: it must not be sent to. */
export async function holdSink(
  db: Queryable,
  name: string,
  owner: string,
  leaseMs: number,
): Promise<{ readonly positions: SinkPositions; readonly disabled: boolean } | null> {
  const { rows } = await db.query(
    `update event_sinks set owner = $2, lease_until = now() + make_interval(secs => $3::float8 / 1000)
     where name = $1 and (owner = $2 or owner is null or lease_until <= now())
     returning ${POSITIONS}, disabled_at is not null as disabled`,
    [name, owner, leaseMs],
  );
  return rows[0] ?? null;
}

/** Lets go, so that another process need not wait for the lease to run out. */
export async function releaseSink(db: Queryable, name: string, owner: string): Promise<void> {
  await db.query(`update event_sinks set owner = null, lease_until = now() where name = $1 and owner = $2`, [
    name,
    owner,
  ]);
}

/** Moves the positions after the sink confirmed. False: lease lost, or the sink was told to start elsewhere meanwhile. */
export async function moveSink(
  db: Queryable,
  name: string,
  owner: string,
  from: SinkPositions,
  to: SinkPositions,
  confirmed: number,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update event_sinks set attempts_at = $6, mail_at = $7, operations_at = $8, confirmed = confirmed + $9,
       confirmed_at = case when $9 > 0 then now() else confirmed_at end
     where name = $1 and owner = $2 and attempts_at = $3 and mail_at = $4 and operations_at = $5`,
    [name, owner, from.attempts, from.mail, from.operations, to.attempts, to.mail, to.operations, confirmed],
  );
  return rowCount === 1;
}

/** What a dropped stretch of the outbox cost this sink, in ids: an upper bound, for ids may have gaps. */
export async function noteMissed(
  db: Queryable,
  name: string,
  owner: string,
  from: SinkPositions,
  to: SinkPositions,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update event_sinks set attempts_at = $6, mail_at = $7, operations_at = $8,
       missed = missed + ($6 - $3) + greatest($7 - $4, $8 - $5)
     where name = $1 and owner = $2 and attempts_at = $3 and mail_at = $4 and operations_at = $5`,
    [name, owner, from.attempts, from.mail, from.operations, to.attempts, to.mail, to.operations],
  );
  return rowCount === 1;
}

/** Notes a failure; returns for how long (ms) the sink has failed in a row, by the database's clock. */
export async function noteFailure(db: Queryable, name: string, owner: string, error: string): Promise<number> {
  const { rows } = await db.query(
    `update event_sinks set failing_since = coalesce(failing_since, now()), last_error = left($3, 500)
     where name = $1 and owner = $2 returning extract(epoch from now() - failing_since)::float8 * 1000 as ms`,
    [name, owner, error],
  );
  return rows[0]?.ms ?? 0;
}

export async function noteWell(db: Queryable, name: string, owner: string): Promise<void> {
  await db.query(`update event_sinks set failing_since = null where name = $1 and owner = $2`, [name, owner]);
}

/** Switches a sink off. True: it was on. */
export async function disableSink(db: Queryable, name: string, reason: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `update event_sinks set disabled_at = now(), disabled_reason = $2 where name = $1 and disabled_at is null`,
    [name, reason],
  );
  return rowCount === 1;
}

/** Switches a sink on again where it stood. False: there is no such sink. */
export async function enableSink(db: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `update event_sinks set disabled_at = null, disabled_reason = null, failing_since = null where name = $1`,
    [name],
  );
  return rowCount === 1;
}

/** Sets a sink back, never forward: everything after these ids is sent again. Returns null for an unknown sink. */
export async function rewindSink(
  db: Queryable,
  name: string,
  to: { readonly attempts: number; readonly log: number },
): Promise<SinkPositions | null> {
  const { rows } = await db.query(
    `update event_sinks set attempts_at = least(attempts_at, $2), mail_at = least(mail_at, $3),
       operations_at = least(operations_at, $3) where name = $1 returning ${POSITIONS}`,
    [name, to.attempts, to.log],
  );
  return rows[0]?.positions ?? null;
}

/** Instants in ms since 1970. */
export interface SinkRow {
  readonly name: string;
  readonly kind: string;
  readonly owner: string | null;
  /** Whether a process sends for it now. */
  readonly running: boolean;
  readonly disabledAt: number | null;
  readonly disabledReason: string | null;
  readonly failingSince: number | null;
  readonly lastError: string | null;
  readonly confirmedAt: number | null;
  readonly confirmed: number;
  readonly missed: number;
  /** Rows not yet confirmed: at most, for ids have gaps and filters leave some out. */
  readonly backlog: number;
  /** When the oldest of them happened; null: none wait. */
  readonly oldestAt: number | null;
  readonly deadLetters: number;
}

export async function sinkRows(db: Queryable): Promise<SinkRow[]> {
  const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;
  const { rows } = await db.query(
    `select s.name, s.kind, s.owner, s.owner is not null and s.lease_until > now() as running,
       ${ms('s.disabled_at')} as "disabledAt", s.disabled_reason as "disabledReason",
       ${ms('s.failing_since')} as "failingSince", s.last_error as "lastError", ${ms('s.confirmed_at')} as "confirmedAt",
       s.confirmed, s.missed,
       greatest(0, ends.attempts - s.attempts_at) + greatest(0, ends.log - least(s.mail_at, s.operations_at)) as backlog,
       ${ms('least(a.at, e.at)')} as "oldestAt",
       (select count(*) from event_dead_letters d where d.sink = s.name) as "deadLetters"
     from event_sinks s
     cross join (select coalesce((select max(id) from attempts), 0) as attempts,
       coalesce((select max(id) from event_log), 0) as log) ends
     left join lateral (select at from attempts where id > s.attempts_at order by id limit 1) a on true
     left join lateral (select at from event_log where id > least(s.mail_at, s.operations_at)
       and id > case about when 'mail' then s.mail_at else s.operations_at end order by id limit 1) e on true
     order by s.name`,
  );
  return rows;
}
