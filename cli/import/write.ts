/** Writes what an import came to: checked against the schema first, with the rights of a file that may hold secrets. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Draft, ImportedSecret } from '../../import/draft.ts';
import { configText } from '../../import/write-config.ts';
import { badInput } from '../command.ts';
import { importFor } from '../config/import-for.ts';
import { ConfigError, resolveConfig } from '../config/load.ts';

/** What `rampart check` would say of a draft, with all its passwords set; empty when it is in order. */
export function draftProblems(draft: Draft, file: string, secrets: readonly ImportedSecret[]): readonly string[] {
  try {
    resolveConfig(JSON.parse(JSON.stringify(draft)), file, Object.fromEntries(secrets.map(({ env }) => [env, 'set'])));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

export async function writeConfigFile(
  file: string,
  draft: Draft,
  head: readonly string[],
  replace: boolean,
): Promise<void> {
  if (!/\.m?ts$/.test(file)) throw badInput(`${file} does not end in .ts: name it like rampart.config.ts`);
  await writeNew(file, configText(draft, importFor(file), head), replace);
}

/** A file that a shell can read (`set -a; . FILE`), for its owner only. */
export async function writeSecrets(file: string, secrets: readonly ImportedSecret[], replace: boolean): Promise<void> {
  const lines = secrets.map(({ env, value }) => `${env}='${value.replaceAll("'", "'\\''")}'\n`);
  await writeNew(file, lines.join(''), replace);
}

async function writeNew(file: string, text: string, replace: boolean): Promise<void> {
  if (existsSync(file) && !replace)
    throw badInput(`${file} is there already: name another, or replace it with --force`);
  await mkdir(path.dirname(file), { recursive: true });
  // `wx` refuses a file that came between the look and the write.
  await writeFile(file, text, { mode: 0o600, flag: replace ? 'w' : 'wx' });
}
