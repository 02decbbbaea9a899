import path from 'node:path';
import { badInput, type Command, text } from '../command.ts';
import { CHECKOUT } from '../config/load.ts';

/** Runs the demo in a folder of its own; exit code 1 if it did not hold what it promises. */
export const demo: Command = {
  usage: '',
  options: [
    { name: 'days', type: 'string', value: '10|42', says: 'plan days to run (default: 42)' },
    {
      name: 'world',
      type: 'string',
      value: 'hostile',
      says: 'a world that lies, bounces late and tarpits, for ten days (default: the one of the days)',
    },
    {
      name: 'seed',
      type: 'string',
      value: 'N',
      says: "number that fixes the world's chances (default: the scenario's)",
    },
  ],
  example: './rampart demo --days 10',
  positionals: [0, 0],
  async run(invocation) {
    const days = text(invocation, 'days') ?? '42';
    if (days !== '10' && days !== '42') throw badInput(`--days is "${days}": choose 10 or 42`);
    const world = text(invocation, 'world');
    if (world !== undefined && world !== 'hostile') throw badInput(`--world is "${world}": choose hostile`);
    if (world !== undefined && days !== '10') throw badInput('the hostile world lasts ten days: add --days 10');
    const seed = text(invocation, 'seed');
    if (seed !== undefined && !/^\d{1,9}$/.test(seed)) throw badInput(`--seed is "${seed}": give a whole number`);
    const { demo: play } = await import('../demo/demo.ts');
    const held = await play({
      days: Number(days),
      ...(world === undefined ? {} : { world }),
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      json: invocation.json,
      dataDir: path.join(CHECKOUT, '.rampart', 'demo'),
    });
    return held ? 0 : 1;
  },
};
