import { listUsers } from '../../store/users.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { table } from '../terminal/table.ts';

/** Users of the store; those of the configuration file are in `./rampart check`. */
export const userList: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart user list',
  positionals: [0, 0],
  async run(invocation) {
    return withStore(invocation, async (store) => {
      const users = await listUsers(store);
      const rows = users.map(({ name, pools, domains, tenants = [], streams = [], rate, changedAt }) => [
        name,
        pools.join(', '),
        domains.join(', ') || 'every domain',
        tenants.join(', ') || 'every tenant',
        streams.join(', ') || 'both',
        rate === null ? 'no limit' : String(rate),
        changedAt.toISOString().slice(0, 10),
      ]);
      return {
        json: { users },
        lines:
          users.length === 0
            ? ['no users: ./rampart user add']
            : table(['user', 'pools', 'sends as', 'for', 'streams', 'recipients an hour', 'changed'], rows),
      };
    });
  },
};
