/** Reads a scenario file and says in one line per fault what is wrong with it and where. */
import { readFile } from 'node:fs/promises';
import { type Scenario, scenarioSchema } from './scenario.ts';
import { describeIssues } from './scenario-issues.ts';

/** The scenario in `path`. Throws an Error that names the file and the place in it, fit to be shown to people. */
export async function loadScenario(path: string): Promise<Scenario> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`cannot read scenario ${path}: ${cause.code ?? cause.message}`, { cause });
  });
  return parseScenario(parseJson(text, path), path);
}

/** Checks a scenario given as a value; `source` names it in errors. */
export function parseScenario(value: unknown, source: string): Scenario {
  const result = scenarioSchema.safeParse(value);
  if (!result.success) throw new Error(describeIssues(result.error, source, value));
  return result.data;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path}: not JSON: ${(cause as Error).message}`, { cause });
  }
}
