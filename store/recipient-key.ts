/**
 * One recipient, however it is written: what suppression compares. RFC 5321 §2.4 leaves the case of a local part to its
 * host, but no large provider tells `Anna@` from `anna@`, and mail to somebody who complained is worse than a rare
 * namesake left out.
 */
import { createHash } from 'node:crypto';
import { domainToASCII } from 'node:url';

/**
 * `local@domain` in lower case and without needless quotes, the domain as A-labels without a final dot; undefined: it is
 * no mail address.
 */
export function normalRecipient(address: string): string | undefined {
  const bare = address.trim().replace(/^<(.*)>$/, '$1');
  const at = bare.lastIndexOf('@');
  const written = bare.slice(0, at);
  const local = unquoted(written).normalize('NFC').toLowerCase();
  const named = bare.slice(at + 1).replace(/\.$/, '');
  // An address literal is not a name, and domainToASCII would not have it.
  const domain = named.startsWith('[') ? named.toLowerCase() : domainToASCII(named);
  if (at < 1 || domain === '' || bare.length > 320 || /[\s\p{Cc}<>]/u.test(written.replace(/^".*"$/, '')))
    return undefined;
  return `${local}@${domain}`;
}

/** `"anna"` is the mailbox `anna` (RFC 5321 §4.1.2), and must not be a way round an entry for it. Quotes stay where they must. */
function unquoted(local: string): string {
  if (!/^"(?:[^"\\]|\\.)*"$/s.test(local)) return local;
  const text = local.slice(1, -1).replace(/\\(.)/gs, '$1');
  return /^[^\s\p{Cc}"\\<>()[\],:;@]+$/u.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
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
