/** The plans of a configuration file, read alone: whoever looks at a plan needs no secrets of the rest. */
import { existsSync } from 'node:fs';
import type { OwnPlan } from '../../policy/plan.ts';
import { configFile, type LoadOptions, readConfig } from './load.ts';
import { planProblems } from './plan-problems.ts';
import { ConfigError, expectation, problemText, schemaProblems } from './problems.ts';
import { plansSchema } from './schema-plans.ts';

/** Plans by name; none where there is no file. Throws ConfigError for plans that can not be used. */
export async function readPlans(options: LoadOptions = {}): Promise<Readonly<Record<string, OwnPlan>>> {
  const file = configFile(options);
  if (!existsSync(file)) return {};
  const given = (await readConfig(file)) as { plans?: unknown; providers?: unknown };
  return parsePlans(given?.plans, file, lanesOf(given?.providers));
}

/** The lanes a configuration names, unchecked; undefined: it names none. */
export function lanesOf(providers: unknown): readonly string[] | undefined {
  return Array.isArray(providers) ? providers.filter((one) => typeof one === 'string') : undefined;
}

/** The same for plans that were read already; `file` is what they are from, `providers` (default: all) which lanes there are. */
export function parsePlans(
  plans: unknown,
  file: string,
  providers?: readonly string[],
): Readonly<Record<string, OwnPlan>> {
  const parsed = plansSchema.safeParse(plans, { error: expectation });
  const problems = parsed.success
    ? planProblems(parsed.data, providers)
    : schemaProblems(plansSchema, plans, parsed.error.issues).map(({ path, says }) => ({
        path: ['plans', ...path],
        says,
      }));
  if (!parsed.success || problems.length > 0) throw new ConfigError(file, problems.map(problemText));
  return parsed.data;
}
