import { decisionsOf } from '../../store/decisions.ts';
import { CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress, knownLanes } from '../known-address.ts';
import { decisionLines } from '../status/history-text.ts';
import { styleOf } from '../terminal/style.ts';

/** Every decision row of an address, oldest first. */
export const warmupHistory: Command = {
  usage: '<ip>',
  options: [{ name: 'provider', type: 'string', value: 'P', says: 'only this lane' }, CONFIG_OPTION],
  example: './rampart warmup history 198.51.100.9 --provider google',
  positionals: [1, 1],
  run(invocation) {
    const ip = invocation.positionals[0] ?? '';
    const provider = text(invocation, 'provider');
    return withStore(invocation, async (store) => {
      const row = await knownAddress(store, ip);
      await knownLanes(store, ip, provider);
      const decisions = await decisionsOf(store, ip, provider);
      const zone = row.calendar.kind === 'civil' ? row.calendar.zone : 'UTC';
      const style = styleOf(invocation.stdout, invocation.env);
      const none = [`no decisions yet: ./rampart warmup start ${ip}`];
      return {
        json: { address: ip, provider: provider ?? null, decisions },
        lines: decisions.length === 0 ? none : decisions.flatMap((decision) => decisionLines(decision, zone, style)),
      };
    });
  },
};
