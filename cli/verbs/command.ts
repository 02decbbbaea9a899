/** The commands of the verbs that go through the address's workflow: one shape, each with its own options. */
import type { LaneVerb } from '../../policy/verbs.ts';
import type { VerbCommand } from '../../temporal/contracts.ts';
import { badInput, CONFIG_OPTION, type Command, type CommandOption, type Invocation, text } from '../command.ts';
import { parseDuration } from '../config/duration.ts';
import { withStore } from '../instance.ts';
import { chosenAddresses, chosenProvider, MOST_TARGETS, PROVIDER_OPTION, TARGETS_USAGE } from '../targets.ts';
import { ACTOR_OPTION, by, OPERATION_OPTION, REASON_OPTION, tellWorkflows } from '../temporal-command.ts';
import { answerOf, resultOf } from './results.ts';

const LIMIT_MS = 15_000;

export interface VerbShape {
  readonly verb: LaneVerb;
  readonly options?: readonly CommandOption[];
  readonly example: string;
  /** What its options say; throws CliError. */
  readonly read?: (invocation: Invocation) => Pick<VerbCommand, 'forMs' | 'steps' | 'force'>;
  /** A ramp or plan is the address's: no --provider. */
  readonly wholeAddress?: true;
}

export function verbCommand({ verb, options = [], example, read, wholeAddress }: VerbShape): Command {
  return {
    usage: TARGETS_USAGE,
    options: [
      ...(wholeAddress ? [] : [PROVIDER_OPTION]),
      ...options,
      REASON_OPTION,
      ACTOR_OPTION,
      OPERATION_OPTION,
      CONFIG_OPTION,
    ],
    example,
    positionals: [1, MOST_TARGETS],
    run(invocation) {
      const order = by(invocation);
      const more = read?.(invocation) ?? {};
      const provider = chosenProvider(invocation);
      return withStore(invocation, async (store, instance) => {
        const addresses = (await chosenAddresses(store, invocation)).map((row) => row.address);
        const told = await tellWorkflows(instance, LIMIT_MS, addresses, (temporal, address) =>
          temporal.verb(address, { ...order, ...more, verb, provider, operationId: `${order.operationId}/${address}` }),
        );
        const results = addresses.map((address, at) => resultOf(address, told[at] as never, order.operationId));
        return answerOf(results, { verb, provider, operation: order.operationId });
      });
    },
  };
}

export const FOR_OPTION: CommandOption = {
  name: 'for',
  type: 'string',
  value: 'TIME',
  says: "how long, such as '12h' or '3d'",
};

/** A time of --for in plan ms, or undefined where none was given. */
export function forMs(invocation: Invocation): { readonly forMs?: number } {
  const given = text(invocation, 'for');
  if (given === undefined) return {};
  const ms = parseDuration(given);
  if (ms === undefined) throw badInput(`--for is "${given}": give a time such as 12h or 3d`);
  return { forMs: ms };
}
