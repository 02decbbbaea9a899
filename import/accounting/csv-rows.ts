/**
 * Rows of a CSV file (RFC 4180) as it comes in chunks, fast: almost no line of an accounting file has a quote, and those
 * are split without looking at every character. A quoted value may hold line ends.
 */

/** Longer than any record: more is a quote that was never closed, and must not fill the memory. */
const LONGEST = 1_000_000;

export class CsvRows {
  #rest = '';

  /** Whole rows that are known with this chunk. */
  *take(chunk: string): Generator<readonly string[]> {
    const text = this.#rest === '' ? chunk : this.#rest + chunk;
    let start = 0;
    for (;;) {
      const end = endOfRow(text, start);
      if (end === -1) break;
      const row = rowOf(text.slice(start, end));
      start = end + 1;
      if (row !== undefined) yield row;
    }
    this.#rest = text.slice(start);
    // Given up as a row of its own: it will not have the columns of a record.
    if (this.#rest.length > LONGEST) this.#rest = '';
  }

  /** What is left at the end of the file: a last row without line end, which may be cut off. */
  rest(): readonly string[] | undefined {
    const rest = this.#rest;
    this.#rest = '';
    return rowOf(rest);
  }
}

/** Where the row that begins at `start` ends: at a line end outside quotes; -1 when that is not there yet. */
function endOfRow(text: string, start: number): number {
  let end = text.indexOf('\n', start);
  let quote = text.indexOf('"', start);
  while (end !== -1 && quote !== -1 && quote < end) {
    const close = text.indexOf('"', quote + 1);
    if (close === -1) return -1;
    if (close > end) end = text.indexOf('\n', close + 1);
    quote = text.indexOf('"', close + 1);
  }
  return end;
}

function rowOf(line: string): readonly string[] | undefined {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (text === '') return undefined;
  if (!text.includes('"')) return text.split(',');
  const cells: string[] = [];
  // Each match is one value and the comma behind it.
  for (let at = 0; at <= text.length; ) {
    if (text[at] === '"') {
      let value = '';
      let close = at;
      do {
        const next = text.indexOf('"', close + 1);
        if (next === -1) return [...cells, text.slice(at + 1)];
        value += (value === '' && close === at ? '' : '"') + text.slice(close + 1, next);
        close = next + 1;
      } while (text[close] === '"');
      const comma = text.indexOf(',', close);
      cells.push(value);
      if (comma === -1) return cells;
      at = comma + 1;
    } else {
      const comma = text.indexOf(',', at);
      cells.push(comma === -1 ? text.slice(at) : text.slice(at, comma));
      if (comma === -1) return cells;
      at = comma + 1;
    }
    if (at === text.length) return [...cells, ''];
  }
  return cells;
}
