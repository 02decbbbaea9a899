/**
 * The domain a message answers for, as large providers see it: the d= of a DKIM signature that is aligned with From
 * (RFC 7489 §3.1.1, relaxed), or From's own domain. Signatures are read, not verified: the lab has no forgers.
 */
import { headerValue, headerValues } from './message-headers.ts';
import { domainOf } from './recipients.ts';

/** Lower case; null if the message has no From with an address. */
export function authorDomain(headers: string): string | null {
  const from = headerValue(headers, 'From');
  const address = /<([^<>]*)>[^<>]*$/.exec(from ?? '')?.[1] ?? from ?? '';
  const author = domainOf(address.trim());
  if (author === '') return null;
  const signers = headerValues(headers, 'DKIM-Signature').flatMap((value) => {
    const domain = /(?:^|;)\s*d=([^;]*)/i.exec(value)?.[1]?.replace(/\s/g, '').toLowerCase();
    return domain ? [domain] : [];
  });
  return signers.find((signer) => isAligned(signer, author)) ?? author;
}

function isAligned(signer: string, author: string): boolean {
  return signer === author || author.endsWith(`.${signer}`) || signer.endsWith(`.${author}`);
}
