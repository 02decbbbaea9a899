/** Targets as arguments: which known addresses a command is about (policy/targets.ts says how they are written). */
import { parseTargets, TargetError, targets } from '../policy/targets.ts';
import type { Queryable } from '../store/connect.ts';
import { type AddressRow, addressRows, poolNames } from '../store/lanes.ts';
import { badInput, type CommandOption, type Invocation, text } from './command.ts';
import { closest } from './terminal/closest.ts';

/** As the help writes them. */
export const TARGETS_USAGE = '<ip | range | pool:NAME>…';

/** More arguments than anybody types: a shell may expand a list. */
export const MOST_TARGETS = 256;

export const PROVIDER_OPTION: CommandOption = {
  name: 'provider',
  type: 'string',
  value: 'P',
  says: 'only its lane at this provider (default: the whole address)',
};

/** The known addresses that the arguments choose, each once; throws CliError `bad-input` where one of them chooses none. */
export function chosenAddresses(db: Queryable, invocation: Invocation): Promise<AddressRow[]> {
  return addressesOf(db, invocation.positionals);
}

/** The known addresses that these words choose, each once; throws CliError `bad-input` where one of them chooses none. */
export async function addressesOf(db: Queryable, words: readonly string[]): Promise<AddressRow[]> {
  const wanted = parsed(words);
  const known = await addressRows(db);
  const chosen = new Set<AddressRow>();
  for (const target of wanted) {
    const found = known.filter((row) => targets(target, row.address, row.pool));
    if (found.length === 0) throw badInput(await nothingThere(db, target, known));
    for (const row of found) chosen.add(row);
  }
  return [...chosen];
}

function parsed(words: readonly string[]) {
  try {
    const found = parseTargets(words);
    if (found.length === 0) throw badInput(`say which addresses: ${TARGETS_USAGE}`);
    return found;
  } catch (error) {
    throw error instanceof TargetError ? badInput(error.message) : error;
  }
}

async function nothingThere(
  db: Queryable,
  target: ReturnType<typeof parseTargets>[number],
  known: readonly AddressRow[],
): Promise<string> {
  if (target.kind === 'pool') {
    const names = await poolNames(db);
    if (names.includes(target.pool)) return `pool ${target.pool} has no addresses of its own`;
    const near = closest(target.pool, names);
    return `no pool is called "${target.pool}": ${near === undefined ? `there are ${names.join(', ')}` : `did you mean pool:${near}?`}`;
  }
  const all = known.map(({ address }) => address);
  const shown = all.length === 0 ? 'none' : all.slice(0, 8).join(', ') + (all.length > 8 ? ', …' : '');
  const what = target.first === target.last ? 'is not an address of any pool' : 'holds no address of any pool';
  return `${target.text} ${what} (known: ${shown}): add it to pools in the configuration and run ./rampart up`;
}

/** The provider a command is about; null: the whole address. */
export function chosenProvider(invocation: Invocation): string | null {
  return text(invocation, 'provider') ?? null;
}
