/** What the gates know between two looks. Rows are opaque here: policy/gates/packed.ts says what is in them. */
import type { Counted } from '../policy/gates/levels.ts';
import type { PackedDetector } from '../policy/gates/packed.ts';
import type { Queryable } from './connect.ts';

export interface GateState {
  /** '' for the sum over an address's lanes. */
  readonly provider: string;
  readonly metric: Counted;
  /** The lane's evidence_since it belongs to, ms. */
  readonly since: number;
  /** Until when time has passed for it, ms. */
  readonly at: number;
  readonly state: PackedDetector;
}

/** What was counted of one cohort, as totals. */
export interface CountedCohort {
  readonly provider: string;
  readonly metric: Counted;
  readonly campaign: number;
  readonly day: number;
  readonly part: number;
  readonly since: number;
  readonly trials: number;
  readonly events: number;
}

/**
 * One writer an address until the transaction ends: evaluations and the watch take the same news, and it counts once.
 */
export async function lockGates(db: Queryable, address: string): Promise<void> {
  await db.query(`select pg_advisory_xact_lock(hashtextextended('rampart gates ' || $1, 0))`, [address]);
}

export async function gateStates(db: Queryable, address: string): Promise<GateState[]> {
  const { rows } = await db.query(
    `select provider, metric, extract(epoch from since)::float8 * 1000 as since,
       extract(epoch from at)::float8 * 1000 as at, state
     from gate_states where address = $1`,
    [address],
  );
  return rows;
}

export async function writeGateStates(db: Queryable, address: string, states: readonly GateState[]): Promise<void> {
  if (states.length === 0) return;
  await db.query(
    `insert into gate_states (address, provider, metric, since, at, state)
     select $1, * from unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::jsonb[])
     on conflict (address, provider, metric) do update
       set since = excluded.since, at = excluded.at, state = excluded.state`,
    [
      address,
      states.map((one) => one.provider),
      states.map((one) => one.metric),
      states.map((one) => new Date(one.since)),
      states.map((one) => new Date(one.at)),
      states.map((one) => JSON.stringify(one.state)),
    ],
  );
}

/** What was counted of the cohorts of these days and later. */
export async function countedCohorts(db: Queryable, address: string, fromDay: number): Promise<CountedCohort[]> {
  const { rows } = await db.query(
    `select provider, metric, campaign, day, part, extract(epoch from since)::float8 * 1000 as since, trials, events
     from gate_counted where address = $1 and day >= $2`,
    [address, fromDay],
  );
  return rows;
}

/** Remembers what was counted; forgets cohorts of days before `keepFrom`, which nobody looks at again. */
export async function writeCounted(
  db: Queryable,
  address: string,
  cohorts: readonly CountedCohort[],
  keepFrom: number,
): Promise<void> {
  if (cohorts.length === 0) return;
  await db.query(
    `insert into gate_counted (address, provider, metric, campaign, day, part, since, trials, events)
     select $1, * from unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::int[], $7::timestamptz[], $8::int[], $9::int[])
     on conflict (address, provider, metric, day, part, campaign) do update
       set since = excluded.since, trials = excluded.trials, events = excluded.events`,
    [
      address,
      cohorts.map((one) => one.provider),
      cohorts.map((one) => one.metric),
      cohorts.map((one) => one.campaign),
      cohorts.map((one) => one.day),
      cohorts.map((one) => one.part),
      cohorts.map((one) => new Date(one.since)),
      cohorts.map((one) => one.trials),
      cohorts.map((one) => one.events),
    ],
  );
  await db.query('delete from gate_counted where address = $1 and day < $2', [address, keepFrom]);
}

/** Numbers of campaigns by name; new names get one. */
export async function campaignNumbers(db: Queryable, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (names.length === 0) return new Map();
  // Once a day is enough for whoever forgets old names (retention.ts), and before names are looked for: then they stay.
  await db.query(
    `update campaign_numbers set seen_at = now() where name = any($1::text[]) and seen_at < now() - interval '1 day'`,
    [names],
  );
  await db.query(
    `insert into campaign_numbers (name) select distinct n from unnest($1::text[]) n
     where not exists (select from campaign_numbers c where c.name = n) order by n on conflict do nothing`,
    [names],
  );
  const { rows } = await db.query('select name, id from campaign_numbers where name = any($1::text[])', [names]);
  return new Map(rows.map((row) => [row.name, row.id]));
}

export async function campaignName(db: Queryable, id: number): Promise<string | null> {
  const { rows } = await db.query('select name from campaign_numbers where id = $1', [id]);
  return rows[0]?.name ?? null;
}
