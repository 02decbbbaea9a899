import { setRights } from '../../store/users.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import {
  domainsOption,
  poolsOption,
  RIGHTS_OPTIONS,
  rateOption,
  rightsText,
  streamsOption,
  tenantsOption,
  userName,
} from '../user-options.ts';

/** Changes what a user may, and leaves the password alone; what is not named stays as it is. */
export const userRights: Command = {
  usage: '<name>',
  options: [...RIGHTS_OPTIONS, CONFIG_OPTION],
  example: './rampart user rights acme --tenants acme,acme-eu --streams marketing',
  positionals: [1, 1],
  async run(invocation) {
    const name = userName(invocation.positionals[0]);
    const given = (option: string) => text(invocation, option) !== undefined;
    if (!['pools', 'domains', 'tenants', 'streams', 'rate'].some(given))
      throw badInput("say what changes: --pools, --domains, --tenants, --streams or --rate ('' or none: no limit)");
    const wanted = {
      ...(given('domains') && { domains: domainsOption(invocation) }),
      ...(given('tenants') && { tenants: tenantsOption(invocation) }),
      ...(given('streams') && { streams: streamsOption(invocation) }),
      ...(given('rate') && { rate: rateOption(invocation) }),
    };
    return withStore(invocation, async (store) => {
      const pools = given('pools') ? { pools: await poolsOption(invocation, store) } : {};
      const rights = await setRights(store, name, { ...wanted, ...pools });
      if (rights === undefined) throw badInput(`there is no user ${name}: ./rampart user list`);
      return { json: { name, ...rights }, lines: [rightsText(name, rights)] };
    });
  },
};
