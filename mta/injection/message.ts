/** Turns what a client handed in into what is kept: checked, its control headers read and stripped, its origin added. */
import { randomUUID } from 'node:crypto';
import addressparser from 'nodemailer/lib/addressparser';
import { type Control, isControl, readControl } from './control.ts';
import { type Field, splitMessage } from './headers.ts';
import { checkBytes } from './message-bytes.ts';
import { hasOneClick } from './one-click.ts';
import { RefusedMessage } from './refusal.ts';

export { RefusedMessage } from './refusal.ts';

export interface Incoming {
  readonly raw: Buffer;
  readonly messageId: string;
  readonly control: Control;
  /** Addresses of the From header, as they stand there. */
  readonly from: readonly string[];
  /** It can be unsubscribed from with one click (RFC 8058). */
  readonly oneClick: boolean;
}

export interface Origin {
  /** Value of the Received line (received.ts). */
  readonly received: string;
  /** Our name: the domain of Message-IDs we make. */
  readonly hostname: string;
  /** ms. */
  readonly now: number;
  /** The client asked for SMTPUTF8 (RFC 6531). */
  readonly smtpUtf8: boolean;
  /** Composed by us: whoever is in Bcc must not be seen by the others (RFC 5322 §3.6.3). */
  readonly withoutBcc?: boolean;
  /** May the mail of the pool its header names go on to an upstream? Then nothing is added but the Received line. */
  readonly asItCame?: (pool: string | undefined) => boolean;
}

/** Messages.message_id has an index, whose entries are limited; RFC 5322 limits lines to the same length. */
const LONGEST_ID = 998;

/**
 * Reads a message: refuses what can not be sent on unchanged, strips control headers, adds a Message-ID and a Date
 * where there are none and the Received line (RFC 5321 §4.4, RFC 6409 §8). Everything else stays byte for byte.
 *
 * @throws RefusedMessage
 */
export function readMessage(raw: Buffer, origin: Origin): Incoming {
  checkBytes(raw);
  const { fields, body } = splitMessage(raw, origin.smtpUtf8);
  const control = readControl(fields, origin.now);
  const asItCame = origin.asItCame?.(control.pool) === true;
  const value = (name: string) => fields.find((field) => field.name === name)?.value;
  const kept = fields.filter((field) => !isDropped(field, origin, asItCame)).map((field) => field.text);
  // Kept for people and programs to read; the header itself stays as it is.
  const given = value('message-id') ?? '';
  let messageId = given.replace(/\p{Cc}+/gu, ' ').trim();
  if (messageId.length > LONGEST_ID)
    throw new RefusedMessage(554, `5.6.0 The Message-ID is longer than ${LONGEST_ID} octets`);
  if (given === '') {
    messageId = `<${randomUUID()}@${origin.hostname}>`;
    if (!asItCame) kept.push(`Message-ID: ${messageId}`);
  }
  if (value('date') === undefined && !asItCame) kept.push(`Date: ${mailDate(origin.now)}`);
  const head = [`Received: ${origin.received}`, ...kept, '', ''].join('\r\n');
  return {
    raw: Buffer.concat([Buffer.from(head, 'latin1'), body]),
    messageId,
    control,
    from: fromAddresses(value('from') ?? ''),
    oneClick: hasOneClick(fields),
  };
}

/** The last date: many messages come in a second. */
let said = { second: Number.NaN, text: '' };

/** RFC 5322 §3.3. */
export function mailDate(now: number): string {
  const second = Math.floor(now / 1_000);
  if (said.second !== second) said = { second, text: new Date(now).toUTCString().replace('GMT', '+0000') };
  return said.text;
}

function isDropped(field: Field, origin: Origin, asItCame: boolean): boolean {
  if (isControl(field)) return true;
  // An empty Message-ID is replaced, not joined by a second one.
  if (!asItCame && field.name === 'message-id' && field.value === '') return true;
  return origin.withoutBcc === true && field.name === 'bcc';
}

/**
 * Could another reader find another author? `<a@x.example> <b@y.example>` is two to some and the first to us: whoever may
 * send as x.example only would send as y.example.
 */
function ambiguous(from: string, found: number): boolean {
  const bare = from.replace(/"(?:[^"\\]|\\.)*"/g, '').replace(/\((?:[^()\\]|\\.)*\)/g, '');
  const count = (sign: string) => bare.split(sign).length - 1;
  return count('<') > found || (count('<') === 0 && count('@') > found);
}

/** From headers read a moment ago: most mail of a sender has the same. */
const readBefore = new Map<string, readonly string[]>();
const REMEMBERED = 500;

function fromAddresses(value: string): readonly string[] {
  const known = readBefore.get(value);
  if (known !== undefined) return known;
  const read = readFrom(value);
  if (readBefore.size >= REMEMBERED) readBefore.clear();
  readBefore.set(value, read);
  return read;
}

function readFrom(value: string): string[] {
  const found = addressparser(value, { flatten: true }).map(({ address }) => address);
  if (
    found.length === 0 ||
    found.some((address) => !/^[^\s@<>]+@[^\s@<>]+$/.test(address)) ||
    ambiguous(value, found.length)
  )
    throw new RefusedMessage(554, '5.6.0 The From header must have an address such as Shop <news@shop.example>');
  return found;
}
