/** The lanes a command is about, and what became of each. */
import type { Queryable } from '../../store/connect.ts';
import { type LaneRow, lanesOf } from '../../store/lanes.ts';
import type { CommandResult, LaneCommand, LaneOutcome } from '../../temporal/contracts.ts';
import { BadInput } from '../deps.ts';
import type { CommandOf } from '../types.ts';

/** Lanes of the address, or the one named; throws BadInput where there is none. */
export async function chosenLanes(db: Queryable, command: CommandOf<LaneCommand>): Promise<LaneRow[]> {
  const { address, provider } = command;
  const lanes = await lanesOf(db, address);
  if (lanes.length === 0) throw new BadInput(`${address} is not an address of any pool`);
  const chosen = lanes.filter((lane) => provider === null || lane.provider === provider);
  if (chosen.length === 0)
    throw new BadInput(
      `${address} has no lane for ${provider}: it has ${lanes.map((lane) => lane.provider).join(', ')}`,
    );
  return chosen;
}

/** The answer to a command about several lanes; throws BadInput when it could be done on none: nothing is written then. */
export function answer(address: string, outcomes: readonly LaneOutcome[], rampId: string | null): CommandResult {
  const done = outcomes.filter((one) => one.done);
  if (done.length === 0) throw new BadInput(`${address}: ${inWords(outcomes)}`);
  return { says: inWords(done), rampId, lanes: outcomes };
}

/** A line for each thing that lanes have to say: `google steps back …`, `google, yahoo: each steps back …`. */
function inWords(outcomes: readonly LaneOutcome[]): string {
  const same = Map.groupBy(outcomes, (one) => one.says);
  return [...same]
    .map(([says, ones]) => `${ones.map((one) => one.provider).join(', ')}${ones.length > 1 ? ': each' : ''} ${says}`)
    .join('\n');
}
