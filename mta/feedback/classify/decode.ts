/** Bytes to text: transfer encodings and charsets. Nothing here throws: unreadable input is read as Latin-1. */

/** Text that was read byte by byte (Latin-1) becomes what its charset says; unknown charsets stay Latin-1. */
export function decodeCharset(bytes: Buffer, charset: string): string {
  const label = charset.trim().toLowerCase();
  if (label === '' || label === 'us-ascii' || label === 'ascii' || label.startsWith('unknown')) return guess(bytes);
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    return guess(bytes);
  }
}

/** Latin-1 text whose bytes are UTF-8 is read as that: headers and status fields seldom say which they are. */
export function decodeBytes(latin1: string): string {
  return isAscii(latin1) ? latin1 : guess(Buffer.from(latin1, 'latin1'));
}

/** Undoes base64 and quoted-printable; other encodings are the identity. Latin-1 text in, bytes out. */
export function decodeTransfer(body: string, encoding: string): Buffer {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(body, 'base64');
    case 'quoted-printable':
      return Buffer.from(
        body
          .replace(/=[ \t]{0,20}\n/g, '')
          .replace(/=([\da-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      );
    default:
      return Buffer.from(body, 'latin1');
  }
}

/** Some report with ISO-2022-JP under no charset at all: its escape sequences give it away. */
function guess(bytes: Buffer): string {
  const latin1 = bytes.toString('latin1');
  if (latin1.includes('\u001b$B') || latin1.includes('\u001b$@')) return new TextDecoder('iso-2022-jp').decode(bytes);
  if (isAscii(latin1)) return latin1;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return latin1;
  }
}

function isAscii(text: string): boolean {
  return !/[\x80-\xff]/.test(text);
}
