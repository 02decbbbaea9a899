import { OVERLAP_MS } from '../../mta/signing/publication.ts';
import { dkimKeys, retireDkimKey } from '../../store/dkim.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { domainArgument, standing } from './dkim-text.ts';

/** Stops signing with a key; the last one that signs needs --force, for the domain's mail goes out unsigned then. */
export const dkimRetire: Command = {
  usage: '<domain> <selector>',
  options: [{ name: 'force', type: 'boolean', says: 'also if the domain has no other key that signs' }, CONFIG_OPTION],
  example: './rampart dkim retire example.com r20261121',
  positionals: [2, 2],
  run(invocation) {
    const [given = '', selector = ''] = invocation.positionals;
    const domain = domainArgument(given);
    return withStore(invocation, async (store) => {
      const keys = await dkimKeys(store, domain);
      const key = keys.find((one) => one.selector === selector);
      if (key === undefined) {
        const known = keys.map((one) => one.selector).join(', ') || 'none';
        throw badInput(`${domain} has no key ${selector} (known: ${known})`);
      }
      const others = keys.filter((one) => one.state === 'active' && one.selector !== selector);
      if (key.state === 'active' && others.length === 0 && invocation.options.force !== true) {
        throw badInput(
          `${selector} is the only key ${domain} signs with: ./rampart dkim rotate ${domain}, or --force to send unsigned`,
        );
      }
      const retired = await retireDkimKey(store, domain, selector, OVERLAP_MS);
      const after = (await dkimKeys(store, domain)).find((one) => one.selector === selector) ?? key;
      const says = retired ? standing(after, Date.now()) : `it had retired before: ${standing(after, Date.now())}`;
      return { json: { domain, selector, retired, standing: says }, lines: [`${selector} of ${domain}: ${says}`] };
    });
  },
};
