/** Colour, where a terminal shows it and nobody asked for none (no-color.org). */

export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

const paint = (code: number) => (text: string) => (text === '' ? '' : `\x1b[${code}m${text}\x1b[0m`);
const plain = (text: string) => text;

const COLOURS: Style = { good: paint(32), bad: paint(31), dim: paint(2), bold: paint(1) };
export const PLAIN: Style = { good: plain, bad: plain, dim: plain, bold: plain };

/** The style of an output stream. */
export function styleOf(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Style {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb' ? COLOURS : PLAIN;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one.
const ESCAPES = /\x1b\[[0-9;]*[A-Za-z]/g;

/** Columns a text takes on the screen. */
export function width(text: string): number {
  return text.replace(ESCAPES, '').length;
}

/** The text cut to so many columns; a cut text loses its colour. */
export function fit(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  return `${text.replace(ESCAPES, '').slice(0, Math.max(0, columns - 1))}…`;
}
