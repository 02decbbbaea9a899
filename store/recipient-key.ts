/**
 * One recipient, however it is written: what suppression compares. RFC 5321 §2.4 leaves the case of a local part to its
 * host, but no large provider tells `Anna@` from `anna@`, and mail to somebody who complained is worse than a rare
 * namesake left out.
 */
import { createHash, hash } from 'node:crypto';
import { asciiDomain } from './ascii-domain.ts';

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
  // An address literal is not a name, and asciiDomain would not have it.
  const domain = named.startsWith('[') ? named.toLowerCase() : asciiDomain(named);
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

/**
 * Other keys of a normalised recipient, by which lists of other systems may know it: its MD5 and its SHA-1. They are never
 * made here, only recognised: whoever has a list of addresses can find these again.
 */
export function otherKeys(normal: string): readonly [md5: Buffer, sha1: Buffer] {
  return [hash('md5', normal, 'buffer'), hash('sha1', normal, 'buffer')];
}

type Keys = readonly [sha256: Buffer, md5: Buffer, sha1: Buffer];

/** Keys of addresses seen a moment ago: each is asked for at RCPT, with its message and at its commit. */
const recent = new Map<string, Keys>();
const RECENT = 4_096;

/** All keys of an address as it stands in an envelope: one that is no mail address is compared as it is. */
export function envelopeKeys(address: string): Keys {
  const known = recent.get(address);
  if (known !== undefined) return known;
  const normal = normalRecipient(address) ?? address.toLowerCase();
  const keys: Keys = [recipientKey(normal), ...otherKeys(normal)];
  if (recent.size >= RECENT) recent.clear();
  recent.set(address, keys);
  return keys;
}

/** The key of an address as it stands in an envelope. */
export function envelopeKey(address: string): Buffer {
  return envelopeKeys(address)[0];
}
