/**
 * Who signed a report (DKIM, RFC 6376). Only needed where a report carries no token of ours: the signature then stands
 * for what the token would have shown.
 */
import { Resolver } from 'node:dns/promises';
import { isReporter, KNOWN_REPORTERS } from '../../policy/reporters.ts';

/**
 * Gives the known reporter who signed this whole message, or null. Rejects with KeyNotKnown where that can not be told now:
 * a complaint that would count must not be put aside because DNS was away when it came.
 */
export type VerifyReporter = (raw: Buffer) => Promise<string | null>;

/** DNS did not answer for the key of a signature that would count. */
export class KeyNotKnown extends Error {
  readonly code = 'dkim-key-not-known';
}

/** `servers`: DNS servers `ip:port`, empty: the system's. `more`: reporters beyond KNOWN_REPORTERS. */
export function reporterVerifier(servers: readonly string[], more: readonly string[]): VerifyReporter {
  const dns = new Resolver({ timeout: 3_000, tries: 2 });
  if (servers.length > 0) dns.setServers([...servers]);
  const reporters = [...KNOWN_REPORTERS, ...more];
  return async (raw) => {
    try {
      // Loaded when first needed: most reports carry a token.
      const { dkimVerify } = await import('mailauth/lib/dkim/verify.js');
      const resolver = (name: string, type: string) => dns.resolve(name, type as 'TXT');
      const { headerFrom, fromFields, results } = await dkimVerify(raw, { resolver } as never);
      const [from, ...others] = headerFrom ?? [];
      // Two authors: which of them a reader takes for the reporter is anybody's guess.
      if (from === undefined || others.length > 0 || fromFields !== 1) return null;
      const counting = results.filter(
        (one) =>
          // With l= anything may stand after what was signed.
          one.canonBodyLengthLimited !== true && isReporter(from, one.signingDomain ?? '', reporters),
      );
      if (counting.some((one) => one.status.result === 'pass')) return from.toLowerCase();
      const unknown = counting.find((one) => one.status.result === 'temperror');
      if (unknown !== undefined)
        throw new KeyNotKnown(`the DKIM key of ${unknown.signingDomain} can not be asked for now`);
      return null;
    } catch (error) {
      if (error instanceof KeyNotKnown) throw error;
      return null;
    }
  };
}
