/**
 * Is the new arm worse than the old one? A sequential test within strata, given the events of both arms together.
 *
 * A stratum is one provider, campaign, segment and block of send hours, in a period of constant share. Within it both arms
 * carry the same mail at the same time, so that of all its events the new arm's part tells them apart, whatever campaigns,
 * days, providers and the base rate do: with the new arm's share s of the exposed trials, an arm that is `margin` times
 * worse has the part q = s margin / (s margin + 1 - s) of the events, an equal one has s. A stratum of k1 events on the new and
 * k0 on the old arm says
 *
 *     x = k1 ln(q / s) + k0 ln((1 - q) / (1 - s))
 *
 * (Wald's ratio of two binomials given their sum). The strata of one campaign are taken together, because what an arm does
 * to a campaign it does to all of them; and a campaign may say so much and no more, so that none decides alone:
 *
 *     X = sum of x over the campaign, at most 3.5 either way
 *     F <- max(0, F + X)     one for each provider, one for the pool: fail at 9, at 7
 *     G <- min(6, G - X)     the pool's: pass from 3
 *
 * F is Page's CUSUM, so that an arm that turns bad late is seen as soon as one that always was. A campaign is closed once,
 * when the feeds of both arms have passed it; until then it does not count. Taking F stratum by stratum, as one would at
 * first, blames an equal arm in 9 to 50% of ladders: F begins anew at 0 a hundred times instead of a dozen. Simulated over
 * whole ladders of steps: docs/judgement.md.
 */

export interface CompareRule {
  /** Times the old arm's rate that the new one may have (the margin of non-inferiority). */
  readonly margin: number;
  /** F at which one provider fails, and the pool. */
  readonly failProvider: number;
  readonly failPool: number;
  /** G from which the pool passes, as long as no provider's F is at `doubtful`. */
  readonly pass: number;
  readonly doubtful: number;
}

export const COMPARE: CompareRule = { margin: 2, failProvider: 9, failPool: 7, pass: 3, doubtful: 4.5 };

/** The most one campaign may say, either way, and the most G may hold in hand. */
const MOST_SAID = 3.5;
const MOST_IN_HAND = 6;

/** Plain data, changed in place. */
export interface Comparison {
  pool: number;
  inHand: number;
  providers: Record<string, number>;
}

export interface Stratum {
  readonly provider: string;
  /** Share (0 to 1) of the new arm in the stratum's exposed trials. */
  readonly share: number;
  readonly newEvents: number;
  readonly oldEvents: number;
}

export type CompareVerdict =
  | { readonly verdict: 'fail'; readonly scope: 'pool' | 'provider'; readonly provider: string | null }
  | { readonly verdict: 'pass' }
  | { readonly verdict: 'insufficient'; readonly doubtful: readonly string[] };

export function newComparison(): Comparison {
  return { pool: 0, inHand: 0, providers: {} };
}

/** After a rollback all is forgotten; a step forward keeps what was seen (the arms are the same). */
export function resetComparison(comparison: Comparison): void {
  comparison.pool = 0;
  comparison.inHand = 0;
  comparison.providers = {};
}

/**
 * The margin for an old arm's rate: `worst` is the difference (events per message) that may not be exceeded. Between 1.5,
 * below which nothing can be told apart, and 3, above which nobody would call it the same.
 */
export function marginFor(oldRate: number, worst: number): number {
  if (!(oldRate > 0)) return 3;
  return Math.min(3, Math.max(1.5, 1 + worst / oldRate));
}

/** What one stratum says: above 0 speaks against the new arm. Nothing where one arm had no mail. */
export function says({ share, newEvents, oldEvents }: Omit<Stratum, 'provider'>, margin: number): number {
  if (!(share > 0 && share < 1)) return 0;
  const part = (share * margin) / (share * margin + 1 - share);
  return newEvents * Math.log(part / share) + oldEvents * Math.log((1 - part) / (1 - share));
}

/** Takes all strata of one campaign in: exactly once. Mail without a campaign counts as one a day. Changes `comparison`. */
export function closeCampaign(comparison: Comparison, strata: readonly Stratum[], rule: CompareRule = COMPARE): void {
  const said = new Map<string, number>();
  let all = 0;
  for (const stratum of strata) {
    const x = says(stratum, rule.margin);
    all += x;
    said.set(stratum.provider, (said.get(stratum.provider) ?? 0) + x);
  }
  for (const [provider, x] of said) {
    const before = Object.hasOwn(comparison.providers, provider) ? (comparison.providers[provider] ?? 0) : 0;
    comparison.providers[provider] = Math.max(0, before + bounded(x));
  }
  comparison.pool = Math.max(0, comparison.pool + bounded(all));
  comparison.inHand = Math.min(MOST_IN_HAND, comparison.inHand - bounded(all));
}

function bounded(x: number): number {
  return Math.min(MOST_SAID, Math.max(-MOST_SAID, x));
}

/** What all campaigns so far say. Never a pass at every provider: small ones would never get there. */
export function judgeComparison(comparison: Comparison, rule: CompareRule = COMPARE): CompareVerdict {
  const providers = Object.entries(comparison.providers);
  const failed = providers.find(([, sum]) => sum >= rule.failProvider);
  if (comparison.pool >= rule.failPool) return { verdict: 'fail', scope: 'pool', provider: null };
  if (failed !== undefined) return { verdict: 'fail', scope: 'provider', provider: failed[0] };
  const doubtful = providers.filter(([, sum]) => sum >= rule.doubtful).map(([provider]) => provider);
  if (comparison.inHand >= rule.pass && doubtful.length === 0) return { verdict: 'pass' };
  return { verdict: 'insufficient', doubtful };
}
