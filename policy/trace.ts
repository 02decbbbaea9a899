/**
 * The token that joins a report to the delivery it is about. It is an HMAC, so a forged report cannot count against a
 * ramp: only a valid token suppresses or counts.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const TRACE_HEADER = 'X-Rampart-Trace';
const PATTERN = /([0-9a-z]{1,13})-([0-9a-f]{20})/;

function mac(id: string, key: string): string {
  return createHmac('sha256', key).update(id).digest('hex').slice(0, 20);
}

/** The last token: a message needs it twice, in its return path and its trace header. */
let last = { recipient: 0, key: '', token: '' };

/** Token of a recipient row: `<id in base 36>-<80 bits of HMAC-SHA-256>`, safe in a local part (RFC 5321 §4.5.3.1.1). */
export function traceToken(recipient: number, key: string): string {
  if (last.recipient !== recipient || last.key !== key) {
    const id = recipient.toString(36);
    last = { recipient, key, token: `${id}-${mac(id, key)}` };
  }
  return last.token;
}

/** The recipient a text's first valid token names, or undefined. */
export function recipientOf(text: string, key: string): number | undefined {
  const [, id, given] = PATTERN.exec(text.toLowerCase()) ?? [];
  if (id === undefined || given === undefined) return undefined;
  const right = timingSafeEqual(Buffer.from(mac(id, key)), Buffer.from(given));
  return right ? Number.parseInt(id, 36) : undefined;
}

/** Variable envelope return path: bounces of this recipient come back to an address that names it. */
export function verp(recipient: number, domain: string, key: string): string {
  return `b+${traceToken(recipient, key)}@${domain}`;
}
