/** Why a peer's certificate is not believed, in words that a person can act on. Pure. */
import type { PeerCertificate } from 'node:tls';

/** What of a certificate the words are about. */
export type Shown = Partial<Pick<PeerCertificate, 'valid_from' | 'valid_to' | 'subjectaltname' | 'subject'>>;

const UNKNOWN = 'nobody this machine trusts issued it, or the host does not send the certificates in between';

const BY_CODE: Readonly<Record<string, (shown: Shown, name: string) => string>> = {
  CERT_HAS_EXPIRED: ({ valid_to }) => `it expired on ${valid_to}`,
  CERT_NOT_YET_VALID: ({ valid_from }) => `it is valid from ${valid_from} only`,
  ERR_TLS_CERT_ALTNAME_INVALID: (shown, name) => `it is for ${namesOf(shown)}, not for ${name}`,
  DEPTH_ZERO_SELF_SIGNED_CERT: () => 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: () => UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT: () => UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => UNKNOWN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => UNKNOWN,
};

/** `code`: what Node calls the problem (`authorizationError`); it follows the words, because it is what people search for. */
export function certificateProblem(code: string, shown: Shown, name: string): string {
  const words = BY_CODE[code]?.(shown, name);
  return words === undefined ? code : `${words} (${code})`;
}

/** A certificate may be for hundreds of names: the first ones tell whose it is. */
function namesOf({ subjectaltname, subject }: Shown): string {
  const names = (subjectaltname ?? '')
    .split(/, */)
    .map((one) => one.replace(/^(DNS|IP Address):/, ''))
    .filter((one) => one !== '');
  const shown = names.length > 0 ? names.slice(0, 3).join(', ') : String(subject?.CN ?? 'no name at all');
  return `${shown.slice(0, 120)}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
}
