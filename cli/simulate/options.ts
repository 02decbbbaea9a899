/** Options that say in which world a plan is played. */
import { readFile } from 'node:fs/promises';
import { type World, worldSchema } from '../../judge/world.ts';
import { WORLDS, worldNamed } from '../../judge/worlds.ts';
import { badInput, type CommandOption, type Invocation, text } from '../command.ts';
import { expectation, type Problem, problemText, schemaProblems } from '../config/problems.ts';
import { ALL_PROVIDERS } from '../config/schema.ts';
import { wholeNumber } from '../plan/options.ts';
import { closest } from '../terminal/closest.ts';

export const WORLD_OPTIONS: readonly CommandOption[] = [
  {
    name: 'world',
    type: 'string',
    value: 'NAME|FILE',
    says: `${WORLDS.map(({ name }) => name).join(', ')}, or a JSON file (docs/simulate.md); default: healthy`,
  },
  { name: 'cv', type: 'string', value: 'X', says: 'how much campaigns differ, 0 to 3, instead of what the world says' },
  { name: 'from-day', type: 'string', value: 'N', says: 'day a shipped world goes wrong (default: 15)' },
];

/** The world of `--world`, with the other options applied. Throws CliError `bad-input`. */
export async function findWorld(invocation: Invocation): Promise<World> {
  const given = text(invocation, 'world') ?? 'healthy';
  const cv = shareOption(invocation, 'cv', 3);
  const day = text(invocation, 'from-day');
  const fromDay = day === undefined ? undefined : wholeNumber('--from-day', day);
  const shipped = worldNamed(given, fromDay === undefined ? {} : { fromDay });
  if (shipped === undefined && fromDay !== undefined)
    throw badInput('--from-day is for the shipped worlds: a file says itself from which day on something happens');
  const world = shipped ?? (await readWorld(given));
  return cv === undefined ? world : { ...world, cv };
}

async function readWorld(given: string): Promise<World> {
  if (!/[./]/.test(given)) {
    const names = WORLDS.map(({ name }) => name);
    const near = closest(given, names);
    throw badInput(
      `no world is called "${given}": choose one of ${names.join(', ')}, or give a JSON file${near === undefined ? '' : ` (did you mean ${near}?)`}`,
    );
  }
  const written = await readFile(given, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw badInput(`cannot read the world ${given}: ${error.code ?? error.message}`);
  });
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch (error) {
    throw badInput(`${given} is not JSON: ${(error as Error).message}`);
  }
  return checkedWorld(value, given);
}

/** A line for each fault of a world, with its place. A lane of no known provider would follow the default row unnoticed. */
function checkedWorld(value: unknown, file: string): World {
  const result = worldSchema.safeParse(value, { error: expectation });
  const problems = result.success
    ? result.data.lanes.flatMap(({ provider }, at) => strange(provider, ['lanes', at, 'provider']))
    : result.error.issues.flatMap((issue) =>
        issue.code === 'custom'
          ? [{ path: issue.path, says: issue.message }]
          : schemaProblems(worldSchema, value, [issue]),
      );
  if (!result.success || problems.length > 0)
    throw badInput(problems.map((problem) => `${file}: ${problemText(problem)}`).join('\n'));
  return result.data;
}

function strange(provider: string, path: readonly PropertyKey[]): Problem[] {
  if (ALL_PROVIDERS.includes(provider)) return [];
  const near = closest(provider, ALL_PROVIDERS);
  const hint = near === undefined ? `choose among ${ALL_PROVIDERS.join(', ')}` : `did you mean ${near}?`;
  return [{ path, says: `no provider is called "${provider}": ${hint}` }];
}

/** A whole number from 1 to `most`. */
export function countOption(invocation: Invocation, name: string, fallback: number, most: number): number {
  const given = text(invocation, name);
  if (given === undefined) return fallback;
  const count = Number(given.replaceAll('_', ''));
  if (Number.isInteger(count) && count >= 1 && count <= most) return count;
  throw badInput(`--${name} is "${given}": give a whole number from 1 to ${most}`);
}

/** A number from 0 to `most`, or undefined where none was given. */
export function shareOption(invocation: Invocation, name: string, most = 1): number | undefined {
  const given = text(invocation, name);
  if (given === undefined) return undefined;
  const share = Number(given);
  if (given.trim() !== '' && share >= 0 && share <= most) return share;
  throw badInput(`--${name} is "${given}": give a number from 0 to ${most}`);
}
