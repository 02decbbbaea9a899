/** The commands of a cutover's verbs: those that lower are written first, those that raise go through the workflow. */
import { type CutoverVerb, LOWERING } from '../../policy/cutover/orders.ts';
import type { CutoverCommand } from '../../temporal/contracts.ts';
import {
  type Answer,
  badInput,
  CliError,
  CONFIG_OPTION,
  type Command,
  type CommandOption,
  type Invocation,
} from '../command.ts';
import { type RunningInstance, withStore } from '../instance.ts';
import { ACTOR_OPTION, by, OPERATION_OPTION, REASON_OPTION, type Told, tellWorkflow } from '../temporal-command.ts';
import { knownCutover } from './known.ts';
import { lower } from './lower.ts';

/** The workflow only has to hear of what is in force already; of a raise it has to answer. */
const HEAR_MS = 3_000;
const ANSWER_MS = 15_000;

type More = Partial<Pick<CutoverCommand, 'to' | 'names' | 'attempted' | 'perDay' | 'spreadHours'>>;

export interface CutoverShape {
  readonly verb: CutoverVerb | 'accept-differences';
  readonly usage?: string;
  readonly positionals?: readonly [number, number];
  readonly options?: readonly CommandOption[];
  readonly example: string;
  /** What its options and further arguments say; throws CliError. */
  readonly read?: (invocation: Invocation) => More;
}

export function cutoverCommand(shape: CutoverShape): Command {
  const { verb, options = [], example, usage = '<pool>', positionals = [1, 1], read } = shape;
  return {
    ...{ usage, example, positionals },
    options: [...options, REASON_OPTION, ACTOR_OPTION, OPERATION_OPTION, CONFIG_OPTION],
    run(invocation) {
      const order = by(invocation);
      const more = read?.(invocation) ?? {};
      const front = invocation.positionals[0] ?? '';
      return withStore(invocation, async (store, instance) => {
        const row = await knownCutover(store, front);
        if (verb === 'accept-differences' || !LOWERING.includes(verb))
          return raise(instance, front, { ...order, ...more, verb });
        const lowered = await lower(store, front, { ...order, ...more, verb });
        // In force: whoever waits for Temporal may stop waiting.
        if (!invocation.json) invocation.stdout.write(`in force: ${lowered.says}\n`);
        const told = await wake(instance, front);
        return {
          json: { front, cutover: row.id, verb, operation: order.operationId, ...lowered, workflow: told.outcome },
          lines: [heard(told)],
        };
      });
    },
  };
}

async function raise(instance: RunningInstance, front: string, command: CutoverCommand): Promise<Answer> {
  const told = await tellWorkflow(instance, ANSWER_MS, (temporal) => temporal.cutover(front, command));
  if (told.outcome === 'refused') throw badInput(told.message);
  if (told.outcome === 'silent')
    throw new CliError(
      'no-answer',
      `no answer (${told.message}): it may yet be done. See ./rampart doctor, and say it again with --operation ${command.operationId}`,
    );
  const { says } = told.result;
  return { json: { front, verb: command.verb, operation: command.operationId, says }, lines: [says] };
}

/** Has the workflow look at the rows now. */
export function wake(instance: RunningInstance, front: string): Promise<Told> {
  return tellWorkflow(instance, HEAR_MS, async (temporal) => {
    await temporal.wakeCutover(front);
    return { says: '', rampId: null };
  });
}

export function heard(told: Told): string {
  return told.outcome === 'answered'
    ? 'the workflow has heard of it'
    : `the workflow has not heard of it (${told.message}): it stands without it`;
}
