/** Reads what `cutover status` shows: PostgreSQL only, so that it works with no worker and no Temporal. */
import type { CutJudgement } from '../../policy/cutover/evidence.ts';
import { ladderOf, pointsOf, rungText } from '../../policy/cutover/ladder.ts';
import { openDifferences } from '../../policy/cutover/orders.ts';
import { pointsAt } from '../../policy/cutover/thresholds.ts';
import type { Queryable } from '../../store/connect.ts';
import { type ShareRow, sharesOf } from '../../store/cutover-shares.ts';
import { type CutoverDecisionRow, type CutoverRow, cutoverDecisions } from '../../store/cutovers.ts';
import { type FrontRelease, frontReleases } from '../../store/split-moves.ts';
import { readSplit, type SplitProcess, splitProcesses } from '../../store/splits.ts';

/** What the last evaluation wrote down (activities/cutover/evaluate.ts). */
export interface Outlook {
  readonly at: number;
  readonly reason: string;
  readonly waits: readonly string[];
  readonly hours: number | null;
  readonly judgements: readonly CutJudgement[];
  readonly campaigns: number;
}

export interface CutoverStatus {
  readonly id: string;
  readonly front: string;
  readonly from: string;
  readonly to: string;
  readonly migration: string | null;
  readonly phase: string;
  readonly rung: number;
  readonly rungs: number;
  /** Points of the stream that moves, and both in words. */
  readonly share: number;
  readonly says: string;
  readonly phaseSince: number;
  readonly startedAt: number;
  readonly startedBy: string;
  readonly endedAt: number | null;
  /** null: not compared yet. */
  readonly openDifferences: readonly { readonly name: string; readonly old: string; readonly new: string }[] | null;
  readonly outlook: Outlook | null;
  /** Both arms before anything moved (activities/cutover/baseline.ts). */
  readonly baseline: unknown;
  /** Of the last window that was written. */
  readonly shares: readonly (ShareRow & { readonly inForce: number })[];
  /** Mail that went back to the old arm and is not all there yet. */
  readonly releases: readonly FrontRelease[];
  readonly lastDecision: Pick<CutoverDecisionRow, 'event' | 'actor' | 'reason' | 'at'> | null;
  /** What each MTA process runs, against the revision that was written. */
  readonly revision: number | null;
  readonly processes: readonly SplitProcess[];
}

export async function cutoverStatus(db: Queryable, row: CutoverRow): Promise<CutoverStatus> {
  const ladder = ladderOf(row.plan, row.scope);
  const split = await readSplit(db, row.front);
  const shares = row.window === null ? [] : await sharesOf(db, row.id, row.window);
  const last = (await cutoverDecisions(db, row.id)).at(-1);
  const names = row.accepted.map(({ name }) => name);
  return {
    ...{ id: row.id, front: row.front, from: row.oldArm, to: row.newArm, migration: row.migration },
    ...{ phase: row.phase, rung: row.rung, rungs: ladder.length, phaseSince: row.phaseSince },
    ...{ share: pointsOf(ladder, row.rung), says: rungText(ladder, row.rung) },
    ...{ startedAt: row.startedAt, startedBy: row.startedBy, endedAt: row.endedAt },
    openDifferences: row.differences === null ? null : openDifferences(row.differences, names),
    outlook: row.outlook as Outlook | null,
    baseline: row.baseline,
    shares: shares.map((share) => ({
      ...share,
      inForce: split === undefined ? 0 : pointsAt(split.thresholds, share.stream, share.provider),
    })),
    releases: (await frontReleases(db, row.front)).filter(({ waiting }) => waiting > 0),
    lastDecision:
      last === undefined ? null : { event: last.event, actor: last.actor, reason: last.reason, at: last.at },
    revision: split?.revision ?? null,
    processes: await splitProcesses(db, row.front),
  };
}
