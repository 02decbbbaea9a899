/** The domain a message says it is from: DMARC compares signatures with it (RFC 7489 §3.1.1). */
import { domainToASCII } from 'node:url';
import addressParser from 'nodemailer/lib/addressparser';
import type { Field } from './header-fields.ts';

/** Domain of the first address in From, lower case, A-labels; null where there is none. */
export function authorDomain(fields: readonly Field[]): string | null {
  const from = fields.find((field) => field.name === 'from');
  if (from === undefined) return null;
  // Header text is latin1 here, byte by byte; an internationalised domain is UTF-8 (RFC 6532 §3.2).
  const text = Buffer.from(from.value.replace(/\r\n/g, ''), 'latin1').toString('utf8');
  const address = addressParser(text, { flatten: true })[0]?.address ?? '';
  const at = address.lastIndexOf('@');
  return at === -1 ? null : domainToASCII(address.slice(at + 1)) || null;
}
