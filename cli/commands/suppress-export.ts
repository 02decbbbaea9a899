import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { csvLine } from '../../import/csv.ts';
import { EVERYWHERE, type SuppressionRow, suppressionPage } from '../../store/suppressions.ts';
import { CliError, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { COLUMNS } from '../suppress/import.ts';
import { SCOPE_OPTION, scopeOption, scopeText } from '../suppress/words.ts';

const PAGE = 5_000;

/** Everything that is suppressed, as `suppress import` reads it. */
export const suppressExport: Command = {
  usage: '<FILE.csv|->',
  options: [
    { ...SCOPE_OPTION, says: `${SCOPE_OPTION.says} (default: all)` },
    { name: 'hashed', type: 'boolean', says: 'leave the addresses out: only their SHA-256, to hand to others' },
    CONFIG_OPTION,
  ],
  example: './rampart suppress export list.csv',
  positionals: [1, 1],
  run(invocation) {
    const file = invocation.positionals[0] ?? '';
    const given = text(invocation, 'scope');
    const scope = given === undefined ? undefined : scopeOption(given, EVERYWHERE);
    const hashed = invocation.options.hashed === true;
    return withStore(invocation, async (store) => {
      // Addresses of people: for the eyes of who asked.
      const out = file === '-' ? process.stdout : createWriteStream(file, { mode: 0o600 });
      let failed: Error | undefined;
      out.once('error', (error) => {
        failed = error;
      });
      let written = 0;
      const write = async (lines: string) => {
        if (!out.write(lines) && failed === undefined) await Promise.race([once(out, 'drain'), once(out, 'close')]);
        if (failed !== undefined) throw new CliError('not-written', `${file} can not be written: ${failed.message}`);
      };
      await write(csvLine(COLUMNS));
      for (let after = 0; ; ) {
        const page = await suppressionPage(store, scope === undefined ? {} : { scope }, after, PAGE);
        if (page.length === 0) break;
        await write(page.map((row) => csvLine(cells(row, hashed))).join(''));
        written += page.length;
        after = page.at(-1)?.id ?? after;
      }
      if (file === '-') return 0;
      out.end();
      await finished(out).catch((error: Error) => {
        throw new CliError('not-written', `${file} can not be written: ${error.message}`);
      });
      return { json: { file, written }, lines: [`${written} entries written to ${file}`] };
    });
  },
};

function cells(row: SuppressionRow, hashed: boolean): string[] {
  return [
    hashed ? '' : (row.recipient ?? ''),
    row.sha256 ?? '',
    scopeText({ kind: row.scope, target: row.target }),
    row.streams,
    row.source,
    // A reply often quotes the address.
    hashed ? '' : row.reason,
    row.actor,
    row.since.toISOString(),
    row.until?.toISOString() ?? '',
    row.sha1 ?? '',
    row.md5 ?? '',
  ];
}
