/** Commands that begin or stop a ramp's mail: start, pause, resume. Each is applied once, in one transaction. */
import { type Calendar, DAY_MS, windowAt, windowOf } from '../policy/calendar.ts';
import { release } from '../policy/decide.ts';
import type { LaneDecision } from '../policy/decision.ts';
import { POLICY_VERSION } from '../policy/defaults.ts';
import { normalAfter } from '../policy/graduation.ts';
import { coversAddress, type Hold, laneTarget } from '../policy/holds.ts';
import { transition } from '../policy/lane.ts';
import { grantUnits } from '../policy/lane-grant.ts';
import { calendarOf, checkPlan, type Plan, PlanError, planNamed, stageCount, stageOf } from '../policy/plan.ts';
import { type Queryable, tx } from '../store/connect.ts';
import { applyLane, operationResult } from '../store/decisions.ts';
import { hasGrants } from '../store/grants.ts';
import { clearHolds, closeIncidents, liveHolds, placeHold } from '../store/holds.ts';
import { addressRow, allLanes, insertRamp, type LaneRow, lanesOf, rampOf, rampsOf, setNormal } from '../store/lanes.ts';
import { endOrders, liveOrders } from '../store/orders.ts';
import type { CommandResult, LaneCommand, Pause, Resume, StartRamp } from '../temporal/contracts.ts';
import { type ActivityDeps, BadInput } from './deps.ts';
import { earnedElsewhere, NOTHING_EARNED } from './earned.ts';
import { evaluationTimes } from './evaluation-times.ts';
import { restOfDay } from './first-day.ts';
import { withinJointBudget } from './joint-budget.ts';
import { once } from './once.ts';
import { pausedNow } from './pause-reasons.ts';
import type { CommandOf } from './types.ts';
import { grantsNow } from './verbs/grants.ts';
import { chosenLanes } from './verbs/lanes.ts';

/** Starts a ramp: plan and calendar are fixed, the first grant is in force when this returns. */
export function startRamp(deps: ActivityDeps, command: CommandOf<StartRamp>): Promise<CommandResult> {
  return once(deps, command.operationId, async (db) => {
    const { address } = command;
    const now = deps.now();
    const row = await addressRow(db, address);
    if (row === undefined) {
      throw new BadInput(
        `${address} is not an address of any pool: add it to pools in rampart.config.ts and run ./rampart up`,
      );
    }
    const running = await rampOf(db, address);
    if (running !== undefined && running.endedAt === null) {
      throw new BadInput(`${address} is warming already (${running.id}): see ./rampart warmup status ${address}`);
    }
    const lanes = await lanesOf(db, address);
    if (lanes.every((lane) => lane.phase === 'warm'))
      throw new BadInput(`${address} is warm: there is nothing to warm up`);
    const cold = lanes.filter((lane) => transition(lane.phase, 'start', []) !== undefined);
    if (cold.length === 0) {
      const phases = lanes.map((lane) => `${lane.provider} ${lane.phase}`).join(', ');
      throw new BadInput(`${address} has no lane that could start (${phases}): see ./rampart warmup status ${address}`);
    }
    await checkOverflow(db, address, row.pool, row.overflow);
    const plan = drawPlan(command, cold);
    const calendar = calendarOf(plan, row.calendar);
    await checkZone(db, lanes, calendar, now);
    const window = windowOf(now, calendar);
    const live = await liveHolds(db);
    const orders = await liveOrders(db, address, now);
    const rampId = `${address}/${new Date(now).toISOString()}`;
    await insertRamp(db, {
      id: rampId,
      address,
      pool: row.pool,
      plan,
      calendar,
      firstWindow: window.index,
      at: now,
      actor: command.actor,
      ...(command.preflight === undefined ? {} : { preflight: command.preflight.id }),
    });
    const earned = command.fromZero === true ? NOTHING_EARNED : await earnedElsewhere(db, address, lanes, plan, now);
    const preflight =
      command.preflight === undefined ? [] : [`preflight ${command.preflight.id}: ${command.preflight.says}`];
    for (const lane of cold) {
      // A lane that stepped back was judged here, and that goes before what it did elsewhere.
      const from = lane.phase === 'planned' ? earned.get(lane.provider) : undefined;
      const stage = stageOf(plan, lane.provider, from?.stage ?? 0);
      const phase = transition(lane.phase, 'start', []);
      if (stage === undefined || phase === undefined) continue;
      const last = stageOf(plan, lane.provider, stageCount(plan, lane.provider) - 1)?.ceiling ?? stage.ceiling;
      await setNormal(db, address, lane.provider, normalAfter(plan, lane.provider, stage.ceiling));
      const decision: LaneDecision = {
        kind: 'start',
        phase,
        stage: from?.stage ?? 0,
        ceiling: stage.ceiling,
        clean: 0,
        retreat: true,
        raised: false,
        reason: [
          `${command.reason}: plan ${plan.name}, ${stageCount(plan, lane.provider)} stages from ${stage.ceiling} to ${last} a day`,
          ...(from === undefined ? [] : [from.says]),
          ...preflight,
        ].join('; '),
        judgements: [],
      };
      const grant = { planUnits: stage.ceiling, origin: 'decided' as const };
      const next = windowAt(window.index + 1, calendar);
      const late = now >= evaluationTimes(window, address).final;
      const first = restOfDay(stage, now, window, calendar);
      const today = await withinJointBudget(db, lane, decision, window, first);
      const tomorrow = late ? await withinJointBudget(db, lane, decision, next) : { decision };
      await applyLane(db, {
        lane,
        decision: (late ? tomorrow : today).decision,
        operationId: command.operationId,
        rampId,
        window: window.index,
        actor: command.actor,
        policyVersion: POLICY_VERSION,
        at: now,
        evidenceFrom: now,
        final: late,
        pauseReasons: pausedNow(live, orders, lane, now),
        missed: [],
        grants: [
          { ...grant, window, units: today.share?.units ?? first },
          ...(late
            ? [{ ...grant, window: next, units: next.sends ? (tomorrow.share?.units ?? grantUnits(decision)) : 0 }]
            : []),
        ],
      });
    }
    return { says: `ramp ${rampId} started: ${cold.length} lanes, plan ${plan.name}`, rampId };
  });
}

/** Records a pause. The hold comes first and stands alone: it stops mail also when nothing else runs. */
export async function pauseLanes(deps: ActivityDeps, command: CommandOf<Pause>): Promise<CommandResult> {
  const { address, provider, actor, reason, operationId } = command;
  // A late retry of a pause that was lifted since must not pause again.
  const stored = await operationResult<CommandResult>(deps.store, operationId);
  if (stored !== undefined) return stored;
  await chosenLanes(deps.store, command);
  const scope = provider === null ? 'address' : 'lane';
  const target = provider === null ? address : laneTarget(address, provider);
  const id =
    command.hold ??
    (await tx(deps.store, (db) => placeHold(db, { scope, target, reach: 'cold', cause: 'operator', actor, reason })))
      .id;
  return once(deps, operationId, async (db) => {
    const live = (await liveHolds(db)).some((hold) => hold.id === id);
    if (live) await noteChange(db, deps, command, 'pause');
    const says = live ? `hold ${id} stops new cold mail of ${target}` : `hold ${id} was lifted before this was heard`;
    return { says, rampId: null };
  });
}

/**
 * Lifts the operator's and incidents' holds the caller saw, and only those: a person answers for it. The lane goes on
 * at the stage it held; a quarantined one goes on a step lower, with its evidence emptied.
 */
export function resumeLanes(deps: ActivityDeps, command: CommandOf<Resume>): Promise<CommandResult> {
  return once(deps, command.operationId, async (db) => {
    const { address, actor, reason } = command;
    await chosenLanes(db, command);
    const mine = (await liveHolds(db)).filter(
      (hold) => command.holds.includes(hold.id) && isLiftable(hold) && coversAddress(hold, address),
    );
    const cleared = await clearHolds(
      db,
      mine.map((hold) => hold.id),
      { actor, reason },
    );
    const seen = (await liveOrders(db, address, deps.now())).filter((order) => command.orders?.includes(order.id));
    const ended = await endOrders(
      db,
      seen.map((order) => order.id),
      { actor, reason, at: deps.now() },
    );
    if (cleared.length + ended.length === 0)
      throw new BadInput(`no operator's hold on ${address} to lift: see ./rampart warmup status ${address}`);
    await noteChange(db, deps, command, 'resume');
    const lifted = [
      ...(cleared.length > 0 ? [`hold ${cleared.join(', ')}`] : []),
      ...seen.map((order) => `the ${order.provider} lane's ${order.kind}`),
    ];
    return { says: `lifted ${lifted.join(', ')}`, rampId: null };
  });
}

function isLiftable(hold: Hold): boolean {
  return hold.cause === 'operator' || /^(incident|pause):/.test(hold.cause);
}

/** A decision row for every lane whose pause reasons the command changed; the stage stays, but for a released lane. */
async function noteChange(
  db: Queryable,
  deps: ActivityDeps,
  command: CommandOf<LaneCommand>,
  kind: 'pause' | 'resume',
): Promise<void> {
  const at = deps.now();
  const live = await liveHolds(db);
  const orders = await liveOrders(db, command.address, at);
  const plans = new Map((await rampsOf(db, command.address)).map((ramp) => [ramp.id, ramp.plan]));
  for (const lane of await lanesOf(db, command.address)) {
    const paused = pausedNow(live, orders, lane, at);
    const before = lane.pauseReasons;
    if (paused.length === before.length && paused.every((reason) => before.includes(reason))) continue;
    const released =
      kind === 'resume' && lane.phase === 'quarantined'
        ? release(lane, plans.get(lane.rampId ?? '') ?? null, paused)
        : undefined;
    if (released !== undefined) await closeIncidents(db, 'incident', lane.address, lane.provider, at);
    const { phase, stage, ceiling, clean } = released ?? lane;
    const { reason } = command;
    const retreat = released !== undefined;
    const decision = { kind, phase, stage, ceiling, clean, retreat, raised: false, reason, judgements: [] };
    await applyLane(db, {
      lane,
      decision,
      operationId: command.operationId,
      rampId: lane.rampId,
      window: windowOf(at, lane.calendar).index,
      actor: command.actor,
      policyVersion: POLICY_VERSION,
      at,
      ...(retreat ? { evidenceFrom: at } : {}),
      final: false,
      pauseReasons: paused,
      missed: [],
      grants: retreat ? await grantsNow(db, lane, decision, at) : [],
    });
  }
}

async function checkOverflow(db: Queryable, address: string, pool: string, overflow: string): Promise<void> {
  if (overflow !== 'warm-peers') return;
  const peers = (await allLanes(db)).filter(
    (lane) => lane.pool === pool && lane.address !== address && lane.phase === 'warm',
  );
  if (peers.length > 0) return;
  throw new BadInput(
    `pool ${pool} has no warm address to take what ${address} may not send: add one with standing 'warm', or set the pool's overflow to 'wait'`,
  );
}

/** A lane that has grants counts its days already: with days of another zone two ceilings would meet in one day. */
async function checkZone(db: Queryable, lanes: readonly LaneRow[], own: Calendar, now: number): Promise<void> {
  const before = lanes.map(({ calendar }) => calendar);
  const other = before.find((one) => one.kind === 'civil' && own.kind === 'civil' && one.zone !== own.zone);
  const address = lanes[0]?.address;
  if (other?.kind !== 'civil' || address === undefined || !(await hasGrants(db, address, now - 2 * DAY_MS))) return;
  throw new BadInput(
    `${address} had mail by the days of ${other.zone} within two days: start it with --zone ${other.zone}, or two days after its last mail`,
  );
}

function drawPlan(command: StartRamp, lanes: readonly LaneRow[]): Plan {
  try {
    const { start, targets, days } = command;
    const plan =
      command.drawn ??
      planNamed(command.plan, {
        ...(start === undefined ? {} : { start }),
        ...(targets === undefined ? {} : { targets }),
        ...(days === undefined ? {} : { days }),
      });
    const problems = checkPlan(plan);
    const empty = lanes.find((lane) => stageCount(plan, lane.provider) === 0);
    if (empty !== undefined) problems.push(`it has no stages for ${empty.provider}`);
    if (problems.length > 0) throw new BadInput(`plan ${command.plan} can not be used: ${problems.join('; ')}`);
    return plan;
  } catch (error) {
    throw error instanceof PlanError ? new BadInput(error.message) : error;
  }
}
