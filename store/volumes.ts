/** How much mail there is: of a lane's stage, and of a pool by provider and day. */
import type { Window } from '../policy/calendar.ts';
import type { Queryable } from './connect.ts';

/**
 * Units each lane of an address used since its stage began: after the window that last raised it, and after its last
 * retreat or start. For plans whose stages end with their volume.
 */
export async function sentInStage(db: Queryable, address: string): Promise<Map<string, number>> {
  const { rows } = await db.query(
    `select l.provider, count(*)::int as units
     from lanes l join attempts a on a.address = l.address and a.provider = l.provider and a.at >= l.evidence_since
     where l.address = $1 and a.unit and (l.advanced is null or a.window_index > l.advanced)
     group by l.provider`,
    [address],
  );
  return new Map(rows.map((row) => [row.provider, row.units]));
}

export interface DayVolume {
  readonly provider: string;
  readonly window: number;
  readonly messages: number;
}

/**
 * Messages of a pool by provider and window that came to an end (delivered, or refused for good). Read from the minute
 * rollups: a month of attempts would be a scan of everything. Windows without mail have no row.
 */
export async function poolVolumes(db: Queryable, pool: string, windows: readonly Window[]): Promise<DayVolume[]> {
  const { rows } = await db.query(
    `select r.provider, w.index as window, sum(r.delivered + r.hard + r.soft + r.blocked)::int as messages
     from unnest($2::int[], $3::timestamptz[], $4::timestamptz[]) as w(index, starts, ends)
       join rollups r on r.bucket >= w.starts and r.bucket < w.ends
       join addresses a using (address)
     where a.pool = $1 group by 1, 2 having sum(r.delivered + r.hard + r.soft + r.blocked) > 0 order by 1, 2`,
    [
      pool,
      windows.map((window) => window.index),
      windows.map((window) => new Date(window.start)),
      windows.map((window) => new Date(window.end)),
    ],
  );
  return rows;
}
