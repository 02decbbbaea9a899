/** Grants: written absolute and fenced by revision, reserved by compare-and-set, so units are never created. */
import type { Window } from '../policy/calendar.ts';
import type { PacedGrant } from '../policy/pacing.ts';
import type { Queryable } from './connect.ts';

export interface GrantRow extends PacedGrant {
  readonly windowIndex: number;
  readonly peakUnits: number;
  readonly planUnits: number;
  readonly revision: number;
  readonly origin: 'decided' | 'carried' | 'normal';
  readonly carried: number;
  readonly seq: number;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;
const GRANT = `window_index as "windowIndex", ${ms('starts')} as start, ${ms('ends')} as "end",
  ${ms('send_from')} as "sendFrom", ${ms('send_to')} as "sendTo", units, peak_units as "peakUnits",
  plan_units as "planUnits", revision, origin, carried, handed, hours, seq, gap_ms as "gapMs", ${ms('handed_at')} as "handedAt"`;

export interface GrantWrite {
  readonly address: string;
  readonly provider: string;
  readonly window: Window;
  readonly units: number;
  readonly planUnits: number;
  readonly revision: number;
  readonly origin: 'decided' | 'normal';
  /** Real ms between two of its units; null or absent: they are spread over the day. */
  readonly gapMs?: number | null;
}

/** Writes a grant as a whole. An older revision is refused: a late retry can't undo what came after it. */
export async function writeGrant(db: Queryable, grant: GrantWrite): Promise<boolean> {
  const { window } = grant;
  const { rowCount } = await db.query(
    `insert into grants as g (address, provider, window_index, starts, ends, send_from, send_to, units, peak_units,
       plan_units, revision, origin, gap_ms, hours)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, array_fill(0, array[25]))
     on conflict (address, provider, window_index) do update set
       units = excluded.units, peak_units = greatest(g.peak_units, excluded.units), plan_units = excluded.plan_units,
       revision = excluded.revision, origin = excluded.origin, gap_ms = excluded.gap_ms, carried = 0, seq = g.seq + 1
     where g.revision <= excluded.revision`,
    [
      grant.address,
      grant.provider,
      window.index,
      new Date(window.start),
      new Date(window.end),
      new Date(window.sendFrom),
      new Date(window.sendTo),
      grant.units,
      grant.planUnits,
      grant.revision,
      grant.origin,
      grant.gapMs == null ? null : Math.max(1, Math.round(grant.gapMs)),
    ],
  );
  return rowCount === 1;
}

/** The grants of a lane for a window and the one before it, newest first. */
export async function grantsAround(
  db: Queryable,
  address: string,
  provider: string,
  windowIndex: number,
  lookback: number,
): Promise<GrantRow[]> {
  const { rows } = await db.query({
    name: 'grants-around',
    text: `select ${GRANT} from grants where address = $1 and provider = $2 and window_index between $3 and $4
     order by window_index desc`,
    values: [address, provider, windowIndex - lookback, windowIndex],
  });
  return rows;
}

/**
 * Carries a decided grant into a window nobody decided, at most `units` of it: never above itself, counted, so that it ends
 * after the allowed number of windows (policy/carried-grant.ts). Harmless when another process did it first.
 */
export async function carryGrant(
  db: Queryable,
  address: string,
  provider: string,
  window: Window,
  from: GrantRow,
  units: number,
): Promise<void> {
  await db.query(
    `insert into grants (address, provider, window_index, starts, ends, send_from, send_to, units, peak_units,
       plan_units, revision, origin, gap_ms, carried, hours)
     select $1, $2, $3, $4, $5, $6, $7, least(units, $10), least(units, $10), plan_units, revision, 'carried', gap_ms, carried + $9,
       array_fill(0, array[25])
     from grants where address = $1 and provider = $2 and window_index = $8
     on conflict do nothing`,
    [
      address,
      provider,
      window.index,
      new Date(window.start),
      new Date(window.end),
      new Date(window.sendFrom),
      new Date(window.sendTo),
      from.windowIndex,
      window.index - from.windowIndex,
      units,
    ],
  );
}

/**
 * Reserves units in a plan hour of the window at an instant (ms) if nothing about the grant changed since it was read; false
 * means: read again. The instant is kept, for a grant whose units come due one by one.
 */
export async function reserve(
  db: Queryable,
  address: string,
  provider: string,
  grant: GrantRow,
  units: number,
  hour: number,
  now: number,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'reserve',
    text: `update grants set handed = handed + $4, hours[$5] = hours[$5] + $4, seq = seq + 1, handed_at = $7
     where address = $1 and provider = $2 and window_index = $3 and seq = $6 and handed + $4 <= units`,
    values: [address, provider, grant.windowIndex, units, hour + 1, grant.seq, new Date(now)],
  });
  return rowCount === 1;
}

/** Gives unused units back to the hour they were handed out in. */
export async function giveBack(
  db: Queryable,
  address: string,
  provider: string,
  windowIndex: number,
  hour: number,
  units: number,
): Promise<void> {
  await db.query({
    name: 'give-back',
    text: `update grants set handed = handed - $4, hours[$5] = hours[$5] - $4, seq = seq + 1
     where address = $1 and provider = $2 and window_index = $3 and handed >= $4 and hours[$5] >= $4`,
    values: [address, provider, windowIndex, units, hour + 1],
  });
}

export interface GrantHistory extends GrantRow {
  readonly address: string;
  readonly provider: string;
}

/** Has any lane of an address a grant whose window ends after an instant (ms)? */
export async function hasGrants(db: Queryable, address: string, since: number): Promise<boolean> {
  const { rows } = await db.query('select exists (select from grants where address = $1 and ends > $2) as there', [
    address,
    new Date(since),
  ]);
  return rows[0].there;
}

/** Every grant ever written, for checkers and reports. */
export async function allGrants(db: Queryable): Promise<GrantHistory[]> {
  const { rows } = await db.query(
    `select host(address) as address, provider, ${GRANT} from grants order by address, provider, window_index`,
  );
  return rows;
}
