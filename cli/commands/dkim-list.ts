import { dkimKeys } from '../../store/dkim.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { table } from '../terminal/table.ts';
import { domainArgument, standing } from './dkim-text.ts';

/** Every key, or a domain's, and where it stands. */
export const dkimList: Command = {
  usage: '[domain]',
  options: [CONFIG_OPTION],
  example: './rampart dkim list example.com',
  positionals: [0, 1],
  run(invocation) {
    const [given] = invocation.positionals;
    const domain = given === undefined ? undefined : domainArgument(given);
    return withStore(invocation, async (store) => {
      const keys = await dkimKeys(store, domain);
      const now = Date.now();
      const rows = keys.map((key) => [
        key.domain,
        key.selector,
        key.algorithm.replace('-sha256', ''),
        key.inFile ? 'file' : 'database',
        standing(key, now),
      ]);
      const none = [
        `no keys${domain === undefined ? '' : ` of ${domain}`}: ./rampart dkim add ${domain ?? 'example.com'}`,
      ];
      return {
        json: { keys: keys.map((key) => ({ ...key, standing: standing(key, now) })) },
        lines: keys.length === 0 ? none : table(['domain', 'selector', 'algorithm', 'private key', 'standing'], rows),
      };
    });
  },
};
