/** Reads a scenario file and says in one line per fault what is wrong with it and where. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { type Scenario, scenarioSchema } from './scenario.ts';

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
  if (!result.success) throw new Error(describeIssues(result.error, source));
  return result.data;
}

/** `file: events[2].provider: no provider has the key "gogle"`, one line per fault. */
export function describeIssues(error: z.ZodError, source: string): string {
  return error.issues.map((issue) => `${source}: ${placeOf(issue.path)}: ${issue.message}`).join('\n');
}

function placeOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text.replace(/^\./, '') || 'the whole file';
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path}: not JSON: ${(cause as Error).message}`, { cause });
  }
}
