import { stageCount, stageOf } from '../../policy/plan.ts';
import { lanesOf, rampOf } from '../../store/lanes.ts';
import { badInput, CliError, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress } from '../known-address.ts';
import { drawChosen, planName, refuseFast } from '../plan/draw.ts';
import { CHOICE_OPTIONS, INPUT_OPTIONS, UNCAPPED_OPTION } from '../plan/options.ts';
import { ACTOR_OPTION, by, REASON_OPTION, tellWorkflow } from '../temporal-command.ts';

const LIMIT_MS = 15_000;

/** Gives a running ramp another plan from the next stage on; what was executed stays. */
export const warmupSetPlan: Command = {
  usage: '<ip>',
  options: [
    { name: 'plan', type: 'string', value: 'NAME', says: 'the plan to go on with (./rampart plan list)' },
    ...INPUT_OPTIONS.map((option) =>
      option.name === 'target' ? { ...option, says: `${option.says} (default: where its lanes end now)` } : option,
    ),
    ...CHOICE_OPTIONS,
    UNCAPPED_OPTION,
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart warmup set-plan 198.51.100.9 --plan four-week --reason 'the list is clean, a launch is near'",
  positionals: [1, 1],
  async run(invocation) {
    const ip = invocation.positionals[0] ?? '';
    const name = planName(invocation);
    const order = by(invocation);
    return withStore(invocation, async (store, instance) => {
      await knownAddress(store, ip);
      const ramp = await rampOf(store, ip);
      if (ramp === undefined || ramp.endedAt !== null)
        throw badInput(`${ip} is not warming: start it with ./rampart warmup start ${ip} --plan ${name}`);
      const providers = (await lanesOf(store, ip)).map((lane) => lane.provider);
      const lastOf = (key: string) => stageOf(ramp.plan, key, stageCount(ramp.plan, key) - 1)?.ceiling ?? 1;
      const now = Object.fromEntries(['default', ...providers].map((key) => [key, lastOf(key)]));
      const plan = await drawChosen(invocation, name, () => now, providers);
      refuseFast(invocation, plan, providers);
      const told = await tellWorkflow(instance, LIMIT_MS, (temporal) => temporal.setPlan(ip, { ...order, plan }));
      if (told.outcome === 'refused') throw badInput(told.message);
      if (told.outcome === 'silent') {
        throw new CliError(
          'no-answer',
          `the plan may not have changed (${told.message}): see ./rampart warmup history ${ip}, and ./rampart doctor for what is not running`,
        );
      }
      return {
        json: { address: ip, ...told.result, plan },
        lines: [told.result.says, `see it: ./rampart warmup history ${ip}`],
      };
    });
  },
};
