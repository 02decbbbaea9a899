import { hashPassword } from '../../store/password.ts';
import { addUser } from '../../store/users.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { domainsOption, newPassword, PASSWORD_OPTION, poolsOption, rateOption, userName } from '../user-options.ts';

/** Adds a user who may hand in mail over SMTP and HTTP. Only a hash of the password is kept. */
export const userAdd: Command = {
  usage: '<name>',
  options: [
    { name: 'pools', type: 'string', value: 'P,…', says: 'pools they may use; the first is the default' },
    { name: 'domains', type: 'string', value: 'D,…', says: 'domains they may send as (default: every one)' },
    { name: 'rate', type: 'string', value: 'N', says: 'recipients an hour (default: no limit)' },
    PASSWORD_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart user add shop --pools marketing --domains shop.example,*.shop.example --rate 20000',
  positionals: [1, 1],
  async run(invocation) {
    const name = userName(invocation.positionals[0]);
    const domains = domainsOption(invocation);
    const rate = rateOption(invocation);
    return withStore(invocation, async (store) => {
      const pools = await poolsOption(invocation, store);
      const { password, made } = await newPassword(invocation, process.stdin);
      const added = await addUser(store, { name, passwordHash: await hashPassword(password), pools, domains, rate });
      if (!added) throw badInput(`user ${name} is there already: ./rampart user password ${name} sets a new password`);
      return {
        json: { name, pools, domains, rate, password: made ? password : null },
        lines: [
          `user ${name} may send through ${pools.join(', ')} as ${domains.join(', ') || 'every domain'}, ${rate === null ? 'without a rate' : `${rate} recipients an hour`}`,
          ...(made ? [`password (it is not shown again): ${password}`] : []),
        ],
      };
    });
  },
};
