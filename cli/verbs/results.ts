/**
 * The answer to a command about several addresses: what became of each, and exit code 1 when some failed. What was done
 * stays done; nothing is taken back because of a neighbour.
 */
import type { LaneOutcome } from '../../temporal/contracts.ts';
import { type Answer, badInput } from '../command.ts';
import type { Told } from '../temporal-command.ts';

export interface AddressResult {
  readonly address: string;
  /** `refused`: nothing was changed; `silent`: nobody answered, and it may yet be done. */
  readonly outcome: 'done' | 'refused' | 'silent';
  readonly says: string;
  readonly lanes?: readonly LaneOutcome[];
}

/** What a workflow said, as a result; `operation` names the command where nobody answered. */
export function resultOf(address: string, told: Told, operation: string): AddressResult {
  switch (told.outcome) {
    case 'answered': {
      const { says, lanes } = told.result;
      return { address, outcome: 'done', says, ...(lanes === undefined ? {} : { lanes }) };
    }
    case 'refused':
      return { address, outcome: 'refused', says: told.message.replace(`${address}: `, '') };
    case 'silent': {
      const says = `no answer (${told.message}): it may yet be done. See ./rampart doctor, and say it again with --operation ${operation}`;
      return { address, outcome: 'silent', says };
    }
  }
}

/** One address's refusal is bad input, as ever; several addresses are listed, each with what became of it. */
export function answerOf(results: readonly AddressResult[], more: object, then: readonly string[] = []): Answer {
  const [first] = results;
  if (first !== undefined && results.length === 1 && first.outcome === 'refused')
    throw badInput(first.says.startsWith(first.address) ? first.says : `${first.address}: ${first.says}`);
  const failed = results.filter((one) => one.outcome !== 'done');
  const one = results.length === 1 ? first : {};
  const width = Math.max(...results.map(({ address }) => address.length));
  return {
    json: { ...more, ...one, results, failed: failed.length },
    lines: [
      ...results.flatMap((result) => lines(result, width)),
      ...(results.length > 1 ? [`${results.length - failed.length} of ${results.length} addresses done`] : []),
      ...then,
    ],
    ...(failed.length > 0 ? { exit: 1 as const } : {}),
  };
}

function lines({ address, outcome, says, lanes }: AddressResult, width: number): string[] {
  const left = (lanes ?? []).filter((lane) => !lane.done);
  const mark = outcome === 'done' ? '' : `${outcome}: `;
  const [first = '', ...more] = says.split('\n');
  return [
    `${address.padEnd(width)}  ${mark}${first}`,
    ...more.map((line) => `${' '.repeat(width)}  ${mark}${line}`),
    ...left.map((lane) => `${' '.repeat(width)}  unchanged: ${lane.provider} ${lane.says}`),
  ];
}
