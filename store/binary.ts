/**
 * Arrays of bytes in PostgreSQL's binary form. The driver writes an array as text, where every byte of a mail becomes two
 * hex digits that one side makes and the other reads; a Buffer it sends as it is.
 */

const BYTEA = 17;
/** Dimensions, has-null flag, element type, length, lower bound (src/backend/utils/adt/arrayfuncs.c, array_recv). */
const HEADER = 20;

/** A one-dimensional `bytea[]` as a parameter: give it to a place that is cast, `$1::bytea[]`. */
export function byteaArray(items: readonly Uint8Array[]): Buffer {
  const size = items.reduce((sum, item) => sum + 4 + item.length, HEADER);
  const out = Buffer.allocUnsafe(size);
  out.writeInt32BE(1, 0);
  out.writeInt32BE(0, 4);
  out.writeInt32BE(BYTEA, 8);
  out.writeInt32BE(items.length, 12);
  out.writeInt32BE(1, 16);
  let at = HEADER;
  for (const item of items) {
    at = out.writeInt32BE(item.length, at);
    out.set(item, at);
    at += item.length;
  }
  return out;
}
