import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { badInput, type Command, type Invocation, text } from '../command.ts';
import { CHECKOUT } from '../config/load.ts';

const DAY_MS = 5_000;
const START = 12;
const LEAST_RAMP_DAYS = 10;

/** Plays a world against the whole of Rampart; exit code 1 if a promise broke, whatever the judgement was. */
export const labRun: Command = {
  usage: '<file>',
  options: [
    { name: 'day-length', type: 'string', value: 'MS', says: `real milliseconds of a day (default: ${DAY_MS})` },
    {
      name: 'ramp-days',
      type: 'string',
      value: 'N',
      says: `days the ramp is planned to take (default: those of the world, at least ${LEAST_RAMP_DAYS})`,
    },
    { name: 'start', type: 'string', value: 'N', says: `messages a day on its first day (default: ${START})` },
    {
      name: 'seed',
      type: 'string',
      value: 'N',
      says: "number that fixes the world's chances (default: the scenario's)",
    },
    { name: 'dir', type: 'string', value: 'DIR', says: 'folder for what the run leaves (default: .rampart/lab)' },
  ],
  example: './rampart lab run lab/scenarios/listed.json',
  positionals: [1, 1],
  async run(invocation) {
    const { checkedScenario } = await import('../lab/check.ts');
    const checked = await checkedScenario(invocation.positionals[0] ?? '');
    const { days } = checked.scenario;
    const seed = text(invocation, 'seed');
    const options = {
      dayLength: whole(invocation, 'day-length', DAY_MS, 1_000),
      rampDays: whole(invocation, 'ramp-days', Math.max(LEAST_RAMP_DAYS, days), 1),
      start: whole(invocation, 'start', START, 1),
      ...(seed === undefined ? {} : { seed: whole(invocation, 'seed', 0, 0) }),
      json: invocation.json,
      dataDir: await folder(text(invocation, 'dir')),
    };
    for (const { place, message } of checked.notes) invocation.stderr.write(`note: ${place}: ${message}\n`);
    const { runLab } = await import('../lab/run.ts');
    return (await runLab(checked, options)).passed ? 0 : 1;
  },
};

function whole(invocation: Invocation, name: string, otherwise: number, least: number): number {
  const given = text(invocation, name);
  if (given === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(given) || Number(given) < least)
    throw badInput(`--${name} is "${given}": give a whole number of at least ${least}`);
  return Number(given);
}

/** The run empties its folder first: only a new one, an empty one or one of an earlier run will do. */
async function folder(given: string | undefined): Promise<string> {
  if (given === undefined) return path.join(CHECKOUT, '.rampart', 'lab');
  const chosen = path.resolve(given);
  const inside = existsSync(chosen) ? await readdir(chosen) : [];
  if (inside.length > 0 && !existsSync(path.join(chosen, 'lab', 'world.json')))
    throw badInput(`${chosen} holds other things, and a run would delete them: choose an empty folder`);
  return chosen;
}
