/** Comma-separated values (RFC 4180), read as a stream and written line by line. */

export interface CsvRow {
  readonly cells: readonly string[];
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
}

export class CsvError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** No address, reason or date is longer: more is a quote that was never closed, and must not fill the memory. */
const CELL = 10_000;

/**
 * Rows of a text that comes in chunks; empty lines are left out. Line ends may be CRLF, LF or CR, inside quotes as well.
 *
 * @throws CsvError for a quote that is never closed, or text after a closing quote.
 */
export async function* readCsv(chunks: AsyncIterable<string>): AsyncGenerator<CsvRow> {
  let cells: string[] = [];
  let cell = '';
  let line = 1;
  let begins = 1;
  let state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  let afterCr = false;
  let first = true;
  const end = () => {
    cells.push(cell);
    const row = { cells, line: begins };
    cells = [];
    cell = '';
    state = 'start';
    return row.cells.length === 1 && row.cells[0] === '' ? undefined : row;
  };
  for await (const chunk of chunks) {
    const text = first ? chunk.replace(/^\uFEFF/, '') : chunk;
    first = false;
    for (const char of text) {
      if (char === '\n' && afterCr) {
        afterCr = false;
        if (state === 'quoted') cell += char;
        continue;
      }
      afterCr = char === '\r';
      const ends = char === '\n' || char === '\r';
      if (ends) line += 1;
      if (state === 'quoted') {
        if (char === '"') state = 'closed';
        else cell += char;
        if (cell.length > CELL) throw new CsvError(begins, 'a quote is never closed');
      } else if (ends) {
        const row = end();
        if (row !== undefined) yield row;
        begins = line;
      } else if (char === ',') {
        cells.push(cell);
        cell = '';
        state = 'start';
      } else if (char === '"' && state === 'start') state = 'quoted';
      else if (char === '"' && state === 'closed') {
        cell += '"';
        state = 'quoted';
      } else if (state === 'closed') {
        throw new CsvError(
          line,
          `"${char}" follows a closing quote: put quotes around the whole value, and double those inside`,
        );
      } else {
        cell += char;
        state = 'plain';
        if (cell.length > CELL) throw new CsvError(line, `a value is longer than ${CELL} characters`);
      }
    }
  }
  if (state === 'quoted') throw new CsvError(begins, 'a quote is never closed');
  const row = end();
  if (row !== undefined) yield row;
}

/** One line with its CRLF. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
}
