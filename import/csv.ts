/**
 * Comma-separated values (RFC 4180), read as they come in chunks and written line by line. Almost no line of an accounting
 * file has a quote: those are split without looking at every character.
 */

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

/** No address, reason or date is longer: more is a quote that was never closed. */
const CELL = 10_000;
/** Longer than any record: more must not fill the memory. */
const LONGEST = 1_000_000;

const ENDS = /[,\r\n]/g;

/**
 * Rows of a text in chunks; empty lines are left out. Line ends may be CRLF, LF or CR, inside quotes as well.
 *
 * `strict`: a quote that is never closed, text after a closing quote and a value of absurd length throw CsvError. Without
 * it they give the row that can be made of them: a log is damaged in one place and read in all others.
 */
export class CsvRows {
  readonly #strict: boolean;
  #rest = '';
  #line = 1;
  #first = true;
  #lf = -1;
  #cr = -1;
  #quote = -1;

  constructor(options: { readonly strict?: boolean } = {}) {
    this.#strict = options.strict ?? false;
  }

  /** Text of a row that is not whole yet. */
  get pending(): string {
    return this.#rest;
  }

  /** Rows that are whole with this chunk. */
  *take(chunk: string): Generator<CsvRow> {
    yield* this.#rows(chunk, false);
    if (this.#rest.length <= LONGEST) return;
    if (this.#strict) this.#fail(this.#rest);
    this.#rest = '';
  }

  /** The last row, where the text does not end with a line end. */
  *end(): Generator<CsvRow> {
    yield* this.#rows('', true);
  }

  *#rows(chunk: string, last: boolean): Generator<CsvRow> {
    const text = this.#rest + (this.#first ? chunk.replace(/^\uFEFF/, '') : chunk);
    if (chunk !== '') this.#first = false;
    [this.#lf, this.#cr, this.#quote] = [-1, -1, -1];
    let start = 0;
    while (start < text.length) {
      const row = this.#next(text, start, last);
      if (row === undefined) break;
      const { cells, next, lines } = row;
      const line = this.#line;
      this.#line += lines;
      start = next;
      if (cells.length > 1 || cells[0] !== '') yield { cells, line };
    }
    this.#rest = text.slice(start);
  }

  #next(text: string, start: number, last: boolean) {
    if (this.#lf < start) this.#lf = found(text, '\n', start);
    if (this.#cr < start) this.#cr = found(text, '\r', start);
    if (this.#quote < start) this.#quote = found(text, '"', start);
    const end = Math.min(this.#lf, this.#cr);
    if (this.#quote < end && this.#quote !== Number.POSITIVE_INFINITY) return this.#quoted(text, start, last);
    if (end === Number.POSITIVE_INFINITY) {
      if (!last) return undefined;
      return { cells: this.#checked(text.slice(start).split(',')), next: text.length, lines: 0 };
    }
    // The LF of a CRLF may come with the next chunk.
    if (end === text.length - 1 && text[end] === '\r' && !last) return undefined;
    const next = text[end] === '\r' && text[end + 1] === '\n' ? end + 2 : end + 1;
    return { cells: this.#checked(text.slice(start, end).split(',')), next, lines: 1 };
  }

  /** A row with a quote somewhere: cell by cell. */
  #quoted(text: string, start: number, last: boolean) {
    const cells: string[] = [];
    let at = start;
    for (;;) {
      let value: string;
      if (text[at] === '"') {
        let close = text.indexOf('"', at + 1);
        while (close !== -1 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
        // A quote at the very end may be the first of two.
        if (close === -1 || (close === text.length - 1 && !last)) {
          if (!last) return undefined;
          if (this.#strict) throw new CsvError(this.#line, 'a quote is never closed');
          return { cells: [...cells, text.slice(at + 1)], next: text.length, lines: lineEnds(text.slice(start)) };
        }
        value = text.slice(at + 1, close).replaceAll('""', '"');
        at = close + 1;
        if (this.#strict && at < text.length && !/[,\r\n]/.test(text[at] ?? ''))
          throw new CsvError(
            this.#line + lineEnds(text.slice(start, at)),
            `"${text[at]}" follows a closing quote: put quotes around the whole value, and double those inside`,
          );
        at = endOfCell(text, at);
      } else {
        const end = endOfCell(text, at);
        value = text.slice(at, end);
        at = end;
      }
      if (at >= text.length && !last) return undefined;
      cells.push(value);
      if (text[at] !== ',') break;
      at += 1;
    }
    if (text[at] === '\r' && at === text.length - 1 && !last) return undefined;
    const next = text[at] === '\r' && text[at + 1] === '\n' ? at + 2 : at + 1;
    return { cells: this.#checked(cells), next, lines: lineEnds(text.slice(start, next)) };
  }

  #checked(cells: string[]): string[] {
    if (this.#strict && cells.some((cell) => cell.length > CELL))
      throw new CsvError(this.#line, `a value is longer than ${CELL} characters`);
    return cells;
  }

  #fail(text: string): never {
    const why = /(^|,)"/.test(text) ? 'a quote is never closed' : `a value is longer than ${CELL} characters`;
    throw new CsvError(this.#line, why);
  }
}

/** The rows of a stream, strictly. @throws CsvError */
export async function* readCsv(chunks: AsyncIterable<string>): AsyncGenerator<CsvRow> {
  const rows = new CsvRows({ strict: true });
  for await (const chunk of chunks) yield* rows.take(chunk);
  yield* rows.end();
}

/** One line with its CRLF. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
}

function found(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at === -1 ? Number.POSITIVE_INFINITY : at;
}

function endOfCell(text: string, from: number): number {
  ENDS.lastIndex = from;
  return ENDS.exec(text)?.index ?? text.length;
}

function lineEnds(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
