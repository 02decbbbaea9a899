import { dkimKeys } from '../../store/dkim.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { domainArgument, recordOf } from './dkim-text.ts';

/** The records a domain's DNS should have now: of keys that sign or wait, and of retired ones whose time is not over. */
export const dkimDns: Command = {
  usage: '<domain>',
  options: [CONFIG_OPTION],
  example: './rampart dkim dns example.com',
  positionals: [1, 1],
  run(invocation) {
    const domain = domainArgument(invocation.positionals[0] ?? '');
    return withStore(invocation, async (store) => {
      const now = Date.now();
      const keys = (await dkimKeys(store, domain)).filter(
        (key) => key.state !== 'retired' || (key.keepUntil?.getTime() ?? 0) > now,
      );
      if (keys.length === 0) throw badInput(`${domain} has no keys: ./rampart dkim add ${domain}`);
      const records = keys.map(recordOf);
      return { json: { domain, records }, lines: records.map((record) => record.zoneLine) };
    });
  },
};
