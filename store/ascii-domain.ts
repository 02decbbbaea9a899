/** Domain names as they are compared and sent: A-labels in lower case. */
import { domainToASCII } from 'node:url';

/** As almost every domain is written: nothing to map, no label that may be wrong, no number that may be an address. */
const PLAIN = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/;

/** The domain's A-labels (RFC 5890) in lower case; '' when it is no domain name. */
export function asciiDomain(domain: string): string {
  return PLAIN.test(domain) && !domain.includes('xn--') && domain.length < 254 ? domain : domainToASCII(domain);
}
