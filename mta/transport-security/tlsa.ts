/**
 * DANE for SMTP (RFC 7672): does the chain a host presented match its TLSA records? Usages 2 (a certificate of the chain is
 * the trust anchor) and 3 (the host's own certificate); the two that lean on public authorities (0, 1) are not usable with
 * SMTP (§3.1.3). Pure but for the date it is given.
 */
import { createHash, type X509Certificate } from 'node:crypto';

export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Buffer;
}

const DANE_TA = 2;
const DANE_EE = 3;
const HASH_BYTES: Readonly<Record<number, number>> = { 1: 32, 2: 64 };

/** Records a client can work with (§3.1, RFC 7671 §4). Known but broken ones (a hash of the wrong length) are not usable. */
export function usable(records: readonly TlsaRecord[]): TlsaRecord[] {
  return records.filter(({ usage, selector, matchingType, data }) => {
    if (usage !== DANE_TA && usage !== DANE_EE) return false;
    if (selector !== 0 && selector !== 1) return false;
    return matchingType === 0 ? data.length > 0 : HASH_BYTES[matchingType] === data.length;
  });
}

/**
 * null if the chain (the host's own certificate first) matches one of the records, else why not. `names`: what the
 * certificate may be for; it matters to usage 2 only, for a usage 3 record names the very certificate (§3.1.1).
 */
export function daneProblem(
  records: readonly TlsaRecord[],
  chain: readonly X509Certificate[],
  names: readonly string[],
  at: Date,
): string | null {
  const [leaf] = chain;
  if (leaf === undefined) return 'the host presented no certificate';
  if (records.some((record) => record.usage === DANE_EE && matches(record, leaf))) return null;
  const anchors = records.filter((record) => record.usage === DANE_TA);
  if (anchors.length === 0) return 'its certificate matches no TLSA record';
  // The anchor may be any certificate above the host's own; each below it must be signed by the next (RFC 7671 §5.2).
  for (const [n, certificate] of chain.entries()) {
    const below = chain[n - 1];
    if (below !== undefined && !issued(certificate, below)) return 'its certificates are no chain';
    if (!valid(certificate, at)) return 'a certificate of its chain has expired or is not valid yet';
    if (n === 0 || !anchors.some((record) => matches(record, certificate))) continue;
    if (names.some((name) => leaf.checkHost(name, { partialWildcards: false }) !== undefined)) return null;
    return `its certificate is not for ${names.join(' or ')}`;
  }
  return 'no certificate of its chain matches a TLSA record';
}

function matches({ selector, matchingType, data }: TlsaRecord, certificate: X509Certificate): boolean {
  const whole = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' });
  if (matchingType === 0) return data.equals(whole);
  return data.equals(
    createHash(matchingType === 1 ? 'sha256' : 'sha512')
      .update(whole)
      .digest(),
  );
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function valid(certificate: X509Certificate, at: Date): boolean {
  return certificate.validFromDate <= at && at <= certificate.validToDate;
}
