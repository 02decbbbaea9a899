/**
 * One look at a cutover: measure both arms, let policy judge the step, and write what was decided (row, decision, shares and
 * split) in one transaction. Repeating an operation returns its stored result; a refused compare-and-set means read again.
 */
import { planMs, windowOf } from '../../policy/calendar.ts';
import { frozenBy } from '../../policy/cutover/freeze.ts';
import { judgeStep, type StepDecision, type StepInput } from '../../policy/cutover/judge-step.ts';
import { movingAt, pointsOf, rungAfter, rungText } from '../../policy/cutover/ladder.ts';
import { type CutoverEvent, type CutoverState, cutoverAfter, isOver, RAISING } from '../../policy/cutover/machine.ts';
import { fallTo, openDifferences } from '../../policy/cutover/orders.ts';
import { type WebhookGate, wantsApproval } from '../../policy/cutover/plan.ts';
import { unprepared } from '../../policy/cutover/prepare.ts';
import type { Thresholds } from '../../policy/cutover/split.ts';
import { POLICY_VERSION } from '../../policy/defaults.ts';
import { type Queryable, tx } from '../../store/connect.ts';
import { lastGate } from '../../store/cutover-gates.ts';
import { keepShares } from '../../store/cutover-shares.ts';
import { applyCutover, type CutoverRow, cutoverOf, type SplitChangeWrite } from '../../store/cutovers.ts';
import { addNotice, notifyChange, operationResult, StaleRevision, storeOperation } from '../../store/decisions.ts';
import { readSplit } from '../../store/splits.ts';
import type { ActivityDeps } from '../deps.ts';
import type { CutoverLook, CutoverLookInput } from '../types.ts';
import { baselineOf } from './baseline.ts';
import { measureArms } from './measure.ts';
import { probesWanted } from './probes.ts';
import { type Shares, type Situation, sharesAt, situationOf, stoppedAt, tooSmallFor } from './shares.ts';
import { nextLook } from './times.ts';

const HOUR = 3_600_000;
const TRIES = 5;
/** A question to a webhook that was answered with no is asked again after so many plan hours. */
const ASK_AGAIN_HOURS = 6;

/** Looks at the live cutover of a front and applies what is decided; null: there is none (any more). */
export async function evaluateCutover(deps: ActivityDeps, input: CutoverLookInput): Promise<CutoverLook | null> {
  for (let tried = 1; ; tried++) {
    const stored = await operationResult<CutoverLook>(deps.store, input.operationId);
    if (stored !== undefined) return stored;
    try {
      return await tx(deps.store, (db) => lookOnce(deps, db, input));
    } catch (error) {
      if (!(error instanceof StaleRevision) || tried === TRIES) throw error;
    }
  }
}

async function lookOnce(
  deps: ActivityDeps,
  db: Queryable,
  { front, operationId }: CutoverLookInput,
): Promise<CutoverLook | null> {
  const row = await cutoverOf(db, front);
  const split = await readSplit(db, front);
  if (row === undefined || row.endedAt !== null || split === undefined) return null;
  const now = deps.now();
  const window = windowOf(now, row.calendar);
  const of = await situationOf(db, row, split, window);
  const next = rungAfter(of.ladder, row.rung, of.hasMail);
  const before = sharesAt(row, of, row.rung, next, mayGrow(row));
  const reachedAt = before.reached ? (row.reachedAt ?? now) : null;
  const measured = await measureArms(deps, db, row, of, before, now);
  const input = await stepInput(db, row, of, { before, measured, next, now, reachedAt, seeds: deps.seeds.length > 0 });
  const decision = judgeStep(input);
  const after = decision.event === null ? null : stateAfter(row, decision.event, of, next);
  const shares =
    after === null || after.rung === row.rung
      ? before
      : sharesAt(row, of, after.rung, rungAfter(of.ladder, after.rung, of.hasMail), true);
  const change = splitChange(row, of, decision.event, after, shares);
  const outlook = {
    at: now,
    event: decision.event,
    reason: decision.reason,
    waits: decision.waits,
    hours: decision.hours,
    ask: decision.ask ?? null,
    judgements: measured.judgements,
    campaigns: measured.campaigns,
    limit: before.limit,
  };
  await applyCutover(db, {
    ...{ row, operationId, at: now, policyVersion: POLICY_VERSION, window: window.index, outlook },
    decision:
      after === null || decision.event === null
        ? null
        : {
            event: decision.event,
            state: after,
            ...whose(row, decision),
            evidence: { judgements: measured.judgements, campaigns: measured.campaigns, shares: shares.rows, input },
          },
    ...(change === null ? {} : { split: change }),
    ...(after === null ? { reachedAt } : {}),
    ...(row.rung < 0 && of.seen > 0 ? { baseline: await baselineOf(db, row, of, measured.rows, now) } : {}),
  });
  await keepShares(db, row.id, shares.rows);
  const state = after ?? row;
  if (after !== null) {
    await notifyChange(db, front);
    const subject = `cutover of ${front}: ${decision.event} to ${rungText(of.ladder, state.rung)}`;
    await addNotice(db, `cutover-${decision.event}`, subject, { front, reason: decision.reason, phase: state.phase });
  }
  const result: CutoverLook = {
    policyVersion: POLICY_VERSION,
    // What was decided may decide again at once (a rung that needs nothing more): the next look is soon, not now.
    nextAt: nextLook(now, row.calendar, front),
    ...{ phase: state.phase, rung: state.rung, share: pointsOf(of.ladder, state.rung), over: isOver(state.phase) },
    migration: row.migration,
    probe: await probesWanted(deps, db, { ...row, ...state }, reachedAt),
    ask:
      decision.ask === undefined
        ? null
        : { gate: decision.ask, rung: decision.ask === 'confirm-step' ? (next ?? row.rung) : row.rung },
  };
  await storeOperation(db, operationId, result);
  return result;
}

/** Phases in which the share climbs to its rung; in the others it stays where it is, or falls. */
function mayGrow({ phase }: CutoverRow): boolean {
  return phase === 'running' || phase === 'waiting' || phase === 'watching';
}

interface Facts {
  readonly before: Shares;
  readonly measured: { readonly judgements: StepInput['judgements']; readonly campaigns: number };
  readonly next: number | undefined;
  readonly now: number;
  readonly reachedAt: number | null;
  readonly seeds: boolean;
}

async function stepInput(db: Queryable, row: CutoverRow, of: Situation, facts: Facts): Promise<StepInput> {
  const { before, measured, next, now, reachedAt } = facts;
  const { plan, calendar, front } = row;
  const hours = (since: number) => (now - since) / planMs(HOUR, calendar);
  const zone = calendar.kind === 'civil' ? calendar.zone : 'UTC';
  const frozen = frozenBy(plan.freezes, now, zone);
  const nextPoints = next === undefined ? null : pointsOf(of.ladder, next);
  const open = openDifferences(
    row.differences,
    row.accepted.map(({ name }) => name),
  );
  const movesMarketing = next !== undefined && movingAt(of.ladder, next) === 'marketing';
  const asked = (gate: WebhookGate, rung: number) => answerOf(db, row, gate, rung, now);
  return {
    ...{ phase: row.phase, plan, nextPoints, judgements: measured.judgements, campaigns: measured.campaigns },
    points: pointsOf(of.ladder, row.rung),
    phaseHours: hours(row.phaseSince),
    reachedHours: reachedAt === null ? null : hours(reachedAt),
    shareLimit: before.limit,
    tooSmall: next === undefined ? [] : tooSmallFor(of, next),
    stopped: stoppedAt(of),
    unprepared:
      row.rung >= 0
        ? []
        : unprepared({
            front,
            plan,
            hours: hours(row.startedAt),
            messages: of.seen,
            differences: row.differences,
            open,
          }),
    frozen: frozen === undefined ? null : (frozen.says ?? `${frozen.from} to ${frozen.to}`),
    stepBacks: row.stepBacks,
    approval:
      nextPoints === null || !(movesMarketing ? wantsApproval(plan, nextPoints) : plan.approve === 'manual')
        ? 'none'
        : row.approval?.rung === next
          ? 'given'
          : 'wanted',
    stepHook: next === undefined ? 'none' : await asked('confirm-step', next),
    rollbackHook: await asked('confirm-rollback', row.rung),
  };
}

/** What a webhook said. Silence about a step is no; about a rollback it is yes, for falling must not wait for anybody. */
async function answerOf(
  db: Queryable,
  row: CutoverRow,
  gate: WebhookGate,
  rung: number,
  now: number,
): Promise<StepInput['stepHook']> {
  if (!row.plan.webhooks.some((hook) => hook.gate === gate)) return 'none';
  const last = await lastGate(db, row.id, gate, rung, row.phaseSince);
  if (last === undefined || last.answer === null) return 'unasked';
  if (gate === 'confirm-rollback') return last.answer === 'no' ? 'no' : 'yes';
  if (last.answer === 'yes') return 'yes';
  return now - last.askedAt >= planMs(ASK_AGAIN_HOURS * HOUR, row.calendar) ? 'unasked' : 'no';
}

function stateAfter(
  row: CutoverRow,
  event: CutoverEvent,
  of: Situation,
  next: number | undefined,
): CutoverState | null {
  // A rung passed over for want of mail is passed over on the way down as well: the machine goes one down, which is less.
  return cutoverAfter(row, event, of.ladder.length, RAISING.includes(event) ? next : undefined) ?? null;
}

/** Who answers for it: a person who approved, else the rules. */
function whose(row: CutoverRow, decision: StepDecision): { actor: string; reason: string } {
  if (decision.event === 'approve' && row.approval !== null)
    return { actor: row.approval.actor, reason: `${row.approval.reason}; ${decision.reason}` };
  return { actor: 'rampart', reason: decision.reason };
}

/** What the MTA is to be told; null: what it runs is right. A share moves once a window, and falls at any time. */
function splitChange(
  row: CutoverRow,
  of: Situation,
  event: CutoverEvent | null,
  after: CutoverState | null,
  shares: Shares,
): SplitChangeWrite | null {
  if (after !== null && isOver(after.phase)) return null;
  if (after !== null && after.rung < row.rung) {
    const moves = event === 'rollback' ? ({ attempted: 'move' } as const) : {};
    return fallTo(of.split.thresholds, of.ladder, after.rung, moves);
  }
  const raised = after !== null && after.rung > row.rung;
  const first = row.window !== of.window.index && row.rung >= 0;
  if (!raised && !first && !falls(of.split.thresholds, shares.thresholds)) return null;
  return { thresholds: shares.thresholds, step: shares.step, floor: shares.floor, moves: {} };
}

/** Is any line clearly below what is in force? */
function falls(now: Thresholds, then: Thresholds): boolean {
  return (['marketing', 'transactional'] as const).some((stream) =>
    Object.entries(then[stream]).some(
      ([provider, line]) => line < 0.95 * (now[stream][provider] ?? now[stream]['*'] ?? 0),
    ),
  );
}
