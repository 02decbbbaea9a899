import { hashPassword } from '../../store/password.ts';
import { addUser } from '../../store/users.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import {
  domainsOption,
  newPassword,
  PASSWORD_OPTION,
  poolsOption,
  RIGHTS_OPTIONS,
  rateOption,
  rightsText,
  streamsOption,
  tenantsOption,
  userName,
} from '../user-options.ts';

/** Adds a user who may hand in mail over SMTP and HTTP. Only a hash of the password is kept. */
export const userAdd: Command = {
  usage: '<name>',
  options: [...RIGHTS_OPTIONS, PASSWORD_OPTION, CONFIG_OPTION],
  example: './rampart user add shop --pools marketing --domains shop.example,*.shop.example --rate 20000',
  positionals: [1, 1],
  async run(invocation) {
    const name = userName(invocation.positionals[0]);
    const domains = domainsOption(invocation);
    const [tenants, streams] = [tenantsOption(invocation), streamsOption(invocation)];
    const rate = rateOption(invocation);
    return withStore(invocation, async (store) => {
      const pools = await poolsOption(invocation, store);
      const { password, made } = await newPassword(invocation, process.stdin);
      const rights = { pools, domains, tenants, streams, rate };
      const added = await addUser(store, { name, passwordHash: await hashPassword(password), ...rights });
      if (!added) throw badInput(`user ${name} is there already: ./rampart user password ${name} sets a new password`);
      return {
        json: { name, ...rights, password: made ? password : null },
        lines: [rightsText(name, rights), ...(made ? [`password (it is not shown again): ${password}`] : [])],
      };
    });
  },
};
