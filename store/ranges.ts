/** Ranges: addresses that begin to warm up one after the other. The rows are the truth; a workflow walks them. */
import type { Calendar } from '../policy/calendar.ts';
import type { Plan } from '../policy/plan.ts';
import type { Queryable } from './connect.ts';

export interface RangeRow {
  readonly id: string;
  /** As a person named it. */
  readonly written: string;
  readonly pool: string;
  readonly plan: Plan;
  readonly perDay: number | null;
  /** What another engine sent from its addresses earns nothing: every lane starts at its first stage. */
  readonly fromZero: boolean;
  readonly actor: string;
  readonly reason: string;
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** Of its pool; a ramp's own may differ by what its plan says. */
  readonly calendar: Calendar;
}

export type RangeState = 'waiting' | 'started' | 'failed' | 'withdrawn';

export interface RangeAddressRow {
  readonly address: string;
  readonly dueAt: number;
  readonly state: RangeState;
  readonly rampId: string | null;
  /** When its ramp began, and whether it runs; null before it began. */
  readonly startedAt: number | null;
  readonly running: boolean;
  readonly preflight: { readonly id: number; readonly checks: unknown } | null;
  readonly says: string | null;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;
const RANGES = `select r.id, r.written, r.pool, r.plan, r.per_day as "perDay", r.from_zero as "fromZero", r.actor, r.reason,
  ${ms('r.created_at')} as "createdAt", ${ms('r.ended_at')} as "endedAt", p.calendar
  from ranges r join pools p on p.name = r.pool`;

/** Another command put an address into a range in the meantime. */
export class AddressWaitsAlready extends Error {
  readonly code = 'waits-already';
}

/** Writes a range with all its addresses. Throws AddressWaitsAlready when one of them waits in another. Call it in a transaction. */
export async function insertRange(
  db: Queryable,
  range: Omit<RangeRow, 'createdAt' | 'endedAt' | 'calendar'> & { readonly fingerprint: string },
  addresses: readonly { readonly address: string; readonly dueAt: number; readonly preflight: number | null }[],
): Promise<void> {
  await db.query(
    `insert into ranges (id, written, pool, plan, per_day, actor, reason, fingerprint, from_zero)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      range.id,
      range.written,
      range.pool,
      JSON.stringify(range.plan),
      range.perDay,
      range.actor,
      range.reason,
      range.fingerprint,
      range.fromZero,
    ],
  );
  try {
    await db.query(
      `insert into range_addresses (range_id, address, position, due_at, state, preflight)
       select $1, address, position, due_at, 'waiting', preflight
       from unnest($2::inet[], $3::timestamptz[], $4::bigint[]) with ordinality as a (address, due_at, preflight, position)`,
      [
        range.id,
        addresses.map((one) => one.address),
        addresses.map((one) => new Date(one.dueAt)),
        addresses.map((one) => one.preflight),
      ],
    );
  } catch (error) {
    if ((error as { constraint?: string }).constraint !== 'range_addresses_wait_once') throw error;
    throw new AddressWaitsAlready((error as { detail?: string }).detail ?? String(error));
  }
}

export async function rangeRow(db: Queryable, id: string): Promise<RangeRow | undefined> {
  return (await db.query(`${RANGES} where r.id = $1`, [id])).rows[0];
}

/** Ranges with addresses that wait. */
export async function openRanges(db: Queryable): Promise<RangeRow[]> {
  return (await db.query(`${RANGES} where r.ended_at is null order by r.created_at`)).rows;
}

/** The last range that was asked for in just these words. */
export async function rangeByFingerprint(db: Queryable, fingerprint: string): Promise<RangeRow | undefined> {
  return (await db.query(`${RANGES} where r.fingerprint = $1 order by r.created_at desc limit 1`, [fingerprint]))
    .rows[0];
}

export async function rangeAddresses(db: Queryable, id: string): Promise<RangeAddressRow[]> {
  const { rows } = await db.query(
    `select host(a.address) as address, ${ms('a.due_at')} as "dueAt", a.state, a.ramp_id as "rampId",
       ${ms('m.started_at')} as "startedAt", m.id is not null and m.ended_at is null as running, a.says,
       case when f.id is null then null else json_build_object('id', f.id, 'checks', f.checks) end as preflight
     from range_addresses a left join ramps m on m.id = a.ramp_id left join preflights f on f.id = a.preflight
     where a.range_id = $1 order by a.position`,
    [id],
  );
  return rows;
}

export interface Waiting {
  readonly address: string;
  readonly range: string;
  readonly written: string;
  readonly dueAt: number;
  /** Why it is not sooner; null: it is its turn then. */
  readonly says: string | null;
}

/** Addresses that wait for their turn in any range. */
export async function waitingAddresses(db: Queryable): Promise<Waiting[]> {
  const { rows } = await db.query(
    `select host(a.address) as address, r.id as range, r.written, ${ms('a.due_at')} as "dueAt", a.says
     from range_addresses a join ranges r on r.id = a.range_id where a.state = 'waiting' order by a.due_at, a.position`,
  );
  return rows;
}

/** Lanes of a range's addresses that are quarantined: a provider condemned a neighbour of those that wait. */
export async function quarantinedIn(db: Queryable, id: string): Promise<{ address: string; provider: string }[]> {
  const { rows } = await db.query(
    `select host(l.address) as address, l.provider from range_addresses a join lanes l using (address)
     where a.range_id = $1 and a.state = 'started' and l.phase = 'quarantined' order by l.address, l.provider`,
    [id],
  );
  return rows;
}

export async function markStarted(db: Queryable, id: string, address: string, rampId: string | null): Promise<void> {
  await db.query(
    `update range_addresses set state = 'started', ramp_id = $3, says = null
     where range_id = $1 and address = $2 and state = 'waiting'`,
    [id, address, rampId],
  );
}

export async function markFailed(db: Queryable, id: string, address: string, says: string): Promise<void> {
  await db.query(
    `update range_addresses set state = 'failed', says = $3 where range_id = $1 and address = $2 and state = 'waiting'`,
    [id, address, says],
  );
}

/** New days for those that wait; `says`: why it is not sooner, or null. Returns how many rows changed. */
export async function setDue(
  db: Queryable,
  id: string,
  due: readonly { readonly address: string; readonly at: number }[],
  says: string | null,
): Promise<number> {
  const { rowCount } = await db.query(
    `update range_addresses a set due_at = d.at, says = $4
     from unnest($2::inet[], $3::timestamptz[]) as d (address, at)
     where a.range_id = $1 and a.address = d.address and a.state = 'waiting'
       and (a.due_at <> d.at or a.says is distinct from $4)`,
    [id, due.map((one) => one.address), due.map((one) => new Date(one.at)), says],
  );
  return rowCount ?? 0;
}

/** Takes addresses that wait out of their ranges, and ends ranges nobody waits in any more. Returns those it took. */
export async function withdraw(db: Queryable, addresses: readonly string[], says: string): Promise<string[]> {
  const { rows } = await db.query(
    `with gone as (
       update range_addresses set state = 'withdrawn', says = $2
       where address = any($1::inet[]) and state = 'waiting' returning range_id, address)
     select host(address) as address, range_id as range from gone order by gone.address`,
    [addresses, says],
  );
  await db.query(
    `update ranges r set ended_at = now() where r.id = any($1::text[]) and r.ended_at is null
       and not exists (select from range_addresses a where a.range_id = r.id and a.state = 'waiting')`,
    [rows.map((row) => row.range)],
  );
  return rows.map((row) => row.address);
}

/** Ends a range nobody waits in; false: somebody does, or it had ended. */
export async function endRange(db: Queryable, id: string, at: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `update ranges set ended_at = $2 where id = $1 and ended_at is null
       and not exists (select from range_addresses where range_id = $1 and state = 'waiting')`,
    [id, new Date(at)],
  );
  return rowCount === 1;
}
