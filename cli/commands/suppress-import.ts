import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { readCsv } from '../../import/csv.ts';
import { poolNames } from '../../store/lanes.ts';
import { EVERYWHERE, importSuppressions } from '../../store/suppressions.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { COLUMNS, entriesOf } from '../suppress/import.ts';
import { knownScope } from '../suppress/known-scope.ts';
import { SCOPE_OPTION, scopeOption, scopeText } from '../suppress/words.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** A list from elsewhere: all of it or none of it. */
export const suppressImport: Command = {
  usage: '<FILE.csv|->',
  options: [
    { ...SCOPE_OPTION, says: `${SCOPE_OPTION.says}, where a row does not say (default: global)` },
    {
      name: 'hashed',
      type: 'boolean',
      says: 'a file without header holds SHA-256, SHA-1 or MD5 of lower-case addresses',
    },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart suppress import list.csv --scope tenant:shop',
  positionals: [1, 1],
  async run(invocation) {
    const file = invocation.positionals[0] ?? '';
    const scope = scopeOption(text(invocation, 'scope'), EVERYWHERE);
    const name = file === '-' ? 'standard input' : path.basename(file);
    const { actor, reason } = by(invocation, `imported from ${name}`);
    if (file !== '-') await mustBeFile(file);
    const source = file === '-' ? process.stdin.setEncoding('utf8') : createReadStream(file, 'utf8');
    return withStore(invocation, async (store) => {
      await knownScope(store, scope);
      const defaults = {
        scope,
        reason,
        actor,
        hashed: invocation.options.hashed === true,
        pools: new Set(await poolNames(store)),
      };
      const { read, changed } = await importSuppressions(store, entriesOf(readCsv(source), defaults));
      return {
        json: { read, changed, scope: scopeText(scope), columns: COLUMNS },
        lines: [`${read} rows read, ${changed} entries new or widened; the others were suppressed already`],
      };
    });
  },
};

async function mustBeFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw badInput(`there is no file ${file}`);
  if (found.isDirectory()) throw badInput(`${file} is a folder: name a CSV file`);
}
