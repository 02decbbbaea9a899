/** Decisions: one transaction writes decision, lane, grant and notice, by compare-and-set on the lane's revision. */
import type { LaneDecision } from '../policy/decision.ts';
import type { Queryable } from './connect.ts';
import { type GrantWrite, writeGrant } from './grants.ts';
import { CHANGES } from './holds.ts';
import type { LaneRow } from './lanes.ts';

export interface LaneApply {
  readonly lane: LaneRow;
  readonly decision: LaneDecision | null;
  readonly operationId: string;
  readonly rampId: string | null;
  readonly window: number;
  readonly actor: string;
  readonly policyVersion: string;
  readonly at: number;
  /** Evidence of sends before this instant (ms) no longer counts; absent: what counted goes on counting. */
  readonly evidenceFrom?: number;
  /** Marks the window as evaluated. */
  readonly final: boolean;
  readonly pauseReasons: readonly string[];
  /** Windows nobody evaluated: recorded, not caught up. */
  readonly missed: readonly number[];
  /** What the decision was made from, whole: the same rules make it again of it. Absent: a person's command. */
  readonly input?: unknown;
  readonly grants: readonly Omit<GrantWrite, 'revision' | 'address' | 'provider'>[];
}

/** Thrown when the lane changed since it was read: read again, decide again. */
export class StaleRevision extends Error {
  readonly code = 'stale-revision';
}

/** Applies one lane's decision inside the caller's transaction; throws StaleRevision when the lane moved on. */
export async function applyLane(db: Queryable, apply: LaneApply): Promise<number> {
  const { lane, decision } = apply;
  const revision = lane.revision + 1;
  const { rowCount } = await db.query(
    `update lanes set phase = $4, stage = $5, ceiling = $6, clean = $7, pause_reasons = $8, revision = $9,
       evaluated = case when $10 then $11 else evaluated end,
       advanced = case when $12 then $11 else advanced end,
       evidence_since = coalesce($13, evidence_since),
       phase_since = case when phase <> $4 then $14 else phase_since end,
       ramp_id = $15
     where address = $1 and provider = $2 and revision = $3`,
    [
      lane.address,
      lane.provider,
      lane.revision,
      decision?.phase ?? lane.phase,
      decision?.stage ?? lane.stage,
      decision?.ceiling ?? lane.ceiling,
      decision?.clean ?? lane.clean,
      apply.pauseReasons,
      revision,
      apply.final,
      apply.window,
      decision?.raised ?? false,
      apply.evidenceFrom === undefined ? null : new Date(apply.evidenceFrom),
      new Date(apply.at),
      apply.rampId,
    ],
  );
  if (rowCount !== 1)
    throw new StaleRevision(`lane ${lane.address} ${lane.provider} is no longer at revision ${lane.revision}`);
  for (const window of apply.missed) {
    const reason = `orchestrator-absent: window ${window} ended without an evaluation; its grant was carried`;
    await insertDecision(db, apply, revision, { ...unchanged(lane), kind: 'hold', reason, judgements: [] }, window);
  }
  if (decision !== null) await insertDecision(db, apply, revision, decision, apply.window);
  for (const grant of apply.grants) {
    await writeGrant(db, { ...grant, address: lane.address, provider: lane.provider, revision });
  }
  return revision;
}

type Written = Pick<LaneDecision, 'phase' | 'stage' | 'ceiling' | 'reason' | 'judgements'> & { readonly kind: string };

function unchanged(lane: LaneRow): Pick<LaneDecision, 'phase' | 'stage' | 'ceiling'> {
  return { phase: lane.phase, stage: lane.stage, ceiling: lane.ceiling };
}

async function insertDecision(
  db: Queryable,
  apply: LaneApply,
  revision: number,
  decision: Written,
  window: number,
): Promise<void> {
  const { lane } = apply;
  await db.query(
    `insert into decisions (operation_id, ramp_id, address, provider, window_index, kind, from_phase, to_phase, from_stage,
       to_stage, from_ceiling, to_ceiling, actor, reason, evidence, policy_version, revision, at, input)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
    [
      apply.operationId,
      apply.rampId,
      lane.address,
      lane.provider,
      window,
      decision.kind,
      lane.phase,
      decision.phase,
      lane.stage,
      decision.stage,
      lane.ceiling,
      decision.ceiling,
      apply.actor,
      decision.reason,
      JSON.stringify(decision.judgements),
      apply.policyVersion,
      revision,
      new Date(apply.at),
      apply.input === undefined || decision !== apply.decision ? null : JSON.stringify(apply.input),
    ],
  );
}

/** The stored result of an operation, when it has been applied already. */
export async function operationResult<T>(db: Queryable, id: string): Promise<T | undefined> {
  const { rows } = await db.query('select result from operations where id = $1', [id]);
  return rows[0]?.result;
}

export async function storeOperation(db: Queryable, id: string, result: unknown): Promise<void> {
  await db.query('insert into operations (id, result) values ($1, $2)', [id, JSON.stringify(result)]);
}

/** Tells the MTA processes that grants or lanes changed (ids only; it also learns at its next lease renewal). */
export async function notifyChange(db: Queryable, address: string): Promise<void> {
  await db.query('select pg_notify($1, $2)', [CHANGES, `lanes ${address}`]);
}

export async function addNotice(db: Queryable, kind: string, subject: string, body: unknown): Promise<void> {
  await db.query('insert into notices (kind, subject, body) values ($1, $2, $3)', [
    kind,
    subject,
    JSON.stringify(body),
  ]);
}

export interface Notice {
  readonly id: number;
  readonly kind: string;
  readonly subject: string;
  readonly body: unknown;
}

export async function noticesToSend(db: Queryable): Promise<Notice[]> {
  return (await db.query('select id, kind, subject, body from notices where sent_at is null order by id limit 100'))
    .rows;
}

export async function markSent(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query('update notices set sent_at = now() where id = any($1::bigint[])', [ids]);
}

export interface DecisionRow {
  readonly id: number;
  readonly operationId: string;
  readonly rampId: string | null;
  readonly address: string;
  readonly provider: string;
  readonly window: number;
  readonly kind: string;
  readonly fromPhase: string;
  readonly toPhase: string;
  readonly fromStage: number;
  readonly toStage: number;
  readonly fromCeiling: number;
  readonly toCeiling: number;
  readonly actor: string;
  readonly reason: string;
  readonly evidence: unknown;
  readonly policyVersion: string;
  readonly revision: number;
  readonly at: number;
}

const DECISION = `select id, operation_id as "operationId", ramp_id as "rampId", host(address) as address, provider,
  window_index as window, kind, from_phase as "fromPhase", to_phase as "toPhase", from_stage as "fromStage",
  to_stage as "toStage", from_ceiling as "fromCeiling", to_ceiling as "toCeiling", actor, reason, evidence,
  policy_version as "policyVersion", revision, extract(epoch from at)::float8 * 1000 as at from decisions`;

/** The last decision of each lane of an address that judged something. */
export async function lastJudged(db: Queryable, address: string): Promise<DecisionRow[]> {
  const { rows } = await db.query(
    `${DECISION.replace('select id', 'select distinct on (provider) id')}
     where address = $1 and jsonb_array_length(evidence) > 0 order by provider, id desc`,
    [address],
  );
  return rows;
}

export interface RecordedDecision extends DecisionRow {
  readonly input: unknown;
}

/** Decisions with the whole input each was made from, oldest first: for whoever makes them again. */
export async function recordedDecisions(db: Queryable, policyVersion: string): Promise<RecordedDecision[]> {
  const { rows } = await db.query(
    `${DECISION.replace(' from decisions', ', input from decisions')} where input is not null and policy_version = $1 order by id`,
    [policyVersion],
  );
  return rows;
}

export async function decisionsOf(db: Queryable, address: string, provider?: string): Promise<DecisionRow[]> {
  const { rows } = await db.query(
    `${DECISION} where address = $1 and ($2::text is null or provider = $2) order by id`,
    [address, provider ?? null],
  );
  return rows;
}

/** Decisions that one operation took. */
export async function decisionsOfOperation(db: Queryable, operationId: string): Promise<DecisionRow[]> {
  return (await db.query(`${DECISION} where operation_id = $1 order by id`, [operationId])).rows;
}

export async function lastDecisions(db: Queryable, address: string): Promise<DecisionRow[]> {
  const { rows } = await db.query(
    `select distinct on (provider) * from (${DECISION} where address = $1) d order by provider, id desc`,
    [address],
  );
  return rows;
}
