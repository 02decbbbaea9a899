import { CONFIG_OPTION, type Command, text } from '../command.ts';
import { loadConfig } from '../config/load.ts';

/** Runs database, Temporal, worker and MTA processes; writes as it goes. */
export const up: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart up',
  positionals: [0, 0],
  async run(invocation) {
    const config = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
    const role = await import('../roles/up.ts');
    await role.up(config, { json: invocation.json });
    return 0;
  },
};
