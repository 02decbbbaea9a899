/**
 * Orders that leave or lower a cutover's share: row, decision and split in one transaction, so that they are in force for
 * every MTA process within a second, with Temporal and all workers down. The workflow is told afterwards, if it can be.
 */
import { ladderOf } from '../../policy/cutover/ladder.ts';
import { type CutoverVerb, fallTo, movesGiven, orderOn } from '../../policy/cutover/orders.ts';
import { POLICY_VERSION } from '../../policy/defaults.ts';
import { type Store, tx } from '../../store/connect.ts';
import { applyCutover } from '../../store/cutovers.ts';
import { operationResult, StaleRevision, storeOperation } from '../../store/decisions.ts';
import { readSplit } from '../../store/splits.ts';
import type { By, CutoverCommand } from '../../temporal/contracts.ts';
import { badInput } from '../command.ts';
import { knownCutover } from './known.ts';

const TRIES = 10;
export type LoweringOrder = By &
  Pick<CutoverCommand, 'to' | 'attempted' | 'perDay' | 'spreadHours'> & { readonly verb: CutoverVerb };

export interface Lowered {
  readonly phase: string;
  readonly rung: number;
  readonly says: string;
}

/** Applies an order; the same operation twice says the same. Throws CliError `bad-input` where it means nothing. */
export async function lower(store: Store, front: string, order: LoweringOrder): Promise<Lowered> {
  for (let tried = 1; ; tried++) {
    const stored = await operationResult<Lowered>(store, order.operationId);
    if (stored !== undefined) return stored;
    try {
      return await lowerOnce(store, front, order);
    } catch (error) {
      // An evaluation came between: read again.
      if (!(error instanceof StaleRevision) || tried === TRIES) throw error;
    }
  }
}

function lowerOnce(store: Store, front: string, order: LoweringOrder): Promise<Lowered> {
  return tx(store, async (db) => {
    const row = await knownCutover(db, front);
    const split = await readSplit(db, front);
    if (split === undefined) throw badInput(`${front} has no split: its cutover was never written whole`);
    const ladder = ladderOf(row.plan, row.scope);
    const moves = movesGiven(order);
    const of = { verb: order.verb, front, state: row, ladder };
    const result = orderOn({ ...of, to: order.to, paces: moves !== undefined, open: [] });
    if ('refused' in result) throw badInput(`${front}: ${result.refused}`);
    const { event, state, says } = result;
    const { actor, reason, operationId } = order;
    const falls = state.rung < row.rung && state.phase !== 'aborted';
    const repaces = !falls && order.verb === 'rollback' && moves !== undefined;
    await applyCutover(db, {
      ...{ row, operationId, at: Date.now(), policyVersion: POLICY_VERSION },
      decision: { event, state, actor, reason, evidence: {} },
      ...(falls ? { split: fallTo(split.thresholds, ladder, state.rung, moves) } : {}),
      ...(repaces
        ? { split: { thresholds: split.thresholds, step: split.step, moves: { ...split.moves, ...moves } } }
        : {}),
    });
    const lowered = { phase: state.phase, rung: state.rung, says };
    await storeOperation(db, operationId, lowered);
    return lowered;
  });
}
