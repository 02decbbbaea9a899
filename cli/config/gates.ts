/**
 * The `gates` of a configuration file, read alone: whoever looks at a plan needs no secrets of the rest. Each pool's are
 * checked as its lanes will have them: figures that are right by themselves may be wrong together.
 */
import { existsSync } from 'node:fs';
import { type ConfiguredGates, gatesOfPool } from '../../policy/gates/configured.ts';
import { gateProblems } from '../../policy/gates/settings.ts';
import { configFile, type LoadOptions, readConfig } from './load.ts';
import { ConfigError, expectation, type Problem, problemText, schemaProblems } from './problems.ts';
import { configuredGatesSchema } from './schema-gates.ts';

/** What is wrong with configured gates, a line each; `pools` (default: any) are those there are. */
export function gatesProblems(gates: ConfiguredGates, pools?: readonly string[]): Problem[] {
  const of = (path: readonly string[], pool?: string) =>
    gateProblems(gatesOfPool(gates, pool) ?? {}).map((says) => ({ path, says }));
  const all = of(['gates']);
  const own = Object.keys(gates.pools ?? {}).flatMap((pool) => {
    const path = ['gates', 'pools', pool];
    if (pools !== undefined && !pools.includes(pool)) return [{ path, says: `expected one of ${pools.join(', ')}` }];
    return of(path, pool).filter(({ says }) => !all.some((one) => one.says === says));
  });
  return [...all, ...own];
}

/** The gates of the configuration file; undefined where there is no file. Throws ConfigError for ones that can not be used. */
export async function readGates(options: LoadOptions = {}): Promise<ConfiguredGates | undefined> {
  const file = configFile(options);
  if (!existsSync(file)) return undefined;
  const given = (await readConfig(file)) as { gates?: unknown } | null;
  const parsed = configuredGatesSchema.safeParse(given?.gates, { error: expectation });
  const problems = parsed.success
    ? gatesProblems(parsed.data, await readPoolNames(options))
    : schemaProblems(configuredGatesSchema, given?.gates, parsed.error.issues).map(({ path, says }) => ({
        path: ['gates', ...path],
        says,
      }));
  if (!parsed.success || problems.length > 0) throw new ConfigError(file, problems.map(problemText));
  return parsed.data;
}

/** Names of the configuration's pools; undefined: there is no file, or it names none. */
export async function readPoolNames(options: LoadOptions = {}): Promise<readonly string[] | undefined> {
  const file = configFile(options);
  if (!existsSync(file)) return undefined;
  const given = (await readConfig(file)) as { pools?: unknown } | null;
  return typeof given?.pools === 'object' && given.pools !== null ? Object.keys(given.pools) : undefined;
}
