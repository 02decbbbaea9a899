/** The joint budget of a pool at a provider: its row is the lock under which grants of cold lanes are written. */
import type { Queryable } from './connect.ts';

/**
 * Locks the budget of a window until the transaction ends, and returns what it was set to (0: not yet). Whoever takes
 * several takes them by provider, then window, so that two transactions can not wait for each other.
 */
export async function lockJointBudget(
  db: Queryable,
  pool: string,
  provider: string,
  window: number,
): Promise<{ readonly budget: number }> {
  const key = [pool, provider, window];
  await db.query(
    'insert into joint_budgets (pool, provider, window_index) values ($1, $2, $3) on conflict do nothing',
    key,
  );
  const { rows } = await db.query(
    'select budget from joint_budgets where pool = $1 and provider = $2 and window_index = $3 for update',
    key,
  );
  return rows[0];
}

export interface JointLaneRow {
  readonly address: string;
  readonly phase: string;
  readonly ceiling: number;
  readonly normal: number;
  /** Ceiling of the plan's next stage; null past the last one, and without a plan. */
  readonly nextStage: number | null;
  /** Units it has in the window, and what it had asked for; null: nobody decided yet. */
  readonly granted: number | null;
  readonly planUnits: number | null;
}

/** A pool's lanes at a provider that send under grants, in a stable order. */
export async function jointLanes(
  db: Queryable,
  pool: string,
  provider: string,
  window: number,
): Promise<JointLaneRow[]> {
  const { rows } = await db.query(
    `select host(l.address) as address, l.phase, l.ceiling, l.normal, g.units as granted, g.plan_units as "planUnits",
       (coalesce(r.plan->'rows'->l.provider, r.plan->'rows'->'default')->(l.stage + 1)->>'ceiling')::int as "nextStage"
     from lanes l join addresses a using (address) left join ramps r on r.id = l.ramp_id
       left join grants g on g.address = l.address and g.provider = l.provider and g.window_index = $3
     where a.pool = $1 and l.provider = $2 and l.phase not in ('planned', 'quarantined', 'warm')
     order by l.address`,
    [pool, provider, window],
  );
  return rows;
}

/** The most that these lanes together sent a provider in one of the `lookback` windows before this one. */
export async function bestDay(
  db: Queryable,
  addresses: readonly string[],
  provider: string,
  window: number,
  lookback: number,
): Promise<number> {
  // What was handed out and not given back: a unit is charged before its RCPT, and the grants are few rows.
  const { rows } = await db.query(
    `select coalesce(max(sent), 0)::int as best from (
       select sum(handed) as sent from grants
       where address = any($1::inet[]) and provider = $2 and window_index between $3::int - $4::int and $3::int - 1
       group by window_index) as days`,
    [addresses, provider, window, lookback],
  );
  return rows[0].best;
}

export interface JointBudgetRow {
  readonly budget: number;
  readonly bestDay: number;
  readonly lanes: number;
  readonly wanted: number;
  readonly trimmed: number;
}

/** Writes what a lane's share was reckoned from, and adds what it did not get. Under the lock. */
export async function noteJointBudget(
  db: Queryable,
  key: { readonly pool: string; readonly provider: string; readonly window: number },
  found: JointBudgetRow,
): Promise<void> {
  await db.query(
    `update joint_budgets set budget = $4, best_day = $5, lanes = $6, wanted = wanted + $7, trimmed = trimmed + $8
     where pool = $1 and provider = $2 and window_index = $3`,
    [key.pool, key.provider, key.window, found.budget, found.bestDay, found.lanes, found.wanted, found.trimmed],
  );
}

/** The budget of a window, if any cold lane was granted something under it. */
export async function jointBudgetOf(
  db: Queryable,
  pool: string,
  provider: string,
  window: number,
): Promise<JointBudgetRow | undefined> {
  const { rows } = await db.query(
    `select budget, best_day as "bestDay", lanes, wanted, trimmed from joint_budgets
     where pool = $1 and provider = $2 and window_index = $3 and budget > 0`,
    [pool, provider, window],
  );
  return rows[0];
}
