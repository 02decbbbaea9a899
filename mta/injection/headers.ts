/** The header of a message as a list of fields; the body stays as it is. RFC 5322 §2.2, §3.6. */
import { isUtf8 } from 'node:buffer';
import { RefusedMessage } from './refusal.ts';

export interface Field {
  /** In lower case. */
  readonly name: string;
  /** The field as it stands, folds included, without its final CRLF; one character a byte (latin1). */
  readonly text: string;
  /** What follows the colon: unfolded, trimmed, read as UTF-8. */
  readonly value: string;
}

/** Octets of a header; no honest one comes near. */
const LONGEST_HEADER = 200_000;

/** RFC 5322 §3.6: at most one of each. Two of them let two readers see two different messages. */
const ONCE = new Set([
  'date',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'message-id',
  'in-reply-to',
  'references',
  'subject',
]);

/** RFC 5321 §6.3: a message that passed more servers than this goes round in circles. */
const MOST_HOPS = 100;

/**
 * Splits a message into its fields and its body (what follows the empty line).
 *
 * @param smtpUtf8 the client asked for SMTPUTF8 (RFC 6531): headers may be UTF-8. Without it they must be ASCII, so that
 *   whoever sends the message on can tell from its bytes alone whether the next server must know SMTPUTF8.
 * @throws RefusedMessage for a header that two readers could read differently.
 */
export function splitMessage(raw: Buffer, smtpUtf8: boolean): { fields: Field[]; body: Buffer } {
  // A message that begins with an empty line has no header: what follows is its body, whatever it looks like.
  const end = raw.indexOf('\r\n') === 0 ? -2 : raw.indexOf('\r\n\r\n');
  const head = raw.subarray(0, end === -1 ? undefined : Math.max(0, end));
  const body = end === -1 ? Buffer.alloc(0) : raw.subarray(end + 4);
  if (head.length > LONGEST_HEADER)
    throw new RefusedMessage(554, `5.6.0 The header has ${head.length} octets, at most ${LONGEST_HEADER} are taken`);
  const fields = head
    .toString('latin1')
    .split(/\r\n(?![ \t])/)
    .filter((field) => field !== '')
    .map(readField);
  checkEncoding(head, fields, smtpUtf8);
  checkCounts(fields);
  return { fields, body };
}

function readField(text: string, index: number): Field {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(0, colon)).replace(/[ \t]+$/, '');
  // A line without a field name is the end of the header to some readers and a header to others. At the very top, a
  // line that begins with white space would become part of the Received line we put before it.
  if (!/^[!-9;-~]+$/.test(name)) {
    const shown = JSON.stringify(text.slice(0, 40).replace(/[^ -~]/g, '?'));
    throw new RefusedMessage(
      554,
      `5.6.0 Header line ${index + 1} is no header field (RFC 5322 2.2): ${shown}; a header ends with an empty line`,
    );
  }
  const value = text
    .slice(colon + 1)
    .replace(/\r\n[ \t]+/g, ' ')
    .trim();
  return { name: name.toLowerCase(), text, value: utf8(value) };
}

function utf8(latin1: string): string {
  return isAscii(latin1) ? latin1 : Buffer.from(latin1, 'latin1').toString('utf8');
}

function isAscii(text: string): boolean {
  return !/[\x80-\xff]/.test(text);
}

function checkEncoding(head: Buffer, fields: readonly Field[], smtpUtf8: boolean): void {
  const foreign = fields.find((field) => !isAscii(field.text));
  if (foreign === undefined) return;
  const name = foreign.text.slice(0, foreign.text.indexOf(':')).trim();
  if (!smtpUtf8)
    throw new RefusedMessage(
      550,
      `5.6.7 Header ${name} is not ASCII: encode it (RFC 2047), or send the message with SMTPUTF8`,
    );
  if (!isUtf8(head)) throw new RefusedMessage(554, `5.6.0 Header ${name} is not UTF-8 (RFC 6532 3.1)`);
}

function checkCounts(fields: readonly Field[]): void {
  const seen = new Map<string, number>();
  for (const { name } of fields) seen.set(name, (seen.get(name) ?? 0) + 1);
  for (const name of ONCE) {
    if ((seen.get(name) ?? 0) > 1)
      throw new RefusedMessage(554, `5.6.0 The message has ${seen.get(name)} ${shown(name)} headers (RFC 5322 3.6)`);
  }
  if (!seen.has('from')) throw new RefusedMessage(554, '5.6.0 The message has no From header (RFC 5322 3.6)');
  if ((seen.get('received') ?? 0) > MOST_HOPS)
    throw new RefusedMessage(554, `5.4.6 Routing loop: the message has more than ${MOST_HOPS} Received headers`);
}

function shown(name: string): string {
  return name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()).replace('Id', 'ID');
}
