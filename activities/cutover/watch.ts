/**
 * The watch over live cutovers: never stops while mail takes a new arm, whatever the workflow waits for. What it finds it
 * writes itself (row, decision and split), so that a rollback needs no workflow.
 */
import { planMs, windowOf } from '../../policy/calendar.ts';
import { emergency, type HourSum } from '../../policy/cutover/emergency.ts';
import { ladderOf, rungText } from '../../policy/cutover/ladder.ts';
import { cutoverAfter } from '../../policy/cutover/machine.ts';
import { fallTo } from '../../policy/cutover/orders.ts';
import { POLICY_VERSION } from '../../policy/defaults.ts';
import { tx } from '../../store/connect.ts';
import { armCapacity } from '../../store/cutover-shares.ts';
import { applyCutover, type CutoverRow, liveCutovers } from '../../store/cutovers.ts';
import { addNotice, StaleRevision } from '../../store/decisions.ts';
import { toldFailures } from '../../store/legacy-rollups.ts';
import { poolFailures } from '../../store/measures.ts';
import { poolRows } from '../../store/pools.ts';
import { readSplit } from '../../store/splits.ts';
import type { ActivityDeps } from '../deps.ts';

const HOUR = 3_600_000;

/** One look at every live cutover with mail on its new arm. */
export async function lookAtCutovers(deps: ActivityDeps): Promise<void> {
  for (const row of await liveCutovers(deps.store)) {
    if (row.rung < 0) continue;
    try {
      await lookAt(deps, row);
    } catch (error) {
      // It was decided on since it was read: the next look tells whether this still holds.
      if (!(error instanceof StaleRevision)) throw error;
    }
  }
}

async function lookAt(deps: ActivityDeps, row: CutoverRow): Promise<void> {
  const now = deps.now();
  const since = Math.max(row.evidenceSince, now - planMs(HOUR, row.calendar));
  const capacity = await armCapacity(deps.store, row.newArm, windowOf(now, row.calendar).index);
  const stopped = capacity
    .filter((one) => one.stopped > 0 && 2 * one.stopped >= one.lanes)
    .map(({ provider }) => provider);
  const found = emergency(await failures(deps, row, since), stopped);
  if (found === null) return;
  const rolls = row.plan.onFail[found.metric] === 'rollback' || stopped.length > 1 || row.phase === 'rolled-back';
  const event = rolls ? 'rollback' : row.plan.onFail[found.metric];
  const ladder = ladderOf(row.plan, row.scope);
  const state = cutoverAfter(row, event, ladder.length);
  if (state === undefined || (event === 'hold' && row.phase === 'holding')) return;
  await tx(deps.store, async (db) => {
    const split = await readSplit(db, row.front);
    if (split === undefined) return;
    await applyCutover(db, {
      ...{ row, operationId: `watch/${row.id}/${row.revision}`, at: now, policyVersion: POLICY_VERSION },
      decision: { event, state, actor: 'rampart', reason: found.says, evidence: { stopped } },
      ...(state.rung < row.rung ? { split: fallTo(split.thresholds, ladder, state.rung, { attempted: 'move' }) } : {}),
    });
    const subject = `cutover of ${row.front}: ${event} to ${rungText(ladder, state.rung)}`;
    await addNotice(db, `cutover-${event}`, subject, { front: row.front, reason: found.says, phase: state.phase });
  });
  deps.log(`cutover-${event}`, { front: row.front, reason: found.says });
}

/** An arm with addresses is told by our own attempts, an upstream by the events of its engine. */
async function failures({ store }: ActivityDeps, { front, newArm }: CutoverRow, since: number): Promise<HourSum[]> {
  const pool = (await poolRows(store)).find(({ name }) => name === newArm);
  return pool?.upstream == null ? poolFailures(store, newArm, since) : toldFailures(store, front, 'new', since);
}
