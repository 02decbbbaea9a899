/** Reads what `why` says of a lane or a message: PostgreSQL only, so that it works with no worker and no Temporal. */
import { admitted } from '../../policy/carry.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { overflowPool } from '../../policy/overflow.ts';
import type { Queryable } from '../../store/connect.ts';
import { lastDecisions, lastJudged } from '../../store/decisions.ts';
import { jointBudgetOf } from '../../store/joint-budget.ts';
import { allLanes, type LaneRow } from '../../store/lanes.ts';
import { liveOrders } from '../../store/orders.ts';
import { poolRows } from '../../store/pools.ts';
import type { QueuedMail } from '../../store/queued-mail.ts';
import { readSplits } from '../../store/splits.ts';
import { tenantUse } from '../../store/tenant-use.ts';
import type { Binding } from '../status/binding.ts';
import { type GateVerdict, gateVerdicts } from '../status/gate-verdicts.ts';
import { type LaneStatus, ordersOn } from '../status/gather.ts';
import { around, type LaneFacts, laneFacts } from '../status/lane-facts.ts';
import { type EffectiveLimit, limitsOf, type Origins } from './limits.ts';
import { type RecipientReason, whyRecipient } from './recipient.ts';

export interface LaneReport {
  readonly address: string;
  readonly provider: string;
  readonly pool: string;
  readonly phase: string;
  readonly binds: Binding;
  readonly limits: readonly EffectiveLimit[];
  /** As `warmup status` has them. */
  readonly orders: LaneStatus['orders'];
  /** Verdicts of the last decision that judged the lane; null: none has yet. */
  readonly gates: { readonly at: number; readonly verdicts: readonly GateVerdict[] } | null;
  readonly zone: string;
}

/** What of a configuration limits a lane. */
export type Configured = Pick<Origins, 'shaping' | 'tls'>;

export async function whyLane(db: Queryable, lane: LaneRow, configured: Configured, now: number): Promise<LaneReport> {
  const facts = await laneFacts(db, lane, await around(db, now));
  const decision = (await lastDecisions(db, lane.address)).find(({ provider }) => provider === lane.provider);
  const judged = (await lastJudged(db, lane.address)).find(({ provider }) => provider === lane.provider);
  const zone = lane.calendar.kind === 'civil' ? lane.calendar.zone : 'UTC';
  const { address, provider, pool, phase } = lane;
  const joint = facts.cold ? await jointBudgetOf(db, pool, provider, facts.window.index) : undefined;
  return {
    address,
    provider,
    pool,
    phase,
    binds: facts.binds,
    orders: ordersOn(await liveOrders(db, address, now), lane, now),
    limits: limitsOf({ ...facts, joint }, { decision, zone, ...configured }),
    gates: judged === undefined ? null : { at: judged.at, verdicts: gateVerdicts(judged) },
    zone,
  };
}

/** Why each of these queued recipients has not gone out, in their order. `tenantShare`: as configured. */
export async function whyQueued(
  db: Queryable,
  mails: readonly QueuedMail[],
  now: number,
  tenantShare: number = DEFAULTS.tenantShare,
): Promise<RecipientReason[]> {
  const all = await around(db, now);
  const splits = await readSplits(db);
  const lanes = await allLanes(db);
  const pools = await poolRows(db);
  const facts = new Map<LaneRow, Promise<LaneFacts>>();
  const factsOf = (lane: LaneRow) => {
    const known = facts.get(lane) ?? laneFacts(db, lane, all);
    facts.set(lane, known);
    return known;
  };
  const reasons: RecipientReason[] = [];
  for (const mail of mails) {
    const pool = pools.find(({ name }) => name === mail.pool);
    const second = pools.find(({ name }) => name === (pool === undefined ? null : overflowPool(pool.overflow)));
    const mine = lanes.filter(
      (lane) => carriesProvider(lane, mail) && (lane.pool === mail.pool || lane.pool === second?.name),
    );
    const ordered = mine.toSorted((a, b) => Number(b.pool === mail.pool) - Number(a.pool === mail.pool));
    const known = await Promise.all(ordered.map(factsOf));
    const uses = new Map(await Promise.all(known.map(async (one) => [one, await useOf(db, one, mail)] as const)));
    const up = [pool, second].find((one) => one?.upstream != null);
    reasons.push(
      whyRecipient(mail, {
        ...all,
        splits,
        lanes: known,
        tenants: (one) => uses.get(one) ?? undefined,
        tenantShare,
        upstream: up?.upstream == null ? null : { pool: up.name, hosts: up.upstream },
      }),
    );
  }
  return reasons;
}

/** New mail alone has turns: what belongs to a lane comes with its retry. */
async function useOf(db: Queryable, { lane, cold, window }: LaneFacts, mail: QueuedMail) {
  if (!cold || lane.pool !== mail.pool || mail.address !== null || mail.stream !== 'marketing') return undefined;
  return tenantUse(db, lane, window, mail.tenant, admitted(lane.segment));
}

function carriesProvider(lane: LaneRow, mail: QueuedMail): boolean {
  return lane.provider === mail.provider;
}
