/** A secret that both know: `Authorization: Bearer SECRET`, or HTTP Basic with it as the password (RFC 6750, RFC 7617). */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Does the Authorization header carry the secret? */
export function hasSecret(authorization: string | undefined, secret: string): boolean {
  const [, scheme = '', given = ''] = /^(Bearer|Basic) +(\S+) *$/i.exec(authorization ?? '') ?? [];
  if (scheme === '') return false;
  if (scheme.toLowerCase() === 'bearer') return same(given, secret);
  const text = Buffer.from(given, 'base64').toString('utf8');
  return text.includes(':') && same(text.slice(text.indexOf(':') + 1), secret);
}

/** Compares in a time that says nothing about where they differ. */
export function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
