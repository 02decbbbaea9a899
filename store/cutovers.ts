/**
 * Cutovers: the rows that say how far a front's mail has moved. One transaction writes row, decision and split, by
 * compare-and-set on the row's revision, whoever decided: a workflow's evaluation or a person with nothing but the database.
 */
import type { Calendar } from '../policy/calendar.ts';
import type { Difference } from '../policy/cutover/differences.ts';
import type { CutoverEvent, CutoverPhase, CutoverState } from '../policy/cutover/machine.ts';
import type { CutoverPlan } from '../policy/cutover/plan.ts';
import type { Arm, MoveRules, SplitScope, Thresholds } from '../policy/cutover/split.ts';
import type { Queryable } from './connect.ts';
import { StaleRevision } from './decisions.ts';
import { readSplit, writeSplitIn } from './splits.ts';

export interface By {
  readonly actor: string;
  readonly reason: string;
}

export interface CutoverRow extends CutoverState {
  readonly id: string;
  readonly front: string;
  readonly oldArm: string;
  readonly newArm: string;
  readonly scope: SplitScope;
  readonly plan: CutoverPlan;
  readonly calendar: Calendar;
  readonly migration: string | null;
  /** Instants in ms since 1970. */
  readonly phaseSince: number;
  readonly rungSince: number;
  readonly reachedAt: number | null;
  readonly evidenceSince: number;
  readonly stepBacks: number;
  readonly approval: (By & { readonly rung: number; readonly at: number }) | null;
  readonly differences: readonly Difference[] | null;
  readonly accepted: readonly (By & { readonly name: string; readonly at: number })[];
  readonly baseline: unknown;
  readonly outlook: unknown;
  readonly window: number | null;
  readonly revision: number;
  readonly startedAt: number;
  readonly startedBy: string;
  readonly reason: string;
  readonly endedAt: number | null;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;
const CUTOVER = `select id, front, old_arm as "oldArm", new_arm as "newArm", scope, plan, calendar, migration, phase, rung,
  ${ms('phase_since')} as "phaseSince", ${ms('rung_since')} as "rungSince", ${ms('reached_at')} as "reachedAt",
  ${ms('evidence_since')} as "evidenceSince", step_backs as "stepBacks", approval, differences, accepted, baseline, outlook,
  window_index as window, revision, ${ms('started_at')} as "startedAt", started_by as "startedBy", reason,
  ${ms('ended_at')} as "endedAt" from cutovers`;

/** The live cutover of a front, else the last one. */
export async function cutoverOf(db: Queryable, front: string): Promise<CutoverRow | undefined> {
  const { rows } = await db.query(
    `${CUTOVER} where front = $1 order by ended_at desc nulls first, started_at desc limit 1`,
    [front],
  );
  return rows[0];
}

export async function cutoverById(db: Queryable, id: string): Promise<CutoverRow | undefined> {
  return (await db.query(`${CUTOVER} where id = $1`, [id])).rows[0];
}

export async function liveCutovers(db: Queryable): Promise<CutoverRow[]> {
  return (await db.query(`${CUTOVER} where ended_at is null order by started_at`)).rows;
}

/** Every cutover, the newest of each front first. */
export async function allCutovers(db: Queryable): Promise<CutoverRow[]> {
  return (await db.query(`${CUTOVER} order by front, started_at desc`)).rows;
}

/** The live cutover that has a pool as its new arm: whose ramp it waits for. */
export async function cutoverInto(db: Queryable, pool: string): Promise<CutoverRow | undefined> {
  return (await db.query(`${CUTOVER} where new_arm = $1 and ended_at is null limit 1`, [pool])).rows[0];
}

export interface CutoverStart {
  readonly id: string;
  readonly front: string;
  readonly oldArm: string;
  readonly newArm: string;
  readonly scope: SplitScope;
  readonly plan: CutoverPlan;
  readonly calendar: Calendar;
  readonly migration?: string;
  /** Of the hash of recipients: random. */
  readonly key: string;
  readonly at: number;
  readonly operationId: string;
  readonly policyVersion: string;
}

/**
 * Writes a cutover with its split: from then on all mail of the front takes the old arm, until something moves. Call it in a
 * transaction.
 *
 * @throws SplitRefused: its pools do not exist, or are in another live cutover.
 */
export async function insertCutover(db: Queryable, start: CutoverStart, by: By): Promise<void> {
  const { id, front, oldArm, newArm, scope, plan, calendar, key } = start;
  const at = new Date(start.at);
  const before = await readSplit(db, front);
  const nothing = { marketing: { '*': 0 }, transactional: { '*': 0 } };
  await writeSplitIn(db, {
    ...{ front, oldArm, newArm, scope, key, thresholds: nothing, step: null, floor: {}, moves: {}, settled: null },
    revision: (before?.revision ?? 0) + 1,
  });
  await db.query(
    `insert into cutovers (id, front, old_arm, new_arm, scope, plan, calendar, migration, phase, rung, phase_since, rung_since,
       evidence_since, started_at, started_by, reason)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 'preparing', -1, $9, $9, $9, $9, $10, $11)`,
    [
      ...[id, front, oldArm, newArm, JSON.stringify(scope), JSON.stringify(plan), JSON.stringify(calendar)],
      ...[start.migration ?? null, at, by.actor, by.reason],
    ],
  );
  await db.query(
    `insert into cutover_decisions (cutover, operation_id, event, from_phase, to_phase, from_rung, to_rung, actor, reason,
       evidence, policy_version, revision, at)
     values ($1, $2, 'start', 'preparing', 'preparing', -1, -1, $3, $4, '[]', $5, 0, $6)`,
    [id, start.operationId, by.actor, by.reason, start.policyVersion, at],
  );
}

/** What the MTA is told with a change. */
export interface SplitChangeWrite {
  readonly thresholds: Thresholds;
  /** What the rung says where it is more than the thresholds; null: the same. */
  readonly step: Thresholds | null;
  readonly floor?: Readonly<Record<string, number>>;
  /** What becomes of mail that waits in the new arm; absent: as it was. */
  readonly moves?: MoveRules;
}

export interface CutoverApply {
  /** As it was read: a row that has moved on since is not written. */
  readonly row: CutoverRow;
  readonly operationId: string;
  readonly at: number;
  readonly policyVersion: string;
  /** null: nothing is decided; shares and outlook are written all the same. */
  readonly decision:
    | ({ readonly event: CutoverEvent; readonly state: CutoverState; readonly evidence: unknown } & By)
    | null;
  /** Absent: the split stays as it is. */
  readonly split?: SplitChangeWrite;
  readonly window?: number;
  readonly reachedAt?: number | null;
  readonly outlook?: unknown;
  readonly differences?: readonly Difference[];
  readonly baseline?: unknown;
}

/** Events after which what was seen of the arms no longer counts. */
const FORGETS: readonly CutoverEvent[] = ['step-back', 'rollback', 'reverse', 'resume', 'abort'];

/**
 * Applies what was decided about a cutover inside the caller's transaction; returns its new revision.
 *
 * @throws StaleRevision: somebody else changed the cutover since it was read. Read again, decide again.
 */
export async function applyCutover(db: Queryable, apply: CutoverApply): Promise<number> {
  const { row, decision, at } = apply;
  const state = decision?.state ?? row;
  const moved = state.rung !== row.rung;
  const over = state.phase === 'done' || state.phase === 'aborted';
  const event = decision?.event;
  const forgets = event !== undefined && FORGETS.includes(event);
  const raised = event === 'advance' || event === 'approve';
  const when = new Date(at);
  const { rowCount } = await db.query(
    `update cutovers set phase = $3, rung = $4, revision = revision + 1,
       phase_since = case when phase <> $3 or rung <> $4 then $5 else phase_since end,
       rung_since = case when rung <> $4 then $5 else rung_since end,
       reached_at = case when $6 then null when $7 then $8 else reached_at end,
       evidence_since = case when $9 then $5 else evidence_since end,
       step_backs = case when $10 then 0 when $11 then step_backs + 1 else step_backs end,
       approval = case when $12 then null else approval end,
       outlook = coalesce($13, outlook), window_index = coalesce($14, window_index),
       differences = coalesce($15, differences), baseline = coalesce($16, baseline),
       ended_at = case when $17 then $5 else ended_at end
     where id = $1 and revision = $2 and ended_at is null`,
    [
      ...[row.id, row.revision, state.phase, state.rung, when],
      ...[moved, apply.reachedAt !== undefined, apply.reachedAt == null ? null : new Date(apply.reachedAt)],
      ...[forgets, raised || event === 'resume', event === 'step-back', moved || forgets || event === 'doubt'],
      ...[json(apply.outlook), apply.window ?? null, json(apply.differences), json(apply.baseline), over],
    ],
  );
  if (rowCount !== 1) throw new StaleRevision(`the cutover of ${row.front} is no longer at revision ${row.revision}`);
  if (decision !== null) await insertDecision(db, apply, decision);
  if (apply.split !== undefined || over) await tellSplit(db, row, state.phase, apply.split);
  return row.revision + 1;
}

async function insertDecision(
  db: Queryable,
  apply: CutoverApply,
  decision: NonNullable<CutoverApply['decision']>,
): Promise<void> {
  const { row } = apply;
  await db.query(
    `insert into cutover_decisions (cutover, operation_id, event, from_phase, to_phase, from_rung, to_rung, actor, reason,
       evidence, policy_version, revision, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      ...[row.id, apply.operationId, decision.event, row.phase, decision.state.phase, row.rung, decision.state.rung],
      ...[decision.actor, decision.reason, JSON.stringify(decision.evidence), apply.policyVersion, row.revision + 1],
      new Date(apply.at),
    ],
  );
}

/** The row's compare-and-set has been won: the split's next revision is ours. */
async function tellSplit(
  db: Queryable,
  row: CutoverRow,
  phase: CutoverPhase,
  change: SplitChangeWrite | undefined,
): Promise<void> {
  const before = await readSplit(db, row.front);
  if (before === undefined) throw new Error(`the cutover of ${row.front} has no split`);
  const settled: Arm | null = phase === 'done' ? 'new' : phase === 'aborted' ? 'old' : null;
  const written = await writeSplitIn(db, {
    ...before,
    revision: before.revision + 1,
    thresholds: change?.thresholds ?? before.thresholds,
    step: change === undefined ? before.step : change.step,
    floor: change?.floor ?? before.floor,
    moves: change?.moves ?? before.moves,
    settled,
  });
  if (written.result !== 'written') throw new StaleRevision(`the split of ${row.front} has moved on`);
}

/** Keeps a person's yes to the raise to a rung; false: the row has changed since it was read. */
export async function keepApproval(
  db: Queryable,
  row: CutoverRow,
  approval: NonNullable<CutoverRow['approval']>,
): Promise<boolean> {
  const { rowCount } = await db.query(
    'update cutovers set approval = $3, revision = revision + 1 where id = $1 and revision = $2 and ended_at is null',
    [row.id, row.revision, JSON.stringify(approval)],
  );
  return rowCount === 1;
}

/** Keeps that a person accepted differences by name. */
export async function acceptDifferences(
  db: Queryable,
  id: string,
  names: readonly string[],
  by: By & { readonly at: number },
): Promise<void> {
  await db.query(
    'update cutovers set accepted = accepted || $2::jsonb, revision = revision + 1 where id = $1 and ended_at is null',
    [id, JSON.stringify(names.map((name) => ({ name, ...by })))],
  );
}

export interface CutoverDecisionRow extends By {
  readonly id: number;
  readonly event: CutoverEvent | 'start';
  readonly fromPhase: CutoverPhase;
  readonly toPhase: CutoverPhase;
  readonly fromRung: number;
  readonly toRung: number;
  readonly evidence: unknown;
  readonly operationId: string;
  readonly policyVersion: string;
  readonly revision: number;
  readonly at: number;
}

/** Every decision about a cutover, oldest first. */
export async function cutoverDecisions(db: Queryable, id: string): Promise<CutoverDecisionRow[]> {
  const { rows } = await db.query(
    `select id, event, from_phase as "fromPhase", to_phase as "toPhase", from_rung as "fromRung", to_rung as "toRung", actor,
       reason, evidence, operation_id as "operationId", policy_version as "policyVersion", revision, ${ms('at')} as at
     from cutover_decisions where cutover = $1 order by id`,
    [id],
  );
  return rows;
}

function json(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
