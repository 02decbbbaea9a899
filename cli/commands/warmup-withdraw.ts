import { expandRange } from '../../policy/ranges/expand.ts';
import { tx } from '../../store/connect.ts';
import { waitingAddresses, withdraw } from '../../store/ranges.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { listed } from '../ranges/targets.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** Takes addresses that wait for their turn out of their range. One that has begun goes on: pause it, or give it time. */
export const warmupWithdraw: Command = {
  usage: '<ip | range>',
  options: [REASON_OPTION, ACTOR_OPTION, CONFIG_OPTION],
  example: "./rampart warmup withdraw 198.51.100.12/30 --reason 'the first four were listed'",
  positionals: [1, 1],
  async run(invocation) {
    const { actor, reason } = by(invocation);
    const { addresses, problems } = expandRange(invocation.positionals[0] ?? '');
    if (problems.length > 0) throw badInput(problems.join('\n'));
    return withStore(invocation, async (store) => {
      const gone = await tx(store, (db) => withdraw(db, addresses, `withdrawn by ${actor}: ${reason}`));
      const waiting = await waitingAddresses(store);
      if (gone.length === 0)
        throw badInput(
          `none of these waits for its turn (waiting: ${listed(waiting.map(({ address }) => address)) || 'none'})`,
        );
      return {
        json: { withdrawn: gone, waiting: waiting.map(({ address, range, dueAt }) => ({ address, range, dueAt })) },
        lines: [`will not begin: ${listed(gone)}`, `still waiting: ${waiting.length}`],
      };
    });
  },
};
