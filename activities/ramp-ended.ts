/** The last word on a ramp: its report, as a notice that stays. */
import type { Queryable } from '../store/connect.ts';
import { addNotice } from '../store/decisions.ts';
import type { RampRow } from '../store/lanes.ts';
import { rampReport } from '../store/ramp-report.ts';

/** Stores a ramp's report when it has ended; call it in the transaction that ends it. */
export async function rampEnded(db: Queryable, ramp: RampRow): Promise<void> {
  const { address, outcome, endedAt } = ramp;
  const subject =
    outcome === 'complete' ? `${address} is warm at every provider` : `the ramp of ${address} was aborted`;
  await addNotice(db, `ramp-${outcome}`, subject, { ...(await rampReport(db, ramp, endedAt ?? 0)) });
}
