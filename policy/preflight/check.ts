/**
 * Preflight: what must be in order before an address sends its first mail. Providers refuse mail of an address without a
 * reverse name, or of a domain without authentication, whatever its volume (Google: support.google.com/a/answer/81126), and
 * a listed address starts with a reputation. A check fails, or warns, and always says the way out.
 */

/** In the order of the report. */
export const CHECKS = ['bind', 'ptr', 'ehlo', 'spf', 'dkim', 'dmarc', 'dnsbl', 'tls', 'seeds', 'one-click'] as const;
export type CheckName = (typeof CHECKS)[number];

export type CheckVerdict = 'pass' | 'warn' | 'fail' | 'skipped';

export interface Check {
  readonly name: CheckName;
  /** What was looked at: an address, a domain, a list, a listener, a mailbox. */
  readonly about: string;
  readonly verdict: CheckVerdict;
  /** What was found. */
  readonly says: string;
  /** What to do about it; absent where it is in order. */
  readonly todo?: string;
}

/** What DNS said of a question: values, nothing, or that it could not say. */
export type Lookup =
  | { readonly kind: 'found'; readonly values: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly why: string };

export const pass = (name: CheckName, about: string, says: string): Check => ({ name, about, verdict: 'pass', says });
export const warn = (name: CheckName, about: string, says: string, todo: string): Check => ({
  name,
  about,
  verdict: 'warn',
  says,
  todo,
});
export const fail = (name: CheckName, about: string, says: string, todo: string): Check => ({
  name,
  about,
  verdict: 'fail',
  says,
  todo,
});

/** DNS that does not answer is no "no": it fails, because nobody knows, and is asked again. */
export function unanswered(name: CheckName, about: string, why: string): Check {
  return fail(name, about, `DNS did not answer: ${why}`, 'try again, or name working servers in mta.resolvers');
}

/** Failures of these checks are somebody's own decision, with a reason; they stay in the report as what they were. */
export function skip(checks: readonly Check[], names: readonly CheckName[], reason: string): Check[] {
  return checks.map((check) =>
    names.includes(check.name) && check.verdict !== 'pass'
      ? { ...check, verdict: 'skipped', says: `${check.says} (skipped: ${reason})` }
      : check,
  );
}

/**
 * What counts of an address that nobody outside can see (loopback, RFC 1918): its mail leaves by another one, which only its
 * owner knows. Such an address is a trial's, or behind NAT: failures are warnings, but that it must be bound.
 */
export function forUnseen(checks: readonly Check[]): Check[] {
  return checks.map((check) =>
    check.verdict === 'fail' && check.name !== 'bind'
      ? { ...check, verdict: 'warn', says: `${check.says} (no public address: receivers see the one it leaves by)` }
      : check,
  );
}

/** `9 pass, 1 warn (dmarc), 1 skipped (seeds)`: for a decision's reason. Takes what was stored, as JSON. */
export function summaryText(stored: unknown): string {
  const checks = (Array.isArray(stored) ? stored : []) as readonly Check[];
  const of = (verdict: CheckVerdict) => checks.filter((check) => check.verdict === verdict);
  const named = (verdict: CheckVerdict) => {
    const found = of(verdict);
    const names = [...new Set(found.map(({ name }) => name))].join(', ');
    return found.length === 0 ? [] : [`${found.length} ${verdict} (${names})`];
  };
  return [`${of('pass').length} pass`, ...named('warn'), ...named('skipped'), ...named('fail')].join(', ');
}
