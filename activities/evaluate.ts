/**
 * One evaluation = one activity: measure, let policy decide, apply decision rows, lane rows and grants in one
 * transaction. Repeating an operation returns its stored result; a refused compare-and-set means read and decide again.
 */
import { type Calendar, guardMs, planMs, type Window, windowAt, windowOf } from '../policy/calendar.ts';
import { decide } from '../policy/decide.ts';
import type { LaneDecision, LaneInput } from '../policy/decision.ts';
import { DEFAULTS, POLICY_VERSION } from '../policy/defaults.ts';
import { stopsAt } from '../policy/evidence.ts';
import { gatesOfPool } from '../policy/gates/configured.ts';
import { gatesOf } from '../policy/gates/settings.ts';
import { isSmall, type LaneDemand } from '../policy/graduation.ts';
import { type Hold, holdsOnLane } from '../policy/holds.ts';
import { isCold, type PauseReason, PHASES, type Phase } from '../policy/lane.ts';
import { grantGap, grantUnits, planUnits } from '../policy/lane-grant.ts';
import { orderOn } from '../policy/orders.ts';
import type { Plan } from '../policy/plan.ts';
import { asking, recordedInput } from '../policy/recorded.ts';
import { type Queryable, tx } from '../store/connect.ts';
import {
  addNotice,
  applyLane,
  notifyChange,
  operationResult,
  StaleRevision,
  storeOperation,
} from '../store/decisions.ts';
import { grantsAround } from '../store/grants.ts';
import { boundHolds, closeIncidents, holdsSince } from '../store/holds.ts';
import { addressRow, endRamp, type LaneRow, lanesOf, type RampRow, rampsOf, setNormal } from '../store/lanes.ts';
import { campaignBounces, unitsUsed } from '../store/measures.ts';
import { endOrders, liveOrders } from '../store/orders.ts';
import { probeAnswers } from '../store/probing.ts';
import { closeSignals } from '../store/signals.ts';
import { sentInStage } from '../store/volumes.ts';
import { alarmsOf, placeAlarms } from './alarms.ts';
import { offeredTo } from './cutover/offered.ts';
import { demandOf } from './demand.ts';
import type { ActivityDeps } from './deps.ts';
import { evaluationTimes, nextEvaluation } from './evaluation-times.ts';
import { complaintFeeds, gatherEvidence } from './evidence.ts';
import { isPartDay } from './first-day.ts';
import { LOOK_BACK, stepGates } from './gates.ts';
import { withinJointBudget } from './joint-budget.ts';
import { laneGates } from './lane-gates.ts';
import { listingsSeen } from './listing-evidence.ts';
import { pauseReasons } from './pause-reasons.ts';
import { planRecheck, reopen } from './quarantine.ts';
import { rampEnded } from './ramp-ended.ts';
import { currentSignals, signalAlarms } from './signals.ts';
import type { Asked, EvaluateInput, EvaluateResult } from './types.ts';

const TRIES = 5;
/** An absence of months is told by its last windows. */
const MOST_MISSED = 30;

/** Evaluates an address and applies what is decided; null for an address nobody knows (any more). */
export async function evaluate(deps: ActivityDeps, input: EvaluateInput): Promise<EvaluateResult | null> {
  for (let tried = 1; ; tried++) {
    const stored = await operationResult<EvaluateResult>(deps.store, input.operationId);
    if (stored !== undefined) return stored;
    try {
      return await tx(deps.store, (db) => evaluateOnce(deps, db, input));
    } catch (error) {
      if (!(error instanceof StaleRevision) || tried === TRIES) throw error;
    }
  }
}

/** The same inside the caller's transaction; throws StaleRevision when a lane moved on meanwhile. */
export async function evaluateOnce(
  deps: ActivityDeps,
  db: Queryable,
  order: EvaluateInput,
): Promise<EvaluateResult | null> {
  const { address, operationId, ask } = order;
  const now = deps.now();
  const row = await addressRow(db, address);
  if (row === undefined) return null;
  // Lanes before plans: an edit of the plan between the two reads changes the revision that the decision is fenced by.
  const lanes = await lanesOf(db, address);
  const ramps = await rampsOf(db, address);
  const ramp = ramps[0];
  const calendar = ramp?.calendar ?? row.calendar;
  const window = windowOf(now, calendar);
  // The plan a lane follows is its own ramp's: one that was declared warm has none, whatever its neighbours do.
  const plans = new Map(ramps.map((one) => [one.id, one.plan]));
  const final = now >= evaluationTimes(window, address).final;
  const holds = await holdsSince(db, window.start);
  const live = holds.filter((hold) => hold.clearedAt === null && (hold.until === null || hold.until > now));
  const suspended = live.filter((hold) => hold.scope === 'campaign').map((hold) => hold.target);
  const loose = gatesOfPool(deps.gates, row.pool);
  const settings = (lane: LaneRow) => laneGates(lane, plans, loose);
  const feeds = await complaintFeeds(deps, db, lanes, calendar, now);
  const gates = await stepGates(db, {
    ...{ address, lanes, calendar, now, feeds, suspended, windows: LOOK_BACK + 1 },
    levels: gatesOf(ramp === undefined ? loose : ramp.plan.gates).levels,
    levelsOf: (lane) => settings(lane).levels,
  });
  const evidence = await gatherEvidence(deps, db, gates, {
    ...{ address, lanes, calendar, window: window.index, now, feeds, settings },
  });
  const signals = await currentSignals(db, address, calendar, now);
  const alarms = alarmsOf(deps, {
    ...{ lanes, evidence, gates, settings, calendar, now, stepBacks: false },
    followsPlan: (lane) => plans.has(lane.rampId ?? ''),
  });
  const placed = await placeAlarms(db, [...alarms, ...(await signalAlarms(db, signals))], holds);
  const carried = await campaignsCarried(db, lanes, live, window, calendar);
  const used = await unitsUsed(db, address, window.index);
  const orders = await liveOrders(db, address, now);
  const offered = await offeredTo(
    db,
    row.pool,
    window,
    lanes.map((lane) => lane.provider),
  );
  const byVolume = ramps.some((one) => one.plan.advance === 'volume-stage');
  const listings = await listingsSeen(deps, db, address, calendar, now);
  // It ends a ramp, which is a day's last evaluation's.
  const demand = final ? await demandOf(db, { address, lanes, calendar, window: window.index }) : new Map();
  const stageSent = byVolume ? await sentInStage(db, address) : new Map<string, number>();

  let decided = 0;
  for (const lane of lanes) {
    const around = await grantsAround(db, address, lane.provider, window.index, 0);
    const key = { ...lane, cold: isCold(lane.phase) };
    const onLane = holdsOnLane([...live, ...placed], key, now);
    const [freeze, promote] = [orderOn(orders, 'freeze', lane, now), orderOn(orders, 'promote', lane, now)];
    const asked = ask?.providers.includes(lane.provider) ? ask : undefined;
    const paused = pauseReasons(onLane, freeze !== undefined);
    const granted = around[0]?.units ?? 0;
    const plan = lane.rampId === null ? null : (plans.get(lane.rampId) ?? null);
    const closes = final && lane.evaluated !== window.index;
    const crossed = onLane.filter((hold) => isUnanswered(hold, lane));
    const input: LaneInput = {
      lane,
      plan,
      window: window.index,
      // A day without sending consumes no stage, no cool-down and no grant.
      final: (closes || asked !== undefined) && window.sends,
      prorated: ramp !== undefined && ramp.firstWindow === window.index && isPartDay(ramp.startedAt, window, calendar),
      paused,
      week: evidence.get(lane.provider) ?? [],
      signals: signals
        .filter((one) => one.provider === null || one.provider === lane.provider)
        .map(({ at, ...one }) => ({ ...one, answered: at <= lane.evidenceSince })),
      use: {
        sent: used.get(lane.provider) ?? 0,
        expected: Math.min(
          granted * elapsedShare(window, now),
          offered?.(lane.provider, granted) ?? Number.POSITIVE_INFINITY,
        ),
        stageSent: stageSent.get(lane.provider),
        stopped: holds.some((hold) => isGate(hold) && holdsOnLane([{ ...hold, until: null }], key, now).length > 0),
      },
      crossed,
      idle: (now - (lane.lastSentAt ?? lane.phaseSince)) / planMs(1, calendar),
      operatorHolds: onLane.filter((hold) => hold.cause === 'operator'),
      campaigns: carried
        .filter((row) => row.provider === lane.provider && row.bounces > 0)
        .map((row) => ({ name: row.campaign, bounces: row.bounces, attempts: row.attempts })),
      placement: deps.placement,
      orders: { freeze, promote },
      ...(lane.phase === 'probing' ? { probes: await probeAnswers(db, lane, lane.phaseSince) } : {}),
      sinceRetreat: (now - lane.evidenceSince) / planMs(1, calendar),
      ...(plan === null && loose !== undefined ? { gates: loose } : {}),
      ...(listings === undefined ? {} : { listings }),
      ...(demand.has(lane.provider) ? { demand: demand.get(lane.provider) } : {}),
    };
    const decision = decide(input);
    if (decision !== null) decided += 1;
    // What stopped the lane has been answered: over the address it must not stop another one again.
    if (decision?.retreat)
      for (const one of input.week)
        if (one.metric !== 'placement' && stopsAt(one, settings(lane)) !== null) gates.answered(one.metric);
    // Only now: a gate's hold stays until somebody has answered it, however long that takes.
    const answered = crossed.filter((hold) => hold.cause.startsWith('gate:')).map((hold) => hold.id);
    await boundHolds(db, answered, now + planMs(DEFAULTS.gateHoldMs, calendar));
    if (decision === null && !closes) continue;
    await apply(db, {
      operationId,
      input,
      lane,
      decision,
      plan,
      window,
      now,
      final: closes,
      paused,
      asked,
      // Not before the holds it answers: their time is the database's clock.
      answeredAt: Math.ceil(Math.max(now, ...crossed.map((hold) => hold.since))),
      answers: crossed.length > 0,
      missed: closes ? missedWindows(ramp, lane, window, calendar) : [],
    });
    if (decision?.phase === 'quarantined') await planRecheck(db, lane, onLane, decision.reason, now);
  }
  await gates.save();
  await closeSignals(db, address);
  await endWhenWarm(db, ramp, demand, now);
  await notifyChange(db, address);
  const result = summary(await lanesOf(db, address), {
    window,
    nextAt: nextEvaluation(now, calendar, address),
    pool: row.pool,
    decided,
    probe: deps.seeds.length > 0 && !final && window.index % deps.placement.everyWindows === 0,
  });
  await storeOperation(db, operationId, result);
  return result;
}

interface Apply {
  readonly operationId: string;
  readonly input: LaneInput;
  readonly lane: LaneRow;
  readonly decision: LaneDecision | null;
  readonly plan: Plan | null;
  readonly window: Window;
  readonly now: number;
  readonly final: boolean;
  readonly paused: readonly PauseReason[];
  readonly asked: Asked | undefined;
  readonly answeredAt: number;
  readonly answers: boolean;
  readonly missed: readonly number[];
}

async function apply(db: Queryable, step: Apply): Promise<void> {
  const { lane, plan, window, now, final } = step;
  const calendar = lane.calendar;
  const next = windowAt(window.index + 1, calendar);
  const grantsNext = final || (await grantsAround(db, lane.address, lane.provider, next.index, 0)).length > 0;
  const joint = grantsNext ? await withinJointBudget(db, lane, step.decision, next) : { decision: step.decision };
  const { decision } = joint;
  const after = decision ?? lane;
  const units = grantUnits(after);
  const gap = grantGap(after.phase);
  const allowed = planUnits(plan, lane.provider, after.phase, after.stage, decision?.normal ?? lane.normal);
  const grant = (of: Window, most: number) => ({
    window: of,
    units: of.sends ? Math.min(units, most) : 0,
    planUnits: Math.max(allowed, units),
    origin: 'decided' as const,
    gapMs: gap === null ? null : planMs(gap, calendar),
  });
  const grants = [];
  // A retreat lowers the running window as well; nothing else touches a window that has begun.
  const running = (await grantsAround(db, lane.address, lane.provider, window.index, 0))[0];
  if (running !== undefined && units < running.units)
    grants.push({ ...grant(window, running.units), planUnits: running.planUnits });
  // A warm lane opens its own window when it sends; one that was idle has none, and as a cold one needs it.
  else if (running === undefined && lane.phase === 'warm' && after.phase === 'cooling')
    grants.push(grant(window, units));
  if (grantsNext) {
    const whole = grant(next, joint.share?.units ?? Number.MAX_SAFE_INTEGER);
    grants.push({ ...whole, planUnits: Math.max(whole.planUnits, joint.wants ?? 0) });
  }
  await applyLane(db, {
    lane,
    decision: decision !== null && step.asked !== undefined ? asking(decision, step.asked) : decision,
    operationId: step.operationId,
    input: recordedInput(step.input, joint.share, step.asked),
    rampId: lane.rampId,
    window: window.index,
    actor: decision?.uses?.actor ?? step.asked?.actor ?? 'rampart',
    policyVersion: POLICY_VERSION,
    at: now,
    ...(decision?.retreat ? { evidenceFrom: step.answeredAt } : {}),
    final,
    pauseReasons: step.paused,
    missed: step.missed,
    grants,
  });
  if (decision === null) return;
  if (decision.normal !== undefined) await setNormal(db, lane.address, lane.provider, decision.normal);
  if (decision.uses !== undefined)
    await endOrders(db, [decision.uses.id], { actor: 'rampart', reason: 'used', at: now });
  if (decision.phase === 'probing' && lane.phase !== 'probing') await reopen(db, lane, now);
  if (step.answers)
    for (const kind of ['gate', 'pause'] as const)
      await closeIncidents(db, kind, lane.address, lane.provider, step.answeredAt);
  if (decision.retreat || decision.kind === 'quarantine') {
    const subject = `${lane.provider} lane of ${lane.address}: ${decision.kind} to ${decision.ceiling} a day`;
    await addNotice(db, decision.kind, subject, {
      address: lane.address,
      provider: lane.provider,
      reason: decision.reason,
    });
  }
  if (decision.kind === 'complete') {
    await addNotice(db, 'complete', `${lane.provider} lane of ${lane.address} is warm`, { reason: decision.reason });
  }
}

/** A ramp ends when every lane is warm, or was and then had no mail, but for those that have hardly any. */
async function endWhenWarm(
  db: Queryable,
  ramp: RampRow | undefined,
  demand: ReadonlyMap<string, LaneDemand>,
  now: number,
): Promise<void> {
  if (ramp === undefined || ramp.endedAt !== null) return;
  const lanes = await lanesOf(db, ramp.address);
  const [done, left] = [lanes.filter(isDone), lanes.filter((lane) => !isDone(lane))];
  const small = left.every(
    (lane) =>
      (lane.phase === 'ramping' || lane.phase === 'holding' || lane.phase === 'graduating') &&
      isSmall(lane.ceiling, demand.get(lane.provider)),
  );
  if (done.length === 0 || !small) return;
  await endRamp(db, ramp.id, now, 'complete');
  await rampEnded(db, { ...ramp, endedAt: now, outcome: 'complete' });
}

function isDone(lane: LaneRow): boolean {
  return lane.phase === 'warm' || lane.phase === 'cooling';
}

/**
 * Hard bounces that lanes carried of suspended campaigns since the last window somebody evaluated, and in that one where
 * its last evaluation came too early to hear of the suspension.
 */
async function campaignsCarried(
  db: Queryable,
  lanes: readonly LaneRow[],
  live: readonly Hold[],
  window: Window,
  calendar: Calendar,
): Promise<Awaited<ReturnType<typeof campaignBounces>>> {
  const [lane] = lanes;
  if (lane === undefined) return [];
  const evaluated = Math.min(...lanes.map((one) => one.evaluated ?? window.index - 1));
  const last = windowAt(Math.max(evaluated, window.index - DEFAULTS.carryWindows), calendar);
  const { final } = evaluationTimes(last, lane.address);
  const held = (late: boolean) =>
    live.filter((hold) => hold.scope === 'campaign' && hold.since > final === late).map((hold) => hold.target);
  return [
    ...(await campaignBounces(db, lane.address, last.start, held(true))),
    ...(await campaignBounces(db, lane.address, last.end, held(false))),
  ];
}

function isGate(hold: Hold): boolean {
  return ['lane', 'address', 'netblock'].includes(hold.scope) && /^(gate|incident|pause):/.test(hold.cause);
}

/** Has no decision answered this hold yet? A gate's gets its end with the answer, a pause is one of the lane's reasons. */
function isUnanswered(hold: Hold, lane: LaneRow): boolean {
  if (!isGate(hold)) return false;
  if (hold.cause.startsWith('pause:')) return !lane.pauseReasons.includes('gate');
  return hold.since > lane.evidenceSince && (hold.until === null || hold.cause.startsWith('incident:'));
}

/** Share of a window's units an even pace has released by now. */
function elapsedShare(window: Window, now: number): number {
  const closes = window.sendTo - guardMs(window);
  return Math.min(1, Math.max(0, (now - window.sendFrom) / (closes - window.sendFrom)));
}

/** Send windows of the ramp since the last evaluated one that nobody evaluated. */
function missedWindows(ramp: RampRow | undefined, lane: LaneRow, window: Window, calendar: Calendar): number[] {
  if (ramp === undefined || lane.phase === 'warm' || lane.phase === 'planned') return [];
  const first = Math.max((lane.evaluated ?? 0) + 1, ramp.firstWindow, window.index - MOST_MISSED);
  const missed = [];
  for (let index = first; index < window.index; index++) if (windowAt(index, calendar).sends) missed.push(index);
  return missed;
}

function summary(
  lanes: readonly LaneRow[],
  about: { window: Window; nextAt: number; pool: string; decided: number; probe: boolean },
): EvaluateResult {
  const order = (phase: Phase) => PHASES.indexOf(phase);
  const least = lanes.reduce((a, b) => (order(b.phase) < order(a.phase) ? b : a), lanes[0] as LaneRow);
  return {
    policyVersion: POLICY_VERSION,
    window: about.window.index,
    nextAt: about.nextAt,
    pool: about.pool,
    phase: least.phase,
    stage: Math.min(...lanes.map((lane) => lane.stage)),
    probe: about.probe,
    decided: about.decided,
  };
}
