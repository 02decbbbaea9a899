import { removeUser } from '../../store/users.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { userName } from '../user-options.ts';

/** Removes a user; the MTA stops taking their mail within seconds. */
export const userRemove: Command = {
  usage: '<name>',
  options: [CONFIG_OPTION],
  example: './rampart user remove shop',
  positionals: [1, 1],
  async run(invocation) {
    const name = userName(invocation.positionals[0]);
    return withStore(invocation, async (store) => {
      if (!(await removeUser(store, name))) throw badInput(`there is no user ${name}: ./rampart user list`);
      return {
        json: { name, removed: true },
        lines: [`user ${name} is removed; mail they handed in before is still sent`],
      };
    });
  },
};
