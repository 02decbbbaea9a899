/**
 * One recipient, however it is written: what suppression compares. RFC 5321 §2.4 leaves the case of a local part to its
 * host, but no large provider tells `Anna@` from `anna@`, and mail to somebody who complained is worse than a rare
 * namesake left out.
 */
import { createHash } from 'node:crypto';
import { asciiDomain } from './ascii-domain.ts';

/** `local@domain` in lower case, the domain as A-labels without a final dot; undefined: it is no mail address. */
export function normalRecipient(address: string): string | undefined {
  const bare = address.trim().replace(/^<(.*)>$/, '$1');
  const at = bare.lastIndexOf('@');
  const local = bare.slice(0, at).normalize('NFC').toLowerCase();
  const named = bare.slice(at + 1).replace(/\.$/, '');
  // An address literal is not a name, and asciiDomain would not have it.
  const domain = named.startsWith('[') ? named.toLowerCase() : asciiDomain(named);
  if (at < 1 || domain === '' || bare.length > 320 || /[\s\p{Cc}<>]/u.test(local.replace(/^".*"$/, '')))
    return undefined;
  return `${local}@${domain}`;
}

/** SHA-256 of a normalised recipient (its UTF-8): 32 bytes. */
export function recipientKey(normal: string): Buffer {
  return createHash('sha256').update(normal, 'utf8').digest();
}

/** Keys of addresses seen a moment ago: each is asked for at RCPT, with its message and at its commit. */
const recent = new Map<string, Buffer>();
const RECENT = 4_096;

/** The key of an address as it stands in an envelope: one that is no mail address is compared as it is. */
export function envelopeKey(address: string): Buffer {
  const known = recent.get(address);
  if (known !== undefined) return known;
  const key = recipientKey(normalRecipient(address) ?? address.toLowerCase());
  if (recent.size >= RECENT) recent.clear();
  recent.set(address, key);
  return key;
}
