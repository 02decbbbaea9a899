import { PRESETS } from '../../policy/plan.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { ownPlans } from '../plan/find.ts';
import { table } from '../terminal/table.ts';

/** Every plan a ramp can follow: the shipped ones with their sources, and those of the configuration. */
export const planList: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart plan list',
  positionals: [0, 0],
  async run(invocation) {
    const shipped = PRESETS.map(({ name, summary, source }) => ({ name, summary, source }));
    const own = Object.entries(await ownPlans(invocation)).map(([name, { source }]) => ({
      name,
      summary: 'your own',
      source: source ?? 'your own configuration',
    }));
    const rows = [...shipped, ...own].map(({ name, summary }) => [name, summary]);
    return {
      json: { plans: [...shipped, ...own] },
      lines: [...table(['plan', 'what it is'], rows), '', 'rampart plan show NAME has its stages and its source.'],
    };
  },
};
