/** From the rows of a file to entries. Every wrong row is named with its line, and then nothing is imported. */
import { CsvError, type CsvRow } from '../../import/csv.ts';
import type { SuppressionEntry, SuppressionScope, SuppressionSource } from '../../store/suppressions.ts';
import { CliError } from '../command.ts';
import { HASHES, keysOf, type Named, namedRecipient, scopeOf } from './words.ts';

/** Columns of an export, and those an import may have. */
export const COLUMNS = [
  'recipient',
  'sha256',
  'scope',
  'streams',
  'source',
  'reason',
  'actor',
  'since',
  'until',
  'sha1',
  'md5',
] as const;
type Column = (typeof COLUMNS)[number];
type Hash = keyof typeof HASHES;

const NAMES: readonly Hash[] = ['sha256', 'sha1', 'md5'];
const TITLES: Readonly<Record<Hash, string>> = { sha256: 'SHA-256', sha1: 'SHA-1', md5: 'MD5' };

const SOURCES: readonly string[] = ['hard-bounce', 'complaint', 'manual', 'import', 'unsubscribe'];
const BATCH = 5_000;
/** Wrong rows that are named; the rest is counted. */
const NAMED = 20;

/** What rows that do not say it themselves are given. */
export interface ImportDefaults {
  readonly scope: SuppressionScope;
  readonly reason: string;
  readonly actor: string;
  /** The file holds hashes where it has no header line. */
  readonly hashed: boolean;
  /** Pools that exist. */
  readonly pools: ReadonlySet<string>;
}

class BadRow extends Error {}

/**
 * Entries of the rows, in batches.
 *
 * @throws CliError `bad-input` at the end of the file when any row was wrong.
 */
export async function* entriesOf(
  rows: AsyncIterable<CsvRow>,
  defaults: ImportDefaults,
): AsyncGenerator<readonly SuppressionEntry[]> {
  const wrong: string[] = [];
  let bad = 0;
  let batch: SuppressionEntry[] = [];
  let header: readonly Column[] | undefined;
  const fail = (line: number, message: string) => {
    bad += 1;
    if (wrong.length < NAMED) wrong.push(`line ${line}: ${message}`);
  };
  try {
    for await (const row of rows) {
      try {
        if (header === undefined) {
          header = headerOf(row, defaults);
          if (isHeader(row)) continue;
        }
        batch.push(entryOf(row, header, defaults));
      } catch (error) {
        if (!(error instanceof BadRow)) throw error;
        fail(row.line, error.message);
        // Without its columns no row of the file can be read.
        if (header === undefined) break;
      }
      if (batch.length < BATCH) continue;
      // Where a row was wrong, nothing will be imported: the rest is only read for its faults.
      if (bad === 0) yield batch;
      batch = [];
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    fail(error.line, error.message);
  }
  if (bad > 0) {
    const more = bad > wrong.length ? [`and ${bad - wrong.length} more`] : [];
    throw new CliError(
      'bad-input',
      [...wrong, ...more, 'nothing was imported: mend the file and run it again'].join('\n'),
      2,
    );
  }
  if (batch.length > 0) yield batch;
}

function isHeader({ cells }: CsvRow): boolean {
  return cells.some((cell) => ['recipient', ...Object.keys(HASHES)].includes(cell.trim().toLowerCase()));
}

function headerOf(row: CsvRow, { hashed }: ImportDefaults): readonly Column[] {
  if (!isHeader(row)) {
    if (row.cells.length === 1) return [hashed ? hashIn(row) : 'recipient'];
    throw new BadRow(`several columns need a header line: some of ${COLUMNS.join(',')}`);
  }
  const names = row.cells.map((cell) => cell.trim().toLowerCase());
  for (const [at, name] of names.entries()) {
    if (!(COLUMNS as readonly string[]).includes(name))
      throw new BadRow(`"${name}" is no column: choose from ${COLUMNS.join(', ')}`);
    if (names.indexOf(name) !== at) throw new BadRow(`column "${name}" is there twice`);
  }
  return names as readonly string[] as readonly Column[];
}

function entryOf(row: CsvRow, header: readonly Column[], defaults: ImportDefaults): SuppressionEntry {
  if (row.cells.length !== header.length) {
    throw new BadRow(`expected ${header.length} value${header.length === 1 ? '' : 's'}, found ${row.cells.length}`);
  }
  const value = (column: Column) => row.cells[header.indexOf(column)]?.trim() ?? '';
  const streams = value('streams') || 'all';
  if (streams !== 'all' && streams !== 'marketing') throw new BadRow(`streams is "${streams}": write all or marketing`);
  const source = value('source') || 'import';
  if (!SOURCES.includes(source)) throw new BadRow(`source is "${source}": write one of ${SOURCES.join(', ')}`);
  const since = dateOf('since', value('since'));
  return {
    ...recipientOf(value('recipient'), hashOf(value)),
    scope: scopeIn(value('scope'), defaults),
    streams,
    source: source as SuppressionSource,
    reason: value('reason') || defaults.reason,
    actor: value('actor') || defaults.actor,
    ...(since === null ? {} : { since }),
    until: dateOf('until', value('until')),
  };
}

/** Of a file without header: its first row tells which hash it is; a later one of another is a wrong row. */
function hashIn({ cells: [cell = ''] }: CsvRow): Hash {
  return NAMES.find((name) => HASHES[name] === cell.trim().length) ?? 'sha256';
}

interface Hashed {
  readonly name: Hash;
  readonly key: Buffer;
}

/** The hash of a row; of several, the one that tells most. */
function hashOf(value: (column: Column) => string): Hashed | undefined {
  const found = NAMES.flatMap((name): Hashed[] => {
    const text = value(name);
    if (text === '') return [];
    const named = text.length === HASHES[name] ? namedRecipient(text) : undefined;
    if (named?.recipient !== null)
      throw new BadRow(`"${text}" is no ${TITLES[name]}: ${HASHES[name]} hexadecimal digits`);
    return [{ name, key: named.key }];
  });
  return found[0];
}

function recipientOf(address: string, hash: Hashed | undefined): Named {
  if (address === '') {
    if (hash === undefined) throw new BadRow('neither recipient nor sha256, sha1 or md5 has a value');
    return { key: hash.key, recipient: null };
  }
  const byName = namedRecipient(address);
  if (byName === undefined) throw new BadRow(`"${address}" is no mail address`);
  if (byName.recipient === null)
    throw new BadRow('a hash stands in column recipient: name the column sha256, sha1 or md5, or use --hashed');
  if (hash !== undefined && !keysOf(byName).some((key) => key.equals(hash.key)))
    throw new BadRow(`${hash.name} is not that of ${byName.recipient}`);
  return byName;
}

function scopeIn(text: string, { scope, pools }: ImportDefaults): SuppressionScope {
  const found = text === '' ? scope : scopeOf(text);
  if (found === undefined) throw new BadRow(`scope is "${text}": write global, pool:NAME or tenant:NAME`);
  if (found.kind === 'pool' && !pools.has(found.target)) throw new BadRow(`there is no pool "${found.target}"`);
  return found;
}

function dateOf(column: Column, text: string): number | null {
  if (text === '') return null;
  const at = Date.parse(text);
  if (Number.isNaN(at))
    throw new BadRow(`${column} is "${text}": write a date such as 2026-01-31 or 2026-01-31T12:00:00Z`);
  return at;
}
