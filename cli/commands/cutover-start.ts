import { randomBytes } from 'node:crypto';
import { POLICY_VERSION } from '../../policy/defaults.ts';
import { type Store, tx } from '../../store/connect.ts';
import { cutoverOf, insertCutover } from '../../store/cutovers.ts';
import { poolRows } from '../../store/pools.ts';
import { SplitRefused } from '../../store/splits.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { cutoverPlan } from '../config/resolved-cutovers.ts';
import { heard, wake } from '../cutover/command.ts';
import { knownPool } from '../cutover/known.ts';
import { chosenPlan, chosenScope, PLAN_OPTIONS, SCOPE_OPTIONS, slowedSteps } from '../cutover/options.ts';
import { cutoverConfig } from '../cutover/settings.ts';
import { withStore } from '../instance.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** Writes the cutover: from then on all mail of the pool takes the old arm, until its first step. */
export const cutoverStart: Command = {
  usage: '<pool>',
  options: [
    { name: 'from', type: 'string', value: 'POOL', says: 'the pool whose engine carries the mail now (the old arm)' },
    { name: 'to', type: 'string', value: 'POOL', says: 'the pool that is to carry it (default: the pool itself)' },
    ...PLAN_OPTIONS,
    ...SCOPE_OPTIONS,
    ACTOR_OPTION,
    REASON_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart cutover start marketing --from pmta --step 10%',
  positionals: [1, 1],
  async run(invocation) {
    const front = invocation.positionals[0] ?? '';
    const [from, to] = [text(invocation, 'from'), text(invocation, 'to') ?? front];
    if (from === undefined) throw badInput('say which pool carries the mail now: --from POOL');
    if (from === to) throw badInput(`the mail is to go from ${from} to ${to}: name two pools`);
    const order = by(invocation, invocation.options.uncapped === true ? undefined : 'started from the command line');
    const plan = chosenPlan(invocation, cutoverPlan(await cutoverConfig(invocation), front));
    const scope = chosenScope(invocation);
    return withStore(invocation, async (store, instance) => {
      for (const [pool, option] of [
        [front, '<pool>'],
        [from, '--from'],
        [to, '--to'],
      ] as const)
        await knownPool(store, pool, option);
      const id = await start(store, { front, oldArm: from, newArm: to, scope, plan }, order);
      const told = await wake(instance, front);
      return {
        json: { cutover: id, front, from, to, scope, plan, workflow: told.outcome },
        lines: [
          `cutover ${id} prepares: all mail of ${front} takes ${from} until the first step (${plan.steps[0]}%)`,
          ...slowedSteps(plan),
          heard(told),
          `see ./rampart cutover status ${front}`,
        ],
      };
    });
  },
};

type Start = Pick<Parameters<typeof insertCutover>[1], 'front' | 'oldArm' | 'newArm' | 'scope' | 'plan'>;

async function start(store: Store, what: Start, order: ReturnType<typeof by>): Promise<string> {
  const at = Date.now();
  const id = `${what.front}/${new Date(at).toISOString()}`;
  try {
    await tx(store, async (db) => {
      const live = await cutoverOf(db, what.front);
      if (live !== undefined && live.endedAt === null)
        throw badInput(
          `${what.front} has a live cutover (${live.phase}, from ${live.oldArm}): ./rampart cutover status ${what.front}`,
        );
      const calendar = (await poolRows(db)).find(({ name }) => name === what.front)?.calendar;
      if (calendar === undefined) throw badInput(`no pool is called "${what.front}"`);
      const key = randomBytes(16).toString('hex');
      const { operationId } = order;
      await insertCutover(db, { ...what, id, calendar, key, at, operationId, policyVersion: POLICY_VERSION }, order);
    });
  } catch (error) {
    if (error instanceof SplitRefused) throw badInput(error.message);
    throw error;
  }
  return id;
}
