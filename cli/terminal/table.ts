/** Tables and bars as lines of text. */
import { width } from './style.ts';

/** A figure, a share, or two figures as in `41/50`; an IP address is none. */
const NUMBER = /^[-+]?[\d,]*(\.\d+)?%?( ?\/ ?[\d,]+)?$/;

/** Lines of a table: headings, then rows. Columns that hold only numbers are aligned right. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [columns, ...rows];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => width(row[at] ?? ''))));
  const right = columns.map((_, at) => rows.length > 0 && rows.every((row) => NUMBER.test(row[at] ?? '')));
  return cells.map((row) =>
    columns
      .map((_, at) => {
        const cell = row[at] ?? '';
        const space = ' '.repeat((widths[at] ?? 0) - width(cell));
        return right[at] ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** `[######······] 50%` in `columns` columns and the figure; `share` is 0 to 1. */
export function progressBar(share: number, columns: number): string {
  const done = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
  const filled = Math.floor(done * columns);
  return `[${'#'.repeat(filled)}${'·'.repeat(columns - filled)}] ${Math.floor(done * 100)}%`;
}
