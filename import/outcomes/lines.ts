/** Whole lines out of text that comes in pieces. */

/** Longer than any line of a log: more is no log, and must not fill the memory. */
const LONGEST = 1_000_000;

export class Lines {
  #rest = '';
  /** Lines given up for their length. */
  dropped = 0;

  get pending(): string {
    return this.#rest;
  }

  /** Lines that are whole with this text, without their ends; empty ones are left out. */
  take(text: string): string[] {
    const lines = (this.#rest === '' ? text : this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LONGEST) {
      this.#rest = '';
      this.dropped += 1;
    }
    return lines.flatMap(cleaned);
  }

  /** What is left when nobody writes any more. */
  end(): string[] {
    const rest = this.#rest;
    this.#rest = '';
    return cleaned(rest);
  }
}

function cleaned(line: string): string[] {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return text === '' ? [] : [text];
}
