import { EVERYWHERE, suppress } from '../../store/suppressions.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownScope } from '../suppress/known-scope.ts';
import { namedRecipients, SCOPE_OPTION, scopeOption, scopeText } from '../suppress/words.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** Recipients get no more mail, at once: also what is queued for them ends. */
export const suppressAdd: Command = {
  usage: '<address|hash>…',
  options: [
    { ...SCOPE_OPTION, says: `${SCOPE_OPTION.says} (default: global)` },
    { name: 'streams', type: 'string', value: 'S', says: 'all or marketing (default: all)' },
    { name: 'until', type: 'string', value: 'DATE', says: 'when it ends by itself (default: never)' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart suppress add anna@example.com --scope tenant:shop --reason 'asked by phone'",
  positionals: [1, Number.POSITIVE_INFINITY],
  run(invocation) {
    const named = namedRecipients(invocation.positionals);
    const scope = scopeOption(text(invocation, 'scope'), EVERYWHERE);
    const streams = text(invocation, 'streams') ?? 'all';
    if (streams !== 'all' && streams !== 'marketing')
      throw badInput(`--streams is "${streams}": write all or marketing`);
    const until = untilOf(text(invocation, 'until'));
    const { actor, reason } = by(invocation);
    return withStore(invocation, async (store) => {
      await knownScope(store, scope);
      const entries = named.map((one) => ({ ...one, scope, streams, source: 'manual', reason, actor, until }) as const);
      const changed = await suppress(store, entries);
      return {
        json: { given: named.length, changed, scope: scopeText(scope), streams },
        lines: [`${changed} of ${named.length} suppressed (${scopeText(scope)}, ${streams}); the others were already`],
      };
    });
  },
};

function untilOf(given: string | undefined): number | null {
  if (given === undefined) return null;
  const at = Date.parse(given);
  if (Number.isNaN(at) || at <= Date.now())
    throw badInput(`--until is "${given}": write a date to come, such as 2030-01-31`);
  return at;
}
