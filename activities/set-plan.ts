/** Edits the plan of a running ramp: executed stages stay, and every lane's new row is a decision with who and why. */
import { windowOf } from '../policy/calendar.ts';
import { POLICY_VERSION } from '../policy/defaults.ts';
import { normalAfter } from '../policy/graduation.ts';
import { checkPlan, type Plan, splicePlan, stageCount, stageOf } from '../policy/plan.ts';
import { applyLane } from '../store/decisions.ts';
import { type LaneRow, lanesOf, rampOf, setNormal, setRampPlan } from '../store/lanes.ts';
import type { CommandResult, SetPlan } from '../temporal/contracts.ts';
import { type ActivityDeps, BadInput } from './deps.ts';
import { once } from './once.ts';
import type { CommandOf } from './types.ts';

/**
 * Replaces what is still ahead of a ramp's lanes. Ceilings, phases, evidence and the calendar stay as they are: what a
 * lane may send changes with its next advance. Lanes whose plan is behind them go on growing into their limit.
 */
export function setPlan(deps: ActivityDeps, command: CommandOf<SetPlan>): Promise<CommandResult> {
  return once(deps, command.operationId, async (db) => {
    const { address, plan } = command;
    const problems = checkPlan(plan);
    if (problems.length > 0) throw new BadInput(`plan ${plan.name} can not be used: ${problems.join('; ')}`);
    // Lanes first: an edit between the two reads makes their revision stale.
    const lanes = await lanesOf(db, address);
    const ramp = await rampOf(db, address);
    if (ramp === undefined || ramp.endedAt !== null)
      throw new BadInput(
        `${address} is not warming: start it with ./rampart warmup start ${address} --plan ${plan.name}`,
      );
    const mine = lanes.filter((lane) => lane.rampId === ramp.id);
    const changed = mine.filter((lane) => !isDone(lane));
    if (changed.length === 0)
      throw new BadInput(`every lane of ${address} has its plan behind it: there is nothing to change`);
    const spliced = splicePlan(
      ramp.plan,
      plan,
      mine.map((lane) => ({ provider: lane.provider, stage: lane.stage, done: isDone(lane) })),
    );
    await setRampPlan(db, ramp.id, spliced);
    for (const lane of changed) await changeLane(lane, spliced);
    const kept = mine.length - changed.length;
    const says = `plan ${plan.name} from the next stage on: ${changed.length} lanes${kept > 0 ? `; ${kept} have their plan behind them and stay` : ''}`;
    return { says, rampId: ramp.id };

    async function changeLane(lane: LaneRow, after: Plan): Promise<void> {
      const at = deps.now();
      await setNormal(db, address, lane.provider, normalAfter(after, lane.provider, lane.ceiling));
      const { phase, stage, ceiling, clean } = lane;
      const reason = `${told(ramp?.plan ?? after, after, lane)}. ${command.reason}`;
      await applyLane(db, {
        lane,
        decision: {
          kind: 'set-plan',
          phase,
          stage,
          ceiling,
          clean,
          retreat: false,
          raised: false,
          reason,
          judgements: [],
        },
        operationId: command.operationId,
        rampId: lane.rampId,
        window: windowOf(at, lane.calendar).index,
        actor: command.actor,
        policyVersion: POLICY_VERSION,
        at,
        final: false,
        pauseReasons: lane.pauseReasons,
        missed: [],
        grants: [],
      });
    }
  });
}

/** Past its plan: nothing of a row is ahead of it. */
function isDone(lane: LaneRow): boolean {
  return lane.phase === 'graduating' || lane.phase === 'warm' || lane.phase === 'cooling';
}

function told(before: Plan, after: Plan, lane: LaneRow): string {
  const { provider, stage } = lane;
  const ends = (plan: Plan) =>
    `${stageCount(plan, provider)} stages to ${lastCeiling(plan, provider, lane.ceiling)} a day`;
  return `plan ${before.name} (${ends(before)}) becomes ${after.name} (${ends(after)}) after stage ${stage + 1}`;
}

function lastCeiling(plan: Plan, provider: string, fallback: number): number {
  return stageOf(plan, provider, stageCount(plan, provider) - 1)?.ceiling ?? fallback;
}
