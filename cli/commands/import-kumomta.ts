import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type KumoFile, NotReadable, readKumoFile } from '../../import/kumomta/read.ts';
import { importKumoMta } from '../../import/kumomta/translate.ts';
import { countEnds } from '../../import/outcome.ts';
import { badInput, type Command, text } from '../command.ts';
import { COMMON_PROVIDERS } from '../config/schema.ts';
import { diskFiles } from '../import/disk.ts';
import { NOTE } from '../import/report.ts';
import { draftProblems, writeConfigFile } from '../import/write.ts';
import { table } from '../terminal/table.ts';

/** Reads the files of KumoMTA's policy helpers and says what of them Rampart would do. */
export const importKumomta: Command = {
  usage: '<DIR|FILE>…',
  options: [
    { name: 'out', type: 'string', value: 'FILE', says: 'write a configuration, such as rampart.config.ts' },
    { name: 'force', type: 'boolean', says: 'replace a file that is there' },
    { name: 'all', type: 'boolean', says: 'say of every option what became of it' },
  ],
  example: './rampart import kumomta /opt/kumomta/etc/policy/shaping.toml /opt/kumomta/etc/sources.toml',
  positionals: [1, Number.POSITIVE_INFINITY],
  async run(invocation) {
    const files = invocation.positionals.flatMap(filesOf).map(read);
    const { draft, outcomes, notes } = importKumoMta(files, COMMON_PROVIDERS);
    const out = text(invocation, 'out');
    const file = path.resolve(out ?? 'rampart.config.ts');
    const problems = draftProblems(draft, file, []);
    if (out !== undefined) {
      if (problems.length > 0) throw badInput(['nothing was written:', ...problems].join('\n'));
      const head = ['Drawn up by ./rampart import kumomta. Read it before you use it: docs/import.md.'];
      await writeConfigFile(
        file,
        draft,
        [...head, ...notes.map((note) => `- ${note}`)],
        invocation.options.force === true,
      );
    }
    const ends = countEnds(outcomes);
    const told = invocation.options.all === true ? outcomes : outcomes.filter(({ end }) => end === 'not-supported');
    const rows = told.map((one) => [path.basename(one.file), one.at, one.end, one.says]);
    return {
      json: {
        files: files.map(({ file: name, kind }) => ({ file: name, kind })),
        outcomes,
        config: draft,
        problems,
        notes,
      },
      lines: [
        `${outcomes.length} options: ${ends.translated} translated, ${ends['not-needed']} not needed, ${ends['not-supported']} not supported`,
        ...(rows.length === 0 ? [] : ['', ...table(['file', 'at', 'end', 'why'], rows)]),
        '',
        ...[...notes, ...problems.map((problem) => `not in order: ${problem}`)].map(NOTE),
        ...(out === undefined ? [] : [`wrote ${file}`, `then: ./rampart check --config ${file}`]),
      ],
      ...(problems.length > 0 ? { exit: 1 as const } : {}),
    };
  },
};

/** A file, or the TOML and JSON files of a folder. */
function filesOf(given: string): string[] {
  const named = path.resolve(given);
  const found = statSync(named, { throwIfNoEntry: false });
  if (found === undefined) throw badInput(`there is no file ${given}`);
  if (!found.isDirectory()) return [named];
  const files = readdirSync(named)
    .filter((one) => /\.(toml|json)$/.test(one))
    .sort()
    .map((one) => path.join(named, one));
  if (files.length === 0) throw badInput(`${given} has no .toml or .json files: name the files`);
  return files;
}

function read(file: string): KumoFile {
  const content = diskFiles(file).read(file);
  if (content === undefined) throw badInput(`${file} can not be read`);
  try {
    return readKumoFile(file, content);
  } catch (error) {
    throw error instanceof NotReadable ? badInput(`${file}: ${error.message}`) : error;
  }
}
