/** A person's order about a cutover, applied once. Raising ones come here only; lowering ones may have been written before. */
import { windowOf } from '../../policy/calendar.ts';
import { ladderOf, rungAfter } from '../../policy/cutover/ladder.ts';
import { accepted, fallTo, movesGiven, openDifferences, orderOn } from '../../policy/cutover/orders.ts';
import { POLICY_VERSION } from '../../policy/defaults.ts';
import type { Queryable } from '../../store/connect.ts';
import { keepShares } from '../../store/cutover-shares.ts';
import { acceptDifferences, applyCutover, type CutoverRow, cutoverOf, keepApproval } from '../../store/cutovers.ts';
import { StaleRevision } from '../../store/decisions.ts';
import { readSplit } from '../../store/splits.ts';
import type { CommandResult, CutoverCommand } from '../../temporal/contracts.ts';
import { type ActivityDeps, BadInput } from '../deps.ts';
import { once } from '../once.ts';
import { sharesAt, situationOf } from './shares.ts';

export function orderCutover(
  deps: ActivityDeps,
  command: CutoverCommand & { readonly front: string },
): Promise<CommandResult> {
  return once(deps, command.operationId, async (db) => {
    const row = await cutoverOf(db, command.front);
    if (row === undefined)
      throw new BadInput(`${command.front} has no cutover: ./rampart cutover start ${command.front} --from POOL`);
    const says =
      command.verb === 'accept-differences'
        ? await accept(deps, db, row, command)
        : await order(deps, db, row, command);
    return { says, rampId: null };
  });
}

async function accept(deps: ActivityDeps, db: Queryable, row: CutoverRow, command: CutoverCommand): Promise<string> {
  const { actor, reason, front } = { ...command, front: row.front };
  const found = accepted(front, row.differences, command.names ?? []);
  if ('refused' in found) throw new BadInput(`${front}: ${found.refused}`);
  await acceptDifferences(db, row.id, found.names, { actor, reason, at: deps.now() });
  return `accepted: ${found.names.join(', ')}`;
}

async function order(deps: ActivityDeps, db: Queryable, row: CutoverRow, command: CutoverCommand): Promise<string> {
  const { actor, reason, operationId, verb } = command;
  if (verb === 'accept-differences') throw new BadInput('name the differences you accept');
  const split = await readSplit(db, row.front);
  if (split === undefined) throw new BadInput(`${row.front} has no split: its cutover was never written whole`);
  const now = deps.now();
  const of = await situationOf(db, row, split, windowOf(now, row.calendar));
  const ladder = ladderOf(row.plan, row.scope);
  const next = rungAfter(ladder, row.rung, of.hasMail);
  const open = openDifferences(
    row.differences,
    row.accepted.map(({ name }) => name),
  );
  const moves = movesGiven(command);
  const paces = moves !== undefined;
  const result = orderOn({ verb, front: row.front, state: row, ladder, to: command.to, paces, next, open });
  if ('refused' in result) throw new BadInput(`${row.front}: ${result.refused}`);
  // A yes is kept with what it is for; the evaluation that follows takes the step if all else still holds.
  if (verb === 'approve' && next !== undefined) {
    if (!(await keepApproval(db, row, { rung: next, actor, reason, at: now }))) throw new StaleRevision(row.front);
    return `approved; ${result.says} with the evaluation that follows, if what it passed on still holds`;
  }
  const { state, event } = result;
  const rises = state.rung > row.rung;
  const shares = rises ? sharesAt(row, of, state.rung, rungAfter(ladder, state.rung, of.hasMail), true) : null;
  const falls = state.rung < row.rung && state.phase !== 'aborted';
  const repaces = !falls && verb === 'rollback' && moves !== undefined;
  await applyCutover(db, {
    ...{ row, operationId, at: now, policyVersion: POLICY_VERSION },
    decision: { event, state, actor, reason, evidence: { override: rises } },
    ...(shares === null ? {} : { split: { thresholds: shares.thresholds, step: shares.step, floor: shares.floor } }),
    ...(falls ? { split: fallTo(split.thresholds, ladder, state.rung, moves) } : {}),
    ...(repaces
      ? { split: { thresholds: split.thresholds, step: split.step, moves: { ...split.moves, ...moves } } }
      : {}),
  });
  if (shares !== null) await keepShares(db, row.id, shares.rows);
  return result.says;
}
