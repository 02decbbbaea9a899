import { hashPassword } from '../../store/password.ts';
import { setPassword } from '../../store/users.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { newPassword, PASSWORD_OPTION, userName } from '../user-options.ts';

/** Sets a new password; connections that signed in with the old one go on until they end. */
export const userPassword: Command = {
  usage: '<name>',
  options: [PASSWORD_OPTION, CONFIG_OPTION],
  example: './rampart user password shop --password-stdin < password.txt',
  positionals: [1, 1],
  async run(invocation) {
    const name = userName(invocation.positionals[0]);
    return withStore(invocation, async (store) => {
      const { password, made } = await newPassword(invocation, process.stdin);
      const set = await setPassword(store, name, await hashPassword(password));
      if (!set) throw badInput(`there is no user ${name}: ./rampart user list`);
      return {
        json: { name, password: made ? password : null },
        lines: [`user ${name} has a new password`, ...(made ? [`password (it is not shown again): ${password}`] : [])],
      };
    });
  },
};
