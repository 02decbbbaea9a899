/**
 * The Message-ID and Date (RFC 5322 §3.6) that a message lacks because it was kept as it came, for an arm of a cutover that
 * takes it so. Other mail has them since it was accepted. The same at every attempt, for they are signed. Pure.
 */

/** Fields to go before the message, each with its line end; '' where it has both. */
export function missingFields(raw: Buffer, messageId: string): string {
  const end = raw.indexOf('\r\n\r\n');
  const header = raw.toString('latin1', 0, end === -1 ? raw.length : end + 2);
  const has = (name: string) => new RegExp(`^${name}[ \\t]*:`, 'im').test(header);
  const id = has('message-id') ? '' : `Message-ID: ${messageId}\r\n`;
  if (has('date')) return id;
  // The time of our own Received line, which is the first field: when it was accepted.
  const [, received = ''] = /^Received:(?:[^\r]|\r\n[ \t])*;[ \t\r\n]*([^;\r]+)\r\n/i.exec(header) ?? [];
  return received === '' ? id : `${id}Date: ${received.trim()}\r\n`;
}
