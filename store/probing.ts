/** What providers answered to a lane that probes its way out of quarantine, and how often it tried. */
import type { ProbeAnswers } from '../policy/quarantine.ts';
import type { Queryable } from './connect.ts';

/** Answers to a lane's mail since an instant (ms). Greylisting and dead recipients say nothing of the sender. */
export async function probeAnswers(
  db: Queryable,
  lane: { readonly address: string; readonly provider: string },
  since: number,
): Promise<ProbeAnswers> {
  const { rows } = await db.query(
    `select count(*) filter (where severity = 'delivered')::int as accepted,
       count(*) filter (where severity = 'blocked' or class in ('reputation', 'block', 'listing'))::int as refused
     from attempts where address = $1 and provider = $2 and at >= $3 and unit`,
    [lane.address, lane.provider, new Date(since)],
  );
  return rows[0];
}

/** Probings of a lane that ended in quarantine, since it last came back (or began). */
export async function failedProbings(
  db: Queryable,
  lane: { readonly address: string; readonly provider: string },
): Promise<number> {
  const { rows } = await db.query(
    `select count(*)::int as n from decisions
     where address = $1 and provider = $2 and from_phase = 'probing' and to_phase = 'quarantined'
       and id > coalesce((select max(id) from decisions where address = $1 and provider = $2
         and to_phase not in ('quarantined', 'probing')), 0)`,
    [lane.address, lane.provider],
  );
  return rows[0].n;
}
