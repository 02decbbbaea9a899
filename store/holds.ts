/** Hold rows and incidents: what stops mail, at once, with or without an orchestrator. */
import type { Easing, Hold, HoldScope } from '../policy/holds.ts';
import type { Queryable } from './connect.ts';

const HOLD = `id, scope, target, reach, cause, actor, reason, extract(epoch from since)::float8 * 1000 as since,
  extract(epoch from until)::float8 * 1000 as until`;

export interface HoldWrite {
  readonly scope: HoldScope;
  readonly target: string;
  readonly reach: 'cold' | 'all';
  readonly cause: string;
  readonly actor: string;
  readonly reason: string;
  readonly evidence?: unknown;
  readonly until?: number;
}

/** Channel on which processes hear of new holds and grants before their next lease renewal. */
export const CHANGES = 'rampart_changes';

/** Places a hold, or returns the live one with the same scope, target and cause. */
export async function placeHold(db: Queryable, hold: HoldWrite): Promise<{ id: number; placed: boolean }> {
  await db.query(
    `update holds set cleared_at = now(), cleared_by = 'expiry', clear_reason = 'its time was over'
     where scope = $1 and target = $2 and cause = $3 and cleared_at is null and until <= now()`,
    [hold.scope, hold.target, hold.cause],
  );
  const placed = await db.query(
    `insert into holds (scope, target, reach, cause, actor, reason, evidence, until)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (scope, target, cause) where cleared_at is null do nothing returning id`,
    [
      hold.scope,
      hold.target,
      hold.reach,
      hold.cause,
      hold.actor,
      hold.reason,
      hold.evidence === undefined ? null : JSON.stringify(hold.evidence),
      hold.until === undefined ? null : new Date(hold.until),
    ],
  );
  const id = placed.rows[0]?.id;
  if (id !== undefined) {
    await db.query('select pg_notify($1, $2)', [CHANGES, `hold ${id}`]);
    return { id, placed: true };
  }
  const { rows } = await db.query(
    `select id from holds where scope = $1 and target = $2 and cause = $3 and cleared_at is null`,
    [hold.scope, hold.target, hold.cause],
  );
  return { id: rows[0]?.id, placed: false };
}

/** Every hold in force now, as a query that others embed. */
export const LIVE_HOLDS = `select ${HOLD} from holds
  where cleared_at is null and (until is null or until > now()) order by id`;

export async function liveHolds(db: Queryable): Promise<Hold[]> {
  return (await db.query(LIVE_HOLDS)).rows;
}

/** Holds that were in force at some time since an instant, live or not. */
export async function holdsSince(db: Queryable, since: number): Promise<(Hold & { clearedAt: number | null })[]> {
  const { rows } = await db.query(
    `select ${HOLD}, extract(epoch from cleared_at)::float8 * 1000 as "clearedAt" from holds
     where (cleared_at is null or cleared_at > $1) and (until is null or until > $1) order by id`,
    [new Date(since)],
  );
  return rows;
}

/** Which of these causes have ever placed a hold, lifted or not. */
export async function causesHeld(db: Queryable, causes: readonly string[]): Promise<string[]> {
  if (causes.length === 0) return [];
  return (await db.query('select distinct cause from holds where cause = any($1::text[])', [causes])).rows.map(
    (row) => row.cause,
  );
}

/** Gives holds an end that have none: a decision has answered them. */
export async function boundHolds(db: Queryable, ids: readonly number[], until: number): Promise<void> {
  await db.query('update holds set until = $2 where id = any($1::bigint[]) and until is null and cleared_at is null', [
    ids,
    new Date(until),
  ]);
}

/** Takes the end off a lane's refusals that would have passed by themselves: now somebody has to look. */
export async function unboundRefusals(db: Queryable, target: string): Promise<void> {
  await db.query(
    `update holds set until = null
     where scope = 'lane' and target = $1 and starts_with(cause, 'incident:') and cleared_at is null and until > now()`,
    [target],
  );
}

/** Clears a lane's holds whose time is over (ms): the next with the same cause is a new one. */
export async function clearEnded(db: Queryable, target: string, now: number): Promise<void> {
  await db.query(
    `update holds set cleared_at = now(), cleared_by = 'expiry', clear_reason = 'its time was over'
     where scope = 'lane' and target = $1 and cleared_at is null and until <= $2`,
    [target, new Date(now)],
  );
}

/** Clears holds by id: whoever clears names the causes it saw. Returns the ids that were still live. */
export async function clearHolds(
  db: Queryable,
  ids: readonly number[],
  by: { actor: string; reason: string },
): Promise<number[]> {
  if (ids.length === 0) return [];
  const { rows } = await db.query(
    `update holds set cleared_at = now(), cleared_by = $2, clear_reason = $3
     where id = any($1::bigint[]) and cleared_at is null returning id, scope, target, cause`,
    [ids, by.actor, by.reason],
  );
  // A lane's incident ends with a decision; of mail (a campaign, a tenant) nothing else would end it, and the next one
  // with the same cause could not be told.
  await db.query(
    `update incidents i set closed_at = now()
     from unnest($1::text[], $2::text[], $3::text[]) as h(scope, target, cause)
     where i.closed_at is null and i.address is null and (i.scope, i.target, i.cause) = (h.scope, h.target, h.cause)`,
    [rows.map((row) => row.scope), rows.map((row) => row.target), rows.map((row) => row.cause)],
  );
  await db.query('select pg_notify($1, $2)', [CHANGES, `hold ${ids.join(' ')}`]);
  return rows.map((row) => row.id);
}

/** After their stop is lifted, what these holds stopped comes back at a part of its pace until then (ms). */
export async function easeHolds(db: Queryable, ids: readonly number[], until: number): Promise<void> {
  await db.query('update holds set ease_until = $2 where id = any($1::bigint[])', [ids, new Date(until)]);
}

/** Stops that were lifted and still slow what they covered, as a query that others embed. */
export const EASINGS = `select scope, target, reach, extract(epoch from ease_until)::float8 * 1000 as until from holds
  where ease_until > now() and cleared_at is not null order by id`;

export async function easings(db: Queryable): Promise<Easing[]> {
  return (await db.query(EASINGS)).rows;
}

export interface Incident {
  readonly id: number;
  readonly scope: string;
  readonly target: string;
  readonly cause: string;
  readonly address: string | null;
  readonly provider: string | null;
}

/** Opens an incident, unless one with the same cause is open. Call it in the transaction that places the hold. */
export async function openIncident(
  db: Queryable,
  incident: { scope: HoldScope; target: string; cause: string; address?: string; provider?: string; detail: unknown },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into incidents (scope, target, cause, address, provider, detail) values ($1, $2, $3, $4, $5, $6)
     on conflict (scope, target, cause) where closed_at is null do nothing`,
    [
      incident.scope,
      incident.target,
      incident.cause,
      incident.address ?? null,
      incident.provider ?? null,
      JSON.stringify(incident.detail),
    ],
  );
  return rowCount === 1;
}

export async function incidentsToRelay(db: Queryable): Promise<Incident[]> {
  const { rows } = await db.query(
    `select id, scope, target, cause, host(address) as address, provider from incidents
     where relayed_at is null order by id limit 100`,
  );
  return rows;
}

export async function markRelayed(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query('update incidents set relayed_at = now() where id = any($1::bigint[])', [ids]);
}

/** A decision has answered these: the same cause may open a new incident. */
export async function closeIncidents(
  db: Queryable,
  kind: 'gate' | 'pause' | 'incident',
  address: string,
  provider: string,
  at: number,
): Promise<void> {
  await db.query(
    `update incidents set closed_at = now()
     where address = $1 and provider = $2 and closed_at is null and starts_with(cause, $4 || ':') and opened_at <= $3`,
    [address, provider, new Date(at), kind],
  );
}
