/**
 * DKIM's "relaxed" forms (RFC 6376 §3.4.2, §3.4.4): what may change on the way without breaking a signature. Text is
 * latin1: one character a byte, so that what is hashed is what is sent.
 */
import { createHash } from 'node:crypto';

/** A header field's relaxed form: `name:value`, unfolded, white space reduced; no line end. */
export function relaxedField(name: string, value: string): string {
  const reduced = value.replace(/\r\n/g, '').replace(/[ \t]+/g, ' ');
  return `${name.toLowerCase()}:${reduced.replace(/^ | $/g, '')}`;
}

/** base64 of the SHA-256 of a body's relaxed form; the body begins after the empty line. */
export function bodyHash(body: Buffer): string {
  return createHash('sha256').update(relaxedBody(body)).digest('base64');
}

/** Bytes of a body's relaxed form. The usual body, with nothing to relax in it, is returned as it is. */
export function relaxedBody(body: Buffer): Buffer {
  if (isRelaxed(body)) return body;
  const lines = body
    .toString('latin1')
    .replace(/[ \t]+/g, ' ')
    .replace(/ (?=\r\n)/g, '')
    .replace(/ $/, '');
  let end = lines.length;
  while (end >= 2 && lines[end - 1] === '\n' && lines[end - 2] === '\r') end -= 2;
  return end === 0 ? Buffer.alloc(0) : Buffer.from(`${lines.slice(0, end)}\r\n`, 'latin1');
}

/** Four searches in native code cost less than one pass in ours. */
function isRelaxed(body: Buffer): boolean {
  const { length } = body;
  if (length === 0) return true;
  if (length < 3 || body[length - 1] !== 10 || body[length - 2] !== 13 || body[length - 3] === 10) return false;
  return !body.includes('  ') && !body.includes('\t') && !body.includes(' \r\n');
}
