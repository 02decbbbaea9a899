/** Rows of a table by the names of its columns, in whatever order these stand. */

/** A row's value by its column's name; '' where there is no such column. */
export type Row = (column: string) => string;

/** Reads rows under a header; undefined for a row of another length, which was cut off or holds an unquoted comma. */
export function rowsUnder(header: readonly string[]): (cells: readonly string[]) => Row | undefined {
  const names = header.map((name) => name.trim());
  // As they are written first: most callers write them so, and nothing has to be made lower case for them.
  const at = new Map([
    ...names.map((name, index) => [name.toLowerCase(), index] as const),
    ...names.map((name, index) => [name, index] as const),
  ]);
  return (cells) => {
    if (cells.length !== names.length) return undefined;
    return (column) => cells[at.get(column) ?? at.get(column.toLowerCase()) ?? -1] ?? '';
  };
}

/** The host of PowerMTA's `host (ip)`; null: nothing but an address, or nothing at all. */
export function mxHost(dsnMta: string): string | null {
  const end = dsnMta.search(/[\s(]/);
  const host = end === -1 ? dsnMta : dsnMta.slice(0, end);
  return /[a-z]/i.test(host) ? host : null;
}
