/** Rows by the names of their columns, and what was wrong with those that could not be read. */
import { type Row, rowsUnder } from '../../import/columns.ts';
import { timeReader } from '../../import/times.ts';

export class BadLine extends Error {}

/** Rows by column name. The result throws BadLine for a row of another length than the header. */
export function namedRows(header: readonly string[]): (cells: readonly string[]) => Row {
  const read = rowsUnder(header);
  return (cells) => {
    const row = read(cells);
    if (row === undefined) throw new BadLine(`${cells.length} values where the header has ${header.length} columns`);
    return row;
  };
}

const readTime = timeReader('UTC');

/** `2026-02-08 21:54:05+0000`, ISO 8601, or Unix seconds, in ms. Throws BadLine. */
export function instant(row: Row, column: string): number {
  const given = row(column);
  const ms = readTime(given);
  if (ms === undefined) throw new BadLine(`${column} is "${given}": expected a time such as 2026-02-08 21:54:05+0000`);
  return ms;
}

export interface Faults {
  count: number;
  firstLine: number;
  firstSays: string;
}

/** Counts a bad line, and remembers the first of the file: some are told late, because they waited for its end. */
export function fault(faults: Faults, line: number, says: string): void {
  if (faults.count === 0 || line < faults.firstLine) [faults.firstLine, faults.firstSays] = [line, says];
  faults.count++;
}
