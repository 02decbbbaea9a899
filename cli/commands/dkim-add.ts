import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { algorithmsOf, makeKey, sealKeyOf } from './dkim-make.ts';
import { domainArgument, type PublicKey, publishLines, recordOf } from './dkim-text.ts';

/** Makes a key for a domain; it signs when its record was seen in DNS. */
export const dkimAdd: Command = {
  usage: '<domain>',
  options: [
    { name: 'algorithm', type: 'string', value: 'A', says: 'rsa, ed25519 or both (default: rsa)' },
    { name: 'selector', type: 'string', value: 'S', says: 'selector (default: from the date)' },
    CONFIG_OPTION,
  ],
  example: './rampart dkim add example.com --algorithm both',
  positionals: [1, 1],
  async run(invocation) {
    const domain = domainArgument(invocation.positionals[0] ?? '');
    const algorithms = algorithmsOf(text(invocation, 'algorithm') ?? 'rsa');
    const selector = text(invocation, 'selector');
    if (selector !== undefined && algorithms.length > 1) {
      throw badInput('--selector names one key: give one algorithm, or leave it out');
    }
    const sealKey = await sealKeyOf(invocation);
    return withStore(invocation, async (store) => {
      const keys: PublicKey[] = [];
      for (const algorithm of algorithms) keys.push(await makeKey(store, domain, algorithm, selector, sealKey));
      const note = 'note: its private key is stored unsealed: set dkim.sealKey before you add keys';
      return {
        json: { domain, sealed: sealKey !== undefined, keys: keys.map((key) => ({ ...key, record: recordOf(key) })) },
        lines: [...publishLines(keys), ...(sealKey === undefined ? [note] : [])],
      };
    });
  },
};
