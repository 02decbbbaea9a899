import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { growthProblems, growthText, lengthenedRows, type Plan, PRESETS, stageCount } from '../../policy/plan.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { readConfig } from '../config/load.ts';
import { lanesOf, parsePlans } from '../config/plans.ts';
import { ConfigError } from '../config/problems.ts';
import { drawChosen, TARGET } from '../plan/draw.ts';
import { drawFound } from '../plan/find.ts';
import { CHOICE_OPTIONS, INPUT_OPTIONS } from '../plan/options.ts';

interface Checked {
  readonly name: string;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  readonly stages: number | null;
}

/** What is wrong with a plan, with row and stage. Exit code 1 when a ramp could not follow it as it is. */
export const planCheck: Command = {
  usage: '<file>|<name>',
  options: [...INPUT_OPTIONS, ...CHOICE_OPTIONS, CONFIG_OPTION],
  example: './rampart plan check my-plan.json',
  positionals: [1, 1],
  async run(invocation) {
    const what = invocation.positionals[0] ?? '';
    const checked = isFile(what)
      ? await checkFile(what)
      : [checkDrawn(await drawChosen(invocation, what, (needs) => (needs ? { default: TARGET } : undefined)))];
    const wrong = checked.some(({ problems }) => problems.length > 0);
    return {
      json: { plans: checked },
      lines: checked.flatMap(({ name, problems, notes, stages }) => [
        problems.length === 0 ? `${name} is in order: ${stages} stages` : `${name}:`,
        ...problems.map((problem) => `  ${problem}`),
        ...notes.map((note) => `  note: ${note}`),
      ]),
      ...(wrong ? { exit: 1 as const } : {}),
    };
  },
};

function isFile(what: string): boolean {
  if (PRESETS.some(({ name }) => name === what)) return false;
  return /\.(json|ts|mts|js|mjs)$/.test(what) || what.includes('/');
}

function checkDrawn(plan: Plan, providers?: readonly string[]): Checked {
  return {
    name: plan.name,
    problems: growthProblems(plan, providers).map(growthText),
    notes: lengthenedRows(plan),
    stages: stageCount(plan, 'default'),
  };
}

/** A file with one plan, or with `plans` by name (a configuration has that form). */
async function checkFile(named: string): Promise<Checked[]> {
  const file = path.resolve(named);
  if (!existsSync(file)) throw badInput(`there is no file ${file}, and no plan is called so: see ./rampart plan list`);
  const given = file.endsWith('.json') ? await readJson(file) : await readConfig(file);
  const several = typeof given === 'object' && given !== null && 'plans' in given;
  const own =
    path
      .basename(file)
      .replace(/\.\w+$/, '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, '-')
      .replace(/^-+/, '') || 'plan';
  const plans = several ? (given as { plans: unknown }).plans : { [own]: given };
  const providers = several ? lanesOf((given as { providers?: unknown }).providers) : undefined;
  try {
    return Object.entries(parsePlans(plans, file, providers)).map(([name, plan]) =>
      checkDrawn(drawFound({ kind: 'own', name, own: plan }, {}), providers),
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ name: named, problems: error.problems, notes: [], stages: null }];
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw badInput(`${file} is no JSON: ${(error as Error).message}`);
  }
}
