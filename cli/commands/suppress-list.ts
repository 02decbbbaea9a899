import {
  EVERYWHERE,
  type SuppressionFilter,
  type SuppressionRow,
  suppressionHistory,
  suppressionPage,
} from '../../store/suppressions.ts';
import { badInput, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { keysOf, namedRecipients, SCOPE_OPTION, scopeOption, scopeText } from '../suppress/words.ts';
import { table } from '../terminal/table.ts';

const MOST = 100;

/** Live entries; of one recipient also those that ended. */
export const suppressList: Command = {
  usage: '[<address|hash>]',
  options: [
    { ...SCOPE_OPTION, says: `${SCOPE_OPTION.says} (default: all)` },
    { name: 'source', type: 'string', value: 'S', says: 'hard-bounce, complaint, manual, import or unsubscribe' },
    { name: 'provisional', type: 'boolean', says: 'only those that end unless somebody confirms them' },
    { name: 'limit', type: 'string', value: 'N', says: `at most so many (default: ${MOST})` },
    CONFIG_OPTION,
  ],
  example: './rampart suppress list anna@example.com',
  positionals: [0, 1],
  run(invocation) {
    const { filter, limit } = asked(invocation);
    return withStore(invocation, async (store) => {
      const entries = await suppressionPage(store, filter, 0, limit + 1);
      const more = entries.length > limit;
      const shown = entries.slice(0, limit);
      const ended = filter.keys === undefined ? [] : await suppressionHistory(store, filter.keys);
      return {
        json: { entries: shown, more, ...(filter.keys === undefined ? {} : { ended }) },
        lines: [
          ...(shown.length === 0 ? ['nobody is suppressed there'] : linesOf(shown)),
          ...(more ? ['… and more: ./rampart suppress export - writes all'] : []),
          ...ended.map(
            (one) =>
              `ended ${day(one.endedAt)} by ${one.endedBy} (${one.endReason}): ${one.source} of ${day(one.since)}, ${one.reason}`,
          ),
        ],
      };
    });
  },
};

function asked(invocation: Invocation): { filter: SuppressionFilter; limit: number } {
  const [named] = namedRecipients(invocation.positionals);
  const scope = text(invocation, 'scope');
  const source = text(invocation, 'source');
  const limit = Number(text(invocation, 'limit') ?? MOST);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 100_000)
    throw badInput('--limit is a number from 1 to 100000');
  return {
    limit,
    filter: {
      ...(named === undefined ? {} : { keys: keysOf(named) }),
      ...(scope === undefined ? {} : { scope: scopeOption(scope, EVERYWHERE) }),
      ...(source === undefined ? {} : { source }),
      provisional: invocation.options.provisional === true,
    },
  };
}

function linesOf(entries: readonly SuppressionRow[]): string[] {
  return table(
    ['recipient', 'scope', 'streams', 'source', 'since', 'until', 'by', 'reason'],
    entries.map((row) => [
      row.recipient ?? hashText(row),
      scopeText({ kind: row.scope, target: row.target }),
      row.streams,
      row.source,
      day(row.since),
      row.until === null ? '' : day(row.until),
      row.actor,
      row.reason.slice(0, 60),
    ]),
  );
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10);
}

function hashText({ sha256, sha1, md5 }: SuppressionRow): string {
  const [name, hash] = sha256 !== null ? ['sha256', sha256] : sha1 !== null ? ['sha1', sha1] : ['md5', md5 ?? ''];
  return `${name} ${hash.slice(0, 12)}…`;
}
