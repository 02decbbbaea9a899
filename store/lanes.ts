/** Pools, addresses, lanes and ramps: the rows that say what is true of an address. */
import type { Calendar } from '../policy/calendar.ts';
import type { Phase } from '../policy/lane.ts';
import type { Overflow } from '../policy/overflow.ts';
import type { Plan } from '../policy/plan.ts';
import type { Queryable } from './connect.ts';

export { upsertPool } from './pools.ts';

export interface LaneRow {
  readonly address: string;
  readonly provider: string;
  readonly pool: string;
  readonly phase: Phase;
  readonly stage: number;
  readonly ceiling: number;
  readonly normal: number;
  readonly pauseReasons: readonly string[];
  readonly rampId: string | null;
  readonly evidenceSince: number;
  readonly clean: number;
  readonly evaluated: number | null;
  readonly advanced: number | null;
  readonly revision: number;
  readonly phaseSince: number;
  readonly lastSentAt: number | null;
  readonly node: string;
  readonly ehloName: string;
  /** Of its pool: where mail goes that a cold lane may not take now. */
  readonly overflow: Overflow;
  /** The live or last ramp's calendar, else the pool's. */
  readonly calendar: Calendar;
  /** Segments of recipients the lane's stage admits; null admits all. */
  readonly segment: string | null;
}

export interface RampRow {
  readonly id: string;
  readonly address: string;
  readonly pool: string;
  readonly plan: Plan;
  readonly calendar: Calendar;
  readonly firstWindow: number;
  readonly startedAt: number;
  readonly startedBy: string;
  readonly endedAt: number | null;
  readonly outcome: 'complete' | 'aborted' | null;
}

export interface AddressRow {
  readonly address: string;
  readonly pool: string;
  readonly node: string;
  readonly ehloName: string;
  readonly calendar: Calendar;
  readonly overflow: Overflow;
}

export interface LaneSpec {
  readonly provider: string;
  readonly phase: Phase;
  readonly ceiling: number;
  readonly normal: number;
}

/**
 * Makes an address known with its lanes. Lanes that exist keep their state: only a workflow or an operator changes it, with a
 * decision (activities/configured-normals.ts). One that waits for its first ramp has nothing to keep.
 */
export async function upsertAddress(
  db: Queryable,
  address: { address: string; pool: string; node: string; ehloName: string },
  lanes: readonly LaneSpec[],
): Promise<void> {
  await db.query(
    `insert into addresses (address, pool, node, ehlo_name) values ($1, $2, $3, $4)
     on conflict (address) do update set pool = excluded.pool, node = excluded.node, ehlo_name = excluded.ehlo_name`,
    [address.address, address.pool, address.node, address.ehloName],
  );
  await db.query(
    `insert into lanes (address, provider, phase, ceiling, normal)
     select $1, * from unnest($2::text[], $3::text[], $4::int[], $5::int[])
     on conflict (address, provider) do update set normal = excluded.normal
     where lanes.ramp_id is null and lanes.phase = 'planned'`,
    [
      address.address,
      lanes.map((lane) => lane.provider),
      lanes.map((lane) => lane.phase),
      lanes.map((lane) => lane.ceiling),
      lanes.map((lane) => lane.normal),
    ],
  );
}

export async function addressRow(db: Queryable, address: string): Promise<AddressRow | undefined> {
  const { rows } = await db.query(`${ADDRESSES} where a.address = $1`, [address]);
  return rows[0];
}

export async function addressRows(db: Queryable): Promise<AddressRow[]> {
  return (await db.query(`${ADDRESSES} order by a.address`)).rows;
}

const ADDRESSES = `select host(a.address) as address, a.pool, a.node, a.ehlo_name as "ehloName", p.calendar, p.overflow
  from addresses a join pools p on p.name = a.pool`;

/** Every lane, as a query that others embed. */
export const LANES = `select host(l.address) as address, l.provider, a.pool, l.phase, l.stage, l.ceiling, l.normal,
    l.pause_reasons as "pauseReasons", l.ramp_id as "rampId", l.clean, l.evaluated, l.advanced, l.revision,
    extract(epoch from l.evidence_since)::float8 * 1000 as "evidenceSince",
    extract(epoch from l.phase_since)::float8 * 1000 as "phaseSince",
    extract(epoch from l.last_sent_at)::float8 * 1000 as "lastSentAt", a.node, a.ehlo_name as "ehloName",
    p.overflow, coalesce(r.calendar, p.calendar) as calendar,
    case when l.phase in ('warm', 'graduating', 'cooling') then null
      else coalesce(r.plan->'rows'->l.provider, r.plan->'rows'->'default')->l.stage->>'segment' end as segment
  from lanes l join addresses a using (address) join pools p on p.name = a.pool left join ramps r on r.id = l.ramp_id`;

export async function lanesOf(db: Queryable, address: string): Promise<LaneRow[]> {
  return (await db.query(`${LANES} where l.address = $1 order by l.provider`, [address])).rows;
}

export async function allLanes(db: Queryable): Promise<LaneRow[]> {
  return (await db.query(`${LANES} order by l.address, l.provider`)).rows;
}

const RAMPS = `select id, host(address) as address, pool, plan, calendar, first_window as "firstWindow",
    extract(epoch from started_at)::float8 * 1000 as "startedAt", started_by as "startedBy",
    extract(epoch from ended_at)::float8 * 1000 as "endedAt", outcome from ramps`;

/** Every ramp of an address: the one that runs first, then the last one. */
export async function rampsOf(db: Queryable, address: string): Promise<RampRow[]> {
  const { rows } = await db.query(`${RAMPS} where address = $1 order by ended_at desc nulls first, started_at desc`, [
    address,
  ]);
  return rows;
}

/** The ramp that runs, else the last one. */
export async function rampOf(db: Queryable, address: string): Promise<RampRow | undefined> {
  return (await rampsOf(db, address))[0];
}

export async function insertRamp(
  db: Queryable,
  ramp: {
    id: string;
    address: string;
    pool: string;
    plan: Plan;
    calendar: Calendar;
    firstWindow: number;
    at: number;
    actor: string;
    /** What it was looked at before (store/preflights.ts). */
    preflight?: number;
  },
): Promise<void> {
  await db.query(
    `insert into ramps (id, address, pool, plan, calendar, first_window, started_at, started_by, preflight)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      ramp.id,
      ramp.address,
      ramp.pool,
      JSON.stringify(ramp.plan),
      JSON.stringify(ramp.calendar),
      ramp.firstWindow,
      new Date(ramp.at),
      ramp.actor,
      ramp.preflight ?? null,
    ],
  );
}

/** Replaces a ramp's plan; its lanes' executed stages must be in the new one (policy/plans/splice.ts). */
export async function setRampPlan(db: Queryable, id: string, plan: Plan): Promise<void> {
  await db.query('update ramps set plan = $2 where id = $1 and ended_at is null', [id, JSON.stringify(plan)]);
}

export async function endRamp(db: Queryable, id: string, at: number, outcome: 'complete' | 'aborted'): Promise<void> {
  await db.query(`update ramps set ended_at = $2, outcome = $3 where id = $1 and ended_at is null`, [
    id,
    new Date(at),
    outcome,
  ]);
}

/**
 * Makes every decision that was taken from this revision of a lane stale, because something happened that it has not
 * seen; false when the lane changed already.
 */
export async function fenceLane(db: Queryable, address: string, provider: string, revision: number): Promise<boolean> {
  const { rowCount } = await db.query(
    'update lanes set revision = revision + 1 where address = $1 and provider = $2 and revision = $3',
    [address, provider, revision],
  );
  return rowCount === 1;
}

/** The provider's normal limit for an address, messages a day: where a ramp's graduation ends. */
export async function setNormal(db: Queryable, address: string, provider: string, normal: number): Promise<void> {
  await db.query('update lanes set normal = $3 where address = $1 and provider = $2', [address, provider, normal]);
}

/** Notes that an address carried mail until `at` (ms), also where nobody here saw it: it does not count as idle before. */
export async function noteSent(db: Queryable, address: string, at: number): Promise<void> {
  await db.query('update lanes set last_sent_at = $2 where address = $1', [address, new Date(at)]);
}

export async function poolNames(db: Queryable): Promise<string[]> {
  return (await db.query('select name from pools order by name')).rows.map((row) => row.name);
}
