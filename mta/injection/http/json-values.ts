/**
 * How many values a JSON text has, told from its bytes before anything is made of them: ten bytes may become an object, and
 * its faults a hundred times as much. Pure.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `,` `:` `[` and `{`: each stands before at most one value. */
const BEFORE_VALUE = new Set([0x2c, 0x3a, 0x5b, 0x7b]);

/** Has this text more than `most` values? Counted outside strings; a text that is no JSON is counted all the same. */
export function hasMoreValues(text: Buffer, most: number): boolean {
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    if (byte === QUOTE) at = endOfString(text, at + 1);
    else if (BEFORE_VALUE.has(byte) && ++values > most) return true;
  }
  return false;
}

/** Index of the quote that ends a string; the text's length when there is none. */
function endOfString(text: Buffer, from: number): number {
  for (let at = text.indexOf(QUOTE, from); at !== -1; at = text.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (at - slashes > from && text[at - slashes - 1] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}
