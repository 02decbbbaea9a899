/**
 * A pool moves to another engine, step by step, and both arms send: how often is an equal arm blamed, and how soon is a
 * worse one? The rule is policy/cutover/compare.ts; here is only the mail.
 *
 * A step a day, two campaigns a day, strata of four hours. Campaigns differ (gamma, `cv`), the base rate drifts from day to
 * day, and each arm meets each campaign a little differently (`noise`, gamma as well): even equal arms never are.
 */
import {
  COMPARE,
  type CompareRule,
  closeCampaign,
  judgeComparison,
  newComparison,
  type Stratum,
} from '../policy/cutover/compare.ts';
import { HEALTHY_RATES, type SimulatedMetric } from './metrics.ts';
import type { Random } from './random.ts';
import { campaignFactor, normal, poisson } from './sampling.ts';

/** The new arm's share, step by step, while the old one still has mail to compare with. */
export const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const;
const PROVIDERS: readonly (readonly [string, number])[] = [
  ['google', 0.4],
  ['microsoft-consumer', 0.25],
  ['yahoo', 0.15],
  ['apple', 0.12],
  ['other', 0.08],
];
const CAMPAIGNS = 2;
const BLOCKS = 3;
/** Standard deviation of the base rate's daily step, as a share. */
const DRIFT = 0.1;

export interface LadderJob {
  readonly metric: SimulatedMetric;
  /** Messages a day over both arms. */
  readonly pool: number;
  readonly cv: number;
  readonly noise: number;
  /** Times the old arm's rate, from step `from` (an index) on, at `where`. */
  readonly worse?: { readonly factor: number; readonly from: number; readonly where: 'all' | string } | undefined;
}

export interface LadderRun {
  /** Highest F of the pool and of any provider. */
  readonly pool: number;
  readonly provider: number;
  /** First step (index) that ended in a fail, and in a pass; -1: none. */
  readonly failed: number;
  readonly passed: number;
}

export function playLadders(job: LadderJob, seeds: Iterable<Random>): LadderRun[] {
  return Array.from(seeds, (random) => playLadder(job, random));
}

/** One ladder. It goes on after a fail, so that the highest sums are those of the whole ladder. */
export function playLadder(job: LadderJob, random: Random, rule: CompareRule = COMPARE): LadderRun {
  const comparison = newComparison();
  const highest = { pool: 0, provider: 0 };
  let [failed, passed] = [-1, -1];
  let drift = 1;
  STEPS.forEach((share, step) => {
    drift *= Math.exp(DRIFT * normal(random));
    for (let campaign = 0; campaign < CAMPAIGNS; campaign++) {
      const rate = HEALTHY_RATES[job.metric] * drift * campaignFactor(random, job.cv);
      const arms = [campaignFactor(random, job.noise), campaignFactor(random, job.noise)];
      const strata: Stratum[] = [];
      for (let block = 0; block < BLOCKS; block++) {
        for (const [provider, part] of PROVIDERS) {
          const mail = (job.pool * part) / (CAMPAIGNS * BLOCKS);
          const newEvents = poisson(random, mail * share * rate * (arms[0] ?? 1) * worseBy(job, step, provider));
          const oldEvents = poisson(random, mail * (1 - share) * rate * (arms[1] ?? 1));
          strata.push({ provider, share, newEvents, oldEvents });
        }
      }
      closeCampaign(comparison, strata, rule);
      highest.pool = Math.max(highest.pool, comparison.pool);
      highest.provider = Math.max(highest.provider, ...Object.values(comparison.providers));
      if (failed < 0 && judgeComparison(comparison, rule).verdict === 'fail') failed = step;
    }
    if (passed < 0 && judgeComparison(comparison, rule).verdict === 'pass') passed = step;
  });
  return { ...highest, failed, passed };
}

function worseBy({ worse }: LadderJob, step: number, provider: string): number {
  if (worse === undefined || step < worse.from) return 1;
  return worse.where === 'all' || worse.where === provider ? worse.factor : 1;
}
