/** Envelope addresses as they are kept: the domain always in ASCII, so that only the local part can need SMTPUTF8. */
import { asciiDomain } from '../../store/ascii-domain.ts';
import { RefusedMessage } from './refusal.ts';

export interface EnvelopeAddress {
  readonly address: string;
  /** In lower case and ASCII. */
  readonly domain: string;
}

/**
 * An address fit for an envelope.
 *
 * @param smtpUtf8 the local part may be UTF-8 (RFC 6531)
 * @throws RefusedMessage 553 with what is wrong.
 */
export function envelopeAddress(given: string, smtpUtf8: boolean): EnvelopeAddress {
  const at = given.lastIndexOf('@');
  const local = given.slice(0, at);
  const named = given.slice(at + 1);
  if (at < 1 || named === '') throw new RefusedMessage(553, '5.1.3 An address needs a domain, such as a@example.com');
  const unquoted = local.replace(/^"(?:[^"\\\p{Cc}]|\\.)*"$/u, '');
  // RFC 5321 allows angle brackets in a quoted part; half of all servers end the path at the first one.
  if (/[\s\p{Cc}]/u.test(unquoted) || /[<>]/.test(local) || !given.isWellFormed() || Buffer.byteLength(given) > 254)
    throw new RefusedMessage(553, '5.1.3 This is no mail address (RFC 5321 4.1.2, 4.5.3.1)');
  // Mail to a literal goes round MX, and with it round every provider's lane and limit.
  if (named.startsWith('[')) throw new RefusedMessage(553, '5.1.2 Addresses at an IP address are not delivered to');
  const domain = asciiDomain(named).replace(/\.$/, '');
  if (domain === '' || !/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(domain) || /^[\d.]+$/.test(domain))
    throw new RefusedMessage(553, '5.1.2 The domain of this address is no domain name');
  if (!smtpUtf8 && /[^\x20-\x7e]/.test(local))
    throw new RefusedMessage(553, '5.6.7 An address that is not ASCII needs SMTPUTF8 (RFC 6531)');
  return { address: `${local}@${domain}`, domain };
}

/**
 * Whether a domain is among those allowed: the domain itself, or `*.domain` for all below it. None: every one. The
 * null sender (RFC 5321 §4.5.5) has no domain and harms nobody.
 */
export function domainAllowed(address: string, domains: readonly string[]): boolean {
  if (domains.length === 0 || address === '') return true;
  const domain = asciiDomain(address.slice(address.lastIndexOf('@') + 1)).replace(/\.$/, '');
  return domains.some((one) => (one.startsWith('*.') ? domain.endsWith(one.slice(1)) : domain === one));
}
