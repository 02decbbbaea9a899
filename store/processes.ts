/** Process leases: one round trip a second says "I live" and returns the lanes and holds to enforce. */
import type pg from 'pg';
import type { Easing, Hold } from '../policy/holds.ts';
import type { Queryable } from './connect.ts';
import { EASINGS, LIVE_HOLDS } from './holds.ts';
import { LANES, type LaneRow } from './lanes.ts';
import { machine } from './machine.ts';
import { SPLITS, type SplitRow } from './splits.ts';
import { LIVE_TRACES, type Trace } from './traces.ts';

export interface ProcessSpec {
  readonly id: string;
  readonly role: 'mta' | 'worker' | 'events' | 'legacy';
  readonly node: string;
  readonly pid: number;
  /** Absent: this one. */
  readonly machine?: string;
}

export async function registerProcess(db: Queryable, process: ProcessSpec, leaseMs: number): Promise<void> {
  await db.query(
    `insert into processes (id, role, node, pid, lease_until, machine)
     values ($1, $2, $3, $4, now() + make_interval(secs => $5::float8 / 1000), $6)`,
    [process.id, process.role, process.node, process.pid, leaseMs, process.machine ?? machine()],
  );
}

export interface Renewal {
  /** The store's time as it answered, ms since 1970. */
  readonly now: number;
  readonly lanes: readonly LaneRow[];
  readonly holds: readonly Hold[];
  readonly easings: readonly Easing[];
  readonly traces: readonly Trace[];
  readonly splits: readonly SplitRow[];
  /** Living processes of this role: the divisor of a reservation block. */
  readonly processes: number;
  /** The same on this process's node: they share its lanes. */
  readonly onNode: number;
}

/**
 * Renews the lease. `runs`: JSON of the splits' revisions this process has in force, where they are news. null when the row was ended by others (the process was taken for dead and
 * must start anew).
 */
export async function renew(
  db: Queryable,
  id: string,
  role: string,
  leaseMs: number,
  runs: string | null = null,
): Promise<Renewal | null> {
  const query: pg.QueryConfig & { query_timeout: number } = {
    // A store that is reachable but silent must not keep the next renewal waiting for TCP to give up.
    query_timeout: leaseMs,
    text: `with mine as (
       update processes set lease_until = now() + make_interval(secs => $2::float8 / 1000),
         splits = coalesce($4::jsonb, splits)
       where id = $1 and stopped_at is null returning id, node)
     select (select count(*) from mine)::int as mine,
       extract(epoch from clock_timestamp())::float8 * 1000 as now,
       (select count(*) from processes where role = $3 and stopped_at is null and lease_until > now())::int as living,
       (select count(*) from processes where role = $3 and stopped_at is null and lease_until > now()
          and node = (select node from mine))::int as "onNode",
       (select coalesce(json_agg(e), '[]') from (${EASINGS}) e) as easings,
       (select coalesce(json_agg(l), '[]') from (${LANES}) l) as lanes,
       (select coalesce(json_agg(h), '[]') from (${LIVE_HOLDS}) h) as holds,
       (select coalesce(json_agg(t), '[]') from (${LIVE_TRACES}) t) as traces,
       (select coalesce(json_agg(s), '[]') from (${SPLITS}) s) as splits`,
    values: [id, leaseMs, role, runs],
  };
  const { rows } = await db.query(query);
  const { mine, living, onNode, now, ...known } = rows[0];
  if (mine === 0) return null;
  return { now, ...known, processes: Math.max(1, living), onNode: Math.max(1, onNode) };
}

export async function endProcess(db: Queryable, id: string): Promise<void> {
  await db.query('update processes set stopped_at = now() where id = $1', [id]);
}

export interface ProcessRow {
  readonly id: string;
  readonly role: string;
  readonly node: string;
  readonly pid: number;
  readonly alive: boolean;
}

export async function processRows(db: Queryable): Promise<ProcessRow[]> {
  const { rows } = await db.query(
    `select id, role, node, pid, lease_until > now() as alive from processes where stopped_at is null order by started_at`,
  );
  return rows;
}
