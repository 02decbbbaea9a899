import path from 'node:path';
import type { Command } from '../command.ts';
import { CHECKOUT } from '../config/load.ts';

/** Runs the demo of a migration in a folder of its own; exit code 1 if it did not hold what it promises. */
export const demoCutover: Command = {
  usage: '',
  options: [],
  example: './rampart demo cutover',
  positionals: [0, 0],
  async run(invocation) {
    const { demoCutover: play } = await import('../demo/cutover/demo.ts');
    const dataDir = path.join(CHECKOUT, '.rampart', 'demo-cutover');
    return (await play({ json: invocation.json, dataDir })) ? 0 : 1;
  },
};
