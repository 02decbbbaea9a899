/** A message's header as DKIM sees it: fields in their order, and where the body begins. */

export interface Field {
  /** Lower case. */
  readonly name: string;
  /** What follows the colon, folded as it was, without the last line end. */
  readonly value: string;
}

export interface Split {
  readonly fields: readonly Field[];
  /** Index of the body's first byte. */
  readonly bodyAt: number;
}

/** Splits a message whose line ends are CRLF. Lines that are no field (no colon) are left out. */
export function splitMessage(raw: Buffer): Split {
  const end = raw.indexOf('\r\n\r\n');
  const headEnd = end === -1 ? raw.length : end;
  const head = raw.toString('latin1', 0, headEnd);
  const fields: Field[] = [];
  for (let at = 0; at < head.length; ) {
    let stop = head.indexOf('\r\n', at);
    while (stop !== -1 && (head[stop + 2] === ' ' || head[stop + 2] === '\t')) stop = head.indexOf('\r\n', stop + 2);
    if (stop === -1) stop = head.length;
    const colon = head.indexOf(':', at);
    if (colon > at && colon < stop) {
      fields.push({ name: head.slice(at, colon).trimEnd().toLowerCase(), value: head.slice(colon + 1, stop) });
    }
    at = stop + 2;
  }
  return { fields, bodyAt: end === -1 ? raw.length : end + 4 };
}
