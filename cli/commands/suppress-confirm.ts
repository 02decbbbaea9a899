import { confirmSuppressions } from '../../store/suppressions.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { keysOf, namedRecipients } from '../suppress/words.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** A person looked at entries from a provider's bad hours and says that they are true: they stay. */
export const suppressConfirm: Command = {
  usage: '[<address|hash>…]',
  options: [
    { name: 'all', type: 'boolean', says: 'all that are provisional, in place of naming them' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart suppress confirm --all --reason 'the list was old'",
  positionals: [0, Number.POSITIVE_INFINITY],
  run(invocation) {
    const named = namedRecipients(invocation.positionals);
    const all = invocation.options.all === true;
    if (all === named.length > 0) throw badInput('name recipients, or give --all: one of the two');
    const { actor, reason } = by(invocation);
    return withStore(invocation, async (store) => {
      const confirmed = await confirmSuppressions(store, all ? null : named.flatMap(keysOf), { actor, reason });
      return { json: { confirmed }, lines: [`${confirmed} provisional entries stay from now on`] };
    });
  },
};
