import { dkimKeys } from '../../store/dkim.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { makeKey, sealKeyOf } from './dkim-make.ts';
import { domainArgument, type PublicKey, publishLines, recordOf } from './dkim-text.ts';

/** Makes a successor for each key that signs. The old one signs until the new record was seen, so there is no gap. */
export const dkimRotate: Command = {
  usage: '<domain>',
  options: [CONFIG_OPTION],
  example: './rampart dkim rotate example.com',
  positionals: [1, 1],
  async run(invocation) {
    const domain = domainArgument(invocation.positionals[0] ?? '');
    const sealKey = await sealKeyOf(invocation);
    return withStore(invocation, async (store) => {
      const before = await dkimKeys(store, domain);
      const waiting = before.find((key) => key.state === 'published');
      if (waiting !== undefined) {
        throw badInput(`${waiting.selector} of ${domain} waits for its record already: publish it, or retire it first`);
      }
      const active = before.filter((key) => key.state === 'active');
      if (active.length === 0) throw badInput(`${domain} signs with no key: ./rampart dkim add ${domain}`);
      const inFile = active.find((key) => key.inFile);
      if (inFile !== undefined) {
        throw badInput(
          `${inFile.selector} of ${domain} is a file: add the new file under dkim.keys with a new selector`,
        );
      }
      const keys: PublicKey[] = [];
      for (const { algorithm } of active) keys.push(await makeKey(store, domain, algorithm, undefined, sealKey));
      return {
        json: { domain, keys: keys.map((key) => ({ ...key, record: recordOf(key) })) },
        lines: [
          ...publishLines(keys),
          `until then ${active.map((key) => key.selector).join(' and ')} signs; leave the old record for 7 days after`,
        ],
      };
    });
  },
};
