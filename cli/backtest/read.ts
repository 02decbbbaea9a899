/** Reads an accounting file of either kind, line by line. */
import { createReadStream } from 'node:fs';
import { CsvError, readCsv } from '../../import/csv.ts';
import { badInput } from '../command.ts';
import { ATTEMPT_COLUMNS, takeAttempt } from './attempts.ts';
import { BadLine, type Faults, fault, namedRows } from './columns.ts';
import { type DayPart, PastMail } from './past-mail.ts';
import { POWERMTA_COLUMNS, PowerMta } from './powermta.ts';

export interface AccountingFile {
  readonly kind: 'powermta' | 'attempts';
  readonly mail: PastMail;
  readonly lines: number;
  readonly bad: Faults;
  /** What was read and left out, by kind. */
  readonly leftOut: Readonly<Record<string, number>>;
}

/** Throws CliError `bad-input` for a file that can not be read at all. */
export async function readAccounting(file: string, dayOf: (instant: number) => DayPart): Promise<AccountingFile> {
  const mail = new PastMail(dayOf);
  const powerMta = new PowerMta(mail);
  const bad: Faults = { count: 0, firstLine: 0, firstSays: '' };
  let header: readonly string[] | undefined;
  let rowOf = namedRows([]);
  let kind: AccountingFile['kind'] = 'powermta';
  let lines = 0;
  try {
    for await (const { cells, line } of readCsv(createReadStream(file, 'utf8'))) {
      if (header === undefined) {
        header = cells.map((cell) => cell.trim());
        kind = kindOf(header, file);
        rowOf = namedRows(header);
        continue;
      }
      lines++;
      try {
        const row = rowOf(cells);
        if (kind === 'powermta') powerMta.take(row, line);
        else takeAttempt(mail, row);
      } catch (error) {
        if (!(error instanceof BadLine)) throw error;
        fault(bad, line, error.message);
      }
    }
  } catch (error) {
    if (error instanceof CsvError) throw badInput(`${file}, line ${error.line}: ${error.message}`);
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== undefined && typeof code === 'string' && /^E[A-Z]+$/.test(code))
      throw badInput(`cannot read ${file}: ${code}`);
    throw error;
  }
  if (header === undefined) throw badInput(`${file} is empty: give an accounting file with its header line`);
  powerMta.end((line, says) => fault(bad, line, says));
  return { kind, mail, lines, bad, leftOut: Object.fromEntries(powerMta.leftOut) };
}

function kindOf(header: readonly string[], file: string): AccountingFile['kind'] {
  const has = (columns: readonly string[]) => columns.every((name) => header.includes(name));
  if (has(POWERMTA_COLUMNS)) return 'powermta';
  if (has(ATTEMPT_COLUMNS)) return 'attempts';
  throw badInput(
    `${file} begins with "${header.join(',').slice(0, 80)}": expected a header line with ${POWERMTA_COLUMNS.join(', ')} (PowerMTA) or ${ATTEMPT_COLUMNS.join(', ')} (Rampart's attempts)`,
  );
}
