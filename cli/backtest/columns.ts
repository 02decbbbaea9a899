/** Rows by the names of their columns, and what was wrong with those that could not be read. */
import { timeReader } from '../../import/times.ts';

export class BadLine extends Error {}

/** A row's values by column name. Throws BadLine for a row of another length than the header. */
export function named(header: readonly string[], cells: readonly string[]): Map<string, string> {
  if (cells.length !== header.length)
    throw new BadLine(`${cells.length} values where the header has ${header.length} columns`);
  return new Map(header.map((name, at) => [name, cells[at] ?? '']));
}

const readTime = timeReader('UTC');

/** `2026-02-08 21:54:05+0000`, ISO 8601, or Unix seconds, in ms. Throws BadLine. */
export function instant(row: ReadonlyMap<string, string>, column: string): number {
  const given = row.get(column) ?? '';
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
