/** Reads what `warmup status` shows: PostgreSQL only, so that it works with no worker and no Temporal. */
import { windowOf } from '../../policy/calendar.ts';
import { type LaneOrder, orderOn } from '../../policy/orders.ts';
import { stageCount, stageOf } from '../../policy/plan.ts';
import type { Queryable } from '../../store/connect.ts';
import { type DecisionRow, lastDecisions, lastJudged } from '../../store/decisions.ts';
import { type AddressRow, addressRows, type LaneRow, lanesOf, type RampRow, rampOf } from '../../store/lanes.ts';
import { unitsUsed } from '../../store/measures.ts';
import { liveOrders } from '../../store/orders.ts';
import { placementSummary } from '../../store/probes.ts';
import type { Binding } from './binding.ts';
import { type GateVerdict, gateVerdicts } from './gate-verdicts.ts';
import { type Around, around, laneFacts } from './lane-facts.ts';

export interface LaneStatus {
  readonly provider: string;
  readonly phase: string;
  /** Stage of the plan, from 1; null where no plan applies. */
  readonly stage: { readonly number: number; readonly of: number } | null;
  /** Of the open window, in messages; `ceiling` is its grant. */
  readonly sent: number;
  readonly ceiling: number;
  /** The plan's last ceiling, or the normal limit. */
  readonly target: number;
  readonly pauseReasons: readonly string[];
  /** What an operator ordered for later evaluations, and until when (ms; null: until a resume). */
  readonly orders: readonly Pick<LaneOrder, 'kind' | 'actor' | 'reason' | 'until'>[];
  /** The last probes (at most 5). */
  readonly placement: { readonly inbox: number; readonly spam: number; readonly unobserved: number } | null;
  readonly lastDecision: Pick<DecisionRow, 'kind' | 'reason' | 'at' | 'actor'> | null;
  readonly binds: Binding;
  /** Verdicts of the last decision that judged the lane; empty: none has yet. */
  readonly gates: readonly GateVerdict[];
}

export interface AddressStatus {
  readonly address: string;
  readonly pool: string;
  readonly node: string;
  /** Zone of the calendar's days; UTC in compressed ones. */
  readonly zone: string;
  readonly window: string;
  readonly ramp: {
    readonly id: string;
    readonly plan: string;
    readonly startedAt: number;
    readonly startedBy: string;
    readonly endedAt: number | null;
    readonly outcome: string | null;
  } | null;
  readonly lanes: readonly LaneStatus[];
}

/** Which addresses a status is about. */
export interface Wanted {
  /** These only. */
  readonly addresses?: readonly string[];
  readonly pool?: string | undefined;
}

/** Status of some addresses, or of all. */
export async function gatherStatus(db: Queryable, now: number, wanted: Wanted = {}): Promise<AddressStatus[]> {
  const { addresses, pool } = wanted;
  const rows = (await addressRows(db)).filter(
    (row) => (addresses?.includes(row.address) ?? true) && (pool === undefined || row.pool === pool),
  );
  const all = await around(db, now);
  const found: AddressStatus[] = [];
  for (const row of rows) found.push(await addressStatus(db, row, all));
  return found;
}

async function addressStatus(db: Queryable, row: AddressRow, all: Around): Promise<AddressStatus> {
  const { address } = row;
  const ramp = await rampOf(db, address);
  const lanes = await lanesOf(db, address);
  const calendar = lanes[0]?.calendar ?? row.calendar;
  const window = windowOf(all.now, calendar);
  const used = await unitsUsed(db, address, window.index);
  const placement = await placementSummary(db, address);
  const decisions = await lastDecisions(db, address);
  const judged = await lastJudged(db, address);
  const orders = await liveOrders(db, address, all.now);
  const statuses = lanes.map(async (lane): Promise<LaneStatus> => {
    const { grant, cold, binds } = await laneFacts(db, lane, all);
    const seen = placement.find((one) => one.provider === lane.provider);
    const last = decisions.find((decision) => decision.provider === lane.provider);
    return {
      provider: lane.provider,
      phase: lane.phase,
      stage: stageText(lane, ramp),
      sent: used.get(lane.provider) ?? 0,
      ceiling: grant?.units ?? (cold ? 0 : lane.ceiling),
      target: targetOf(lane, ramp),
      pauseReasons: lane.pauseReasons,
      orders: ordersOn(orders, lane, all.now),
      placement: seen === undefined ? null : { inbox: seen.inbox, spam: seen.spam, unobserved: seen.unobserved },
      lastDecision:
        last === undefined ? null : { kind: last.kind, reason: last.reason, at: last.at, actor: last.actor },
      binds,
      gates: gateVerdicts(judged.find((decision) => decision.provider === lane.provider)),
    };
  });
  return {
    address,
    pool: row.pool,
    node: row.node,
    zone: calendar.kind === 'civil' ? calendar.zone : 'UTC',
    window: window.label,
    ramp:
      ramp === undefined
        ? null
        : {
            id: ramp.id,
            plan: ramp.plan.name,
            startedAt: ramp.startedAt,
            startedBy: ramp.startedBy,
            endedAt: ramp.endedAt,
            outcome: ramp.outcome,
          },
    lanes: await Promise.all(statuses),
  };
}

/** The orders that bind a lane's next evaluations. */
export function ordersOn(orders: readonly LaneOrder[], lane: LaneRow, now: number): LaneStatus['orders'] {
  return (['freeze', 'promote'] as const)
    .flatMap((kind) => orderOn(orders, kind, lane, now) ?? [])
    .map(({ kind, actor, reason, until }) => ({ kind, actor, reason, until }));
}

function onPlan(lane: LaneRow, ramp: RampRow | undefined): ramp is RampRow {
  const past = lane.phase === 'warm' || lane.phase === 'graduating' || lane.phase === 'planned';
  return ramp !== undefined && lane.rampId === ramp.id && !past;
}

function stageText(lane: LaneRow, ramp: RampRow | undefined): LaneStatus['stage'] {
  return onPlan(lane, ramp) ? { number: lane.stage + 1, of: stageCount(ramp.plan, lane.provider) } : null;
}

function targetOf(lane: LaneRow, ramp: RampRow | undefined): number {
  if (!onPlan(lane, ramp)) return lane.normal;
  return stageOf(ramp.plan, lane.provider, stageCount(ramp.plan, lane.provider) - 1)?.ceiling ?? lane.normal;
}
