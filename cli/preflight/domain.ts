/** What is looked at for each sender domain: its DKIM keys in DNS, its DMARC record, and whether mail will align with it. */
import { recordName, recordProblem } from '../../mta/signing/key-pair.ts';
import { judgeDkim, judgeDmarc } from '../../policy/preflight/authentication.ts';
import { type Check, warn } from '../../policy/preflight/check.ts';
import type { DkimKeyRow } from '../../store/dkim.ts';
import type { Dns } from './dns.ts';

export interface DomainParts {
  readonly dns: Dns;
  readonly keys: readonly DkimKeyRow[];
  /** Domain of return paths that name their recipient; absent: the sender's own is kept. */
  readonly bounceDomain?: string | undefined;
  /** A domain that signs beside the author's, for this pool. */
  readonly alsoSign?: string | undefined;
}

export async function checkDomains(domains: readonly string[], parts: DomainParts): Promise<Check[]> {
  if (domains.length === 0) {
    const todo = 'name the domains mail is sent from: --domain example.com, or preflight.domains';
    return [
      warn('dkim', 'domains', 'no sender domain is known', todo),
      warn('dmarc', 'domains', 'no sender domain is known', todo),
    ];
  }
  const checks = await Promise.all(domains.map((domain) => checkDomain(domain, parts)));
  return checks.flat();
}

async function checkDomain(domain: string, { dns, keys, bounceDomain, alsoSign }: DomainParts): Promise<Check[]> {
  const own = keys.filter((key) => key.domain === domain && key.state !== 'retired');
  const found = await Promise.all(
    own.map(async ({ selector, state, algorithm, publicKey }) => {
      const texts = await dns.texts(recordName(domain, selector));
      if (texts.kind === 'failed') return { selector, state, problem: null, failed: texts.why };
      return {
        selector,
        state,
        problem: recordProblem(texts.kind === 'found' ? texts.values : [], algorithm, publicKey),
      };
    }),
  );
  const signers = [...(own.some(({ state }) => state === 'active') ? [domain] : []), ...(alsoSign ? [alsoSign] : [])];
  return [judgeDkim({ domain, keys: found }), await checkDmarc(domain, signers, bounceDomain ?? domain, dns)];
}

async function checkDmarc(domain: string, signers: readonly string[], returnPath: string, dns: Dns): Promise<Check> {
  const { dmarc } = await import('mailauth/lib/dmarc/index.js');
  // What a receiver would say of mail that passes: who it is signed by and returns to is known before the first message.
  const found = await dmarc({
    headerFrom: domain,
    spfDomains: [returnPath],
    dkimDomains: signers.map((signer, id) => ({ id: String(id), domain: signer })) as never,
    resolver: dns.resolve as never,
  });
  if (found === false) return judgeDmarc({ domain, policy: null, aligned: { dkim: false, spf: false } });
  const { result } = found.status as { result: string };
  const failed = result === 'temperror' ? String((found as { error?: string }).error ?? 'no answer') : undefined;
  const { alignment, p } = found as {
    alignment?: { spf?: { result?: unknown }; dkim?: { result?: unknown } };
    p?: string;
  };
  return judgeDmarc({
    domain,
    policy: result === 'none' ? null : (p ?? 'none'),
    aligned: { dkim: Boolean(alignment?.dkim?.result), spf: Boolean(alignment?.spf?.result) },
    ...(failed === undefined ? {} : { failed }),
  });
}
