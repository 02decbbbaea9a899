/** The parts of the configuration a cutover follows, read alone: a rollback plan needs no secrets of the rest. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type Invocation, text } from '../command.ts';
import { configFile, readConfig } from '../config/load.ts';
import { ConfigError, expectation, problemText, schemaProblems } from '../config/problems.ts';
import { cutoversSchema, migrationsSchema } from '../config/schema-cutovers.ts';

const parts = z.object({ cutovers: cutoversSchema, migrations: migrationsSchema });
export type CutoverConfig = z.output<typeof parts>;

/** Defaults where there is no file; throws ConfigError for what can not be used. */
export async function cutoverConfig(invocation: Invocation): Promise<CutoverConfig> {
  const file = configFile({ file: text(invocation, 'config'), env: invocation.env });
  const given = existsSync(file) ? ((await readConfig(file)) as object) : {};
  const parsed = parts.safeParse(given, { error: expectation });
  if (parsed.success) return parsed.data;
  throw new ConfigError(file, schemaProblems(parts, given, parsed.error.issues).map(problemText));
}
