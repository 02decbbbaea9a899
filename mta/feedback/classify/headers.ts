/**
 * Header fields of a message, read tolerantly: bounces come from software of four decades, and what a strict reader
 * refuses is often the one line that names the recipient. Every loop is bounded by the size of what is read.
 */
import { decodeBytes, decodeCharset } from './decode.ts';

/** Lower-cased names; values unfolded and trimmed, in the order they came. */
export type Fields = ReadonlyMap<string, readonly string[]>;

/** More fields than any real message has: the rest of a header block made to exhaust us is not read. */
const MAX_FIELDS = 1_000;
const MAX_VALUE = 16_384;
const FIELD = /^([!-9;-~]{1,80})[ \t]{0,8}:(.*)$/;

/** Splits at the first blank line. Without a header block the whole text is body. Line ends must be LF. */
export function splitHead(text: string): { readonly fields: Fields; readonly body: string } {
  const fields = new Map<string, string[]>();
  let at = 0;
  let last: string[] | undefined;
  let count = 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end === -1 ? text.length : end);
    const next = end === -1 ? text.length : end + 1;
    if (line.trim() === '') return { fields, body: text.slice(next) };
    if (/^[ \t]/.test(line) && last !== undefined) {
      const value = last.at(-1) ?? '';
      if (value.length < MAX_VALUE) last[last.length - 1] = `${value} ${line.trim().slice(0, MAX_VALUE)}`;
    } else {
      // A delimiter in the head: its author forgot the blank line.
      if (line.startsWith('--') && fields.size > 0) return { fields, body: text.slice(at) };
      const field = FIELD.exec(line.slice(0, MAX_VALUE));
      if (field === null) {
        if (fields.size === 0) return { fields, body: text };
        last = undefined;
      } else if (count < MAX_FIELDS) {
        count += 1;
        const name = (field[1] ?? '').toLowerCase();
        last = fields.get(name) ?? [];
        last.push((field[2] ?? '').trim());
        fields.set(name, last);
      }
    }
    at = next;
  }
  return { fields, body: '' };
}

/** The first value of a field, with its encoded words read (RFC 2047), or ''. */
export function field(fields: Fields, name: string): string {
  return decodeWords(fields.get(name)?.[0] ?? '');
}

/** RFC 2047 encoded words. What cannot be read stays as it is. */
export function decodeWords(value: string): string {
  if (!value.includes('=?')) return decodeBytes(value);
  const joined = value.slice(0, MAX_VALUE).replace(/\?=[ \t]{1,20}=\?/g, '?==?');
  return joined.replace(
    /=\?([\w.:-]{1,40})(?:\*[\w-]{1,20})?\?([bq])\?([^?]{0,4000})\?=/gi,
    (_all, charset: string, kind: string, text: string) => {
      const bytes =
        kind.toLowerCase() === 'b'
          ? Buffer.from(text, 'base64')
          : Buffer.from(
              text
                .replaceAll('_', ' ')
                .replace(/=([\da-f]{2})/gi, (_hex, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
              'latin1',
            );
      return decodeCharset(bytes, charset);
    },
  );
}

/** `type/subtype` in lower case and its parameters; RFC 2231 continuations are joined, charsets of parameters ignored. */
export function contentType(value: string): {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const cut = value.slice(0, 4_000);
  const type = (/^[^;\s]{1,200}(?:[ \t]{0,5}\/[ \t]{0,5}[^;\s]{1,200})?/.exec(cut)?.[0] ?? '')
    .replace(/\s/g, '')
    .toLowerCase();
  const parameters = new Map<string, string>();
  for (const found of cut.matchAll(
    /;\s{0,200}([\w-]{1,40})(?:\*\d{0,3}\*?)?\s{0,20}=\s{0,20}("[^"]{0,1000}"?|[^;\s]{0,1000})/g,
  )) {
    const name = (found[1] ?? '').toLowerCase();
    const text = (found[2] ?? '').replace(/^"|"$/g, '');
    parameters.set(name, (parameters.get(name) ?? '') + text);
  }
  return { type, parameters };
}
