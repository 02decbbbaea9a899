/** Events of a CSV log with a header: rows are read by the names of the last header above them. */
import { type Row, rowsUnder } from '../columns.ts';
import { CsvRows } from '../csv.ts';
import type { LegacyEvent, LogReader } from './event.ts';

/** `eventOf`: null where a row says nothing about a recipient, undefined where it should and can not be read. */
export function headedCsv(
  isHeader: (cells: readonly string[]) => boolean,
  eventOf: (row: Row) => LegacyEvent | null | undefined,
): LogReader {
  const rows = new CsvRows();
  let row: ReturnType<typeof rowsUnder> | undefined;
  let unreadable = 0;
  const taken = (found: Iterable<{ readonly cells: readonly string[] }>) => {
    const events: LegacyEvent[] = [];
    for (const { cells } of found) {
      if (isHeader(cells)) {
        row = rowsUnder(cells);
        continue;
      }
      const value = row?.(cells);
      const event = value === undefined ? undefined : eventOf(value);
      if (event === undefined) unreadable += 1;
      else if (event !== null) events.push(event);
    }
    return events;
  };
  return {
    take: (chunk) => taken(rows.take(chunk)),
    end: () => taken(rows.end()),
    get pending() {
      return rows.pending;
    },
    get unreadable() {
      return unreadable;
    },
    hasHeader: true,
  };
}
