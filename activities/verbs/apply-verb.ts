/**
 * Applies an operator's verb to the lanes of an address: a decision row for each, fenced by the revision it was decided
 * from, in one transaction. Lanes it says nothing to are told with the reason; if it says nothing to all, nothing is written.
 */
import { planMs, windowOf } from '../../policy/calendar.ts';
import type { LaneDecision } from '../../policy/decision.ts';
import { DEFAULTS, POLICY_VERSION } from '../../policy/defaults.ts';
import { laneTarget } from '../../policy/holds.ts';
import type { Plan } from '../../policy/plan.ts';
import { verbOn } from '../../policy/verbs.ts';
import type { Queryable } from '../../store/connect.ts';
import { applyLane } from '../../store/decisions.ts';
import { liveHolds, unboundRefusals } from '../../store/holds.ts';
import { allLanes, endRamp, type LaneRow, rampsOf } from '../../store/lanes.ts';
import { endOrders, liveOrders, type OrderRow, placeOrder } from '../../store/orders.ts';
import type { CommandResult, LaneOutcome, VerbCommand } from '../../temporal/contracts.ts';
import { type ActivityDeps, BadInput } from '../deps.ts';
import { evaluateOnce } from '../evaluate.ts';
import { once } from '../once.ts';
import { pausedNow } from '../pause-reasons.ts';
import { rampEnded } from '../ramp-ended.ts';
import type { CommandOf } from '../types.ts';
import { asked } from './asked.ts';
import { grantsNow } from './grants.ts';
import { answer, chosenLanes } from './lanes.ts';

export function applyVerb(deps: ActivityDeps, command: CommandOf<VerbCommand>): Promise<CommandResult> {
  return once(deps, command.operationId, async (db) => {
    const { address, verb } = command;
    // Lanes first: an edit between this and the next reads makes their revision stale.
    const lanes = await chosenLanes(db, command);
    const ramps = await rampsOf(db, address);
    const ramp = ramps.find((one) => one.endedAt === null);
    if (verb === 'abort' && ramp === undefined)
      throw new BadInput(`${address} is not warming: there is no ramp to end`);
    if (verb === 'abort' && command.provider !== null)
      throw new BadInput('a ramp ends as a whole: leave --provider out, or pause this lane or step it back');
    const plans = new Map(ramps.map((one) => [one.id, one.plan]));
    const [holds, orders, at] = [await liveHolds(db), await liveOrders(db, address, deps.now()), deps.now()];
    const outcomes: LaneOutcome[] = [];
    const judge: string[] = [];
    for (const lane of lanes) {
      const { provider } = lane;
      const paused = pausedNow(holds, orders, lane, at);
      const plan = lane.rampId === null ? null : (plans.get(lane.rampId) ?? null);
      const result = verbOn({
        ...{ verb, lane, plan, paused, reason: command.reason },
        ...{ steps: command.steps ?? 1, force: command.force ?? false },
      });
      if ('judge' in result) judge.push(provider);
      else if ('refused' in result) outcomes.push({ provider, done: false, says: result.refused });
      else outcomes.push(await decided({ db, command, lane, plan, orders, at }, result.decision));
    }
    if (judge.length > 0) {
      const { actor, reason } = command;
      const operationId = `${command.operationId}/judged`;
      await evaluateOnce(deps, db, {
        operationId,
        address,
        trigger: 'command',
        ask: { providers: judge, actor, reason },
      });
      outcomes.push(...(await asked(db, operationId, lanes, judge)));
    }
    const result = answer(address, outcomes, ramp?.id ?? null);
    if (verb !== 'abort' || ramp === undefined) return result;
    await endRamp(db, ramp.id, at, 'aborted');
    await rampEnded(db, { ...ramp, endedAt: at, outcome: 'aborted' });
    return { ...result, says: `${result.says}. ${await whereMailGoes(db, address, ramp.pool)}` };
  });
}

interface Context {
  readonly db: Queryable;
  readonly command: CommandOf<VerbCommand>;
  readonly lane: LaneRow;
  readonly plan: Plan | null;
  readonly orders: readonly OrderRow[];
  readonly at: number;
}

async function decided(context: Context, decision: LaneDecision): Promise<LaneOutcome> {
  const { db, command, lane, orders, at } = context;
  const { address, provider, calendar } = lane;
  const { actor, reason, verb } = command;
  const until = command.forMs === undefined ? null : at + planMs(command.forMs, calendar);
  const order = { address, provider, actor, reason, since: at };
  if (verb === 'hold') await placeOrder(db, { ...order, kind: 'freeze', until });
  if (verb === 'promote')
    await placeOrder(db, { ...order, kind: 'promote', until: until ?? at + planMs(DEFAULTS.promoteMs, calendar) });
  if (verb === 'abort') {
    const mine = orders.filter((one) => one.provider === provider).map((one) => one.id);
    await endOrders(db, mine, { actor, reason: 'the ramp was aborted', at });
    // A refusal that would have passed by itself keeps a new ramp waiting until somebody has looked.
    await unboundRefusals(db, laneTarget(address, provider));
  }
  const holds = await liveHolds(db);
  await applyLane(db, {
    lane,
    decision,
    operationId: command.operationId,
    rampId: lane.rampId,
    window: windowOf(at, calendar).index,
    actor,
    policyVersion: POLICY_VERSION,
    at,
    ...(decision.retreat ? { evidenceFrom: at } : {}),
    final: false,
    pauseReasons: pausedNow(holds, await liveOrders(db, address, at), lane, at),
    missed: [],
    grants: await grantsNow(db, lane, decision, at),
  });
  return { provider, done: true, says: told(context, decision, until) };
}

function told({ command, lane, plan }: Context, decision: LaneDecision, until: number | null): string {
  const when = until === null ? 'until it is resumed' : `until ${new Date(until).toISOString().slice(0, 16)}Z`;
  switch (command.verb) {
    case 'hold':
      return `stays at ${lane.ceiling} a day ${when}`;
    case 'step-back':
      return plan === null
        ? `steps back to ${decision.ceiling} a day, and follows no plan: start a warmup to let it grow again`
        : `steps back to stage ${decision.stage + 1}, ${decision.ceiling} a day`;
    case 'promote':
      return "takes its next step at this day's last evaluation or the next one's, whatever its gates say";
    case 'complete':
      return `has its plan behind it: grows from ${decision.ceiling} to its normal ${lane.normal} a day in steps`;
    default:
      return 'is planned again and sends nothing';
  }
}

async function whereMailGoes(db: Queryable, address: string, pool: string): Promise<string> {
  const peers = (await allLanes(db)).filter(
    (one) => one.pool === pool && one.address !== address && one.phase === 'warm',
  );
  return peers.length > 0
    ? `Its mail goes to warm addresses of ${pool}`
    : `Pool ${pool} has no warm address: what it may not overflow elsewhere waits`;
}
