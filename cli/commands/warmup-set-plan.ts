import { type Plan, stageCount, stageOf } from '../../policy/plan.ts';
import type { Store } from '../../store/connect.ts';
import { lanesOf, rampOf } from '../../store/lanes.ts';
import { badInput, CliError, CONFIG_OPTION, type Command, type Invocation } from '../command.ts';
import { withStore } from '../instance.ts';
import { drawChosen, planName, refuseFast } from '../plan/draw.ts';
import { CHOICE_OPTIONS, INPUT_OPTIONS, UNCAPPED_OPTION } from '../plan/options.ts';
import { chosenAddresses, MOST_TARGETS, TARGETS_USAGE } from '../targets.ts';
import { ACTOR_OPTION, by, OPERATION_OPTION, REASON_OPTION, type Told, tellWorkflows } from '../temporal-command.ts';
import { type AddressResult, answerOf, resultOf } from '../verbs/results.ts';

const LIMIT_MS = 15_000;

/** Gives a running ramp another plan from the next stage on; what was executed stays. */
export const warmupSetPlan: Command = {
  usage: TARGETS_USAGE,
  options: [
    { name: 'plan', type: 'string', value: 'NAME', says: 'the plan to go on with (./rampart plan list)' },
    ...INPUT_OPTIONS.map((option) =>
      option.name === 'target' ? { ...option, says: `${option.says} (default: where its lanes end now)` } : option,
    ),
    ...CHOICE_OPTIONS,
    UNCAPPED_OPTION,
    REASON_OPTION,
    ACTOR_OPTION,
    OPERATION_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart warmup set-plan 198.51.100.9 --plan four-week --reason 'the list is clean, a launch is near'",
  positionals: [1, MOST_TARGETS],
  async run(invocation) {
    const name = planName(invocation);
    const order = by(invocation);
    return withStore(invocation, async (store, instance) => {
      const addresses = (await chosenAddresses(store, invocation)).map((row) => row.address);
      const drawn: { readonly address: string; readonly plan: Plan }[] = [];
      const refused: AddressResult[] = [];
      for (const address of addresses) {
        try {
          drawn.push({ address, plan: await drawFor(store, invocation, name, address) });
        } catch (error) {
          if (!(error instanceof CliError) || addresses.length === 1) throw error;
          refused.push({ address, outcome: 'refused', says: error.message });
        }
      }
      const told = await tellWorkflows(instance, LIMIT_MS, drawn, (temporal, { address, plan }) =>
        temporal.setPlan(address, { ...order, plan, operationId: `${order.operationId}/${address}` }),
      );
      const results = drawn.map(({ address }, at) => resultOf(address, told[at] as Told, order.operationId));
      const [only] = drawn;
      const then =
        only !== undefined && addresses.length === 1 ? [`see it: ./rampart warmup history ${only.address}`] : [];
      const more = {
        operation: order.operationId,
        ...(only !== undefined && addresses.length === 1 && { plan: only.plan }),
      };
      return answerOf([...results, ...refused], more, then);
    });
  },
};

/** The plan for an address: without a target of its own its lanes end where they would have. */
async function drawFor(store: Store, invocation: Invocation, name: string, address: string): Promise<Plan> {
  const ramp = await rampOf(store, address);
  if (ramp === undefined || ramp.endedAt !== null)
    throw badInput(`${address} is not warming: start it with ./rampart warmup start ${address} --plan ${name}`);
  const providers = (await lanesOf(store, address)).map((lane) => lane.provider);
  const lastOf = (key: string) => stageOf(ramp.plan, key, stageCount(ramp.plan, key) - 1)?.ceiling ?? 1;
  const now = Object.fromEntries(['default', ...providers].map((key) => [key, lastOf(key)]));
  const plan = await drawChosen(invocation, name, () => now, providers, ramp.pool);
  refuseFast(invocation, plan, providers);
  return plan;
}
