import { unsuppress } from '../../store/suppressions.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { keysOf, namedRecipients, SCOPE_OPTION, scopeOption, scopeText } from '../suppress/words.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** Ends entries; who did it and why stays in the history. */
export const suppressRemove: Command = {
  usage: '[<address|hash>…]',
  options: [
    { ...SCOPE_OPTION, says: `${SCOPE_OPTION.says} (default: wherever they are)` },
    { name: 'provisional', type: 'boolean', says: 'all that are provisional, in place of naming them' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart suppress remove anna@example.com --reason 'confirmed again by letter'",
  positionals: [0, Number.POSITIVE_INFINITY],
  run(invocation) {
    const named = namedRecipients(invocation.positionals);
    const provisional = invocation.options.provisional === true;
    if (provisional === named.length > 0) throw badInput('name recipients, or give --provisional: one of the two');
    const given = text(invocation, 'scope');
    const scope = given === undefined ? null : scopeOption(given, { kind: 'global', target: '*' });
    const { actor, reason } = by(invocation);
    return withStore(invocation, async (store) => {
      const keys = provisional ? null : named.flatMap(keysOf);
      const removed = await unsuppress(store, { keys, scope }, { actor, reason });
      return {
        json: { removed },
        lines:
          removed.length === 0
            ? ['nothing to remove: none of them is suppressed there']
            : removed.map(
                (one) =>
                  `removed: ${one.recipient ?? 'a hashed recipient'} (${scopeText({ kind: one.scope as 'global', target: one.target })})`,
              ),
      };
    });
  },
};
