/**
 * What a connection must offer before mail goes over it, from what was configured, what the recipient's domain asks for
 * (MTA-STS) and what its hosts ask for (DANE). Pure.
 */
import type { TlsPolicy } from '../../policy/shaping.ts';
import type { HostDane } from './dane.ts';
import { type StsPolicy, stsNames } from './sts-policy.ts';
import type { TlsaRecord } from './tlsa.ts';

export type { TlsPolicy } from '../../policy/shaping.ts';

export interface TlsRequirement {
  readonly startTls: 'never' | 'try' | 'must';
  readonly check: 'nobody' | 'public-authority' | 'tlsa';
  readonly tlsa: readonly TlsaRecord[];
  /** SNI, and the name a certificate must be for. */
  readonly serverName: string;
  /** What asks for it, for "say why". */
  readonly why: string;
}

/** The host may not be used at all for this domain. */
export interface HostRefused {
  readonly refused: string;
}

/** What one MX host must offer for one domain. */
export function requirementOf(
  host: string,
  configured: { readonly policy: TlsPolicy; readonly from: string },
  sts: StsPolicy | null,
  dane: HostDane,
): TlsRequirement | HostRefused {
  if (dane.state === 'bogus') return { refused: `${host} is not used: ${dane.why}` };
  // A host with DANE is judged by it; STS is for those without (RFC 8461 §2). `none` is an operator's word for a host that
  // breaks on TLS, and the operator's word does not weaken what the recipient's side published.
  if (dane.state === 'usable') {
    return { startTls: 'must', check: 'tlsa', tlsa: dane.records, serverName: dane.base, why: dane.why };
  }
  if (sts?.mode === 'enforce') {
    if (!stsNames(sts, host)) return { refused: `${host} is not used: the domain's MTA-STS policy does not name it` };
    return of('must', 'public-authority', host, 'MTA-STS of the domain (enforce)');
  }
  const { policy, from } = configured;
  if (policy === 'verify') return of('must', 'public-authority', host, `TLS policy verify (${from})`);
  if (policy === 'required') return of('must', 'nobody', host, `TLS policy required (${from})`);
  if (dane.state === 'unusable') return of('must', 'nobody', dane.base, `${dane.why}, none of them usable`);
  if (policy === 'none') return of('never', 'nobody', host, `TLS policy none (${from})`);
  return of('try', 'nobody', host, `TLS policy opportunistic (${from})`);
}

/** What a connection turned out to be. */
export interface Secured {
  /** Host name of the certificate that was asked for. */
  readonly serverName: string;
  readonly version: string;
  readonly cipher: string;
  /** null: a public authority vouches for the certificate and it is for `serverName`; else why not. */
  readonly problem: string | null;
  /** Its certificate matched the host's TLSA records. */
  readonly dane: boolean;
}

/** May mail that needs this go over a connection like that? */
export function satisfies(secured: Secured | null, requirement: TlsRequirement): boolean {
  if (requirement.startTls !== 'must') return true;
  if (secured === null) return false;
  if (requirement.check === 'tlsa') return secured.dane;
  if (requirement.check === 'nobody') return true;
  return secured.problem === null && secured.serverName === requirement.serverName;
}

/** A connection's security in words: `TLSv1.3, certificate checked`. */
export function securityText(secured: Secured | null): string {
  if (secured === null) return 'in clear';
  const by = secured.dane ? 'checked by DANE' : secured.problem === null ? 'certificate checked' : 'unverified';
  return `${secured.version}, ${by}`;
}

function of(
  startTls: TlsRequirement['startTls'],
  check: TlsRequirement['check'],
  serverName: string,
  why: string,
): TlsRequirement {
  return { startTls, check, tlsa: [], serverName, why };
}
