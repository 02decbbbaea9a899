/**
 * The people behind the addresses. With `engagement` in the scenario each reader has a segment of his own, drawn from his
 * address: the application knows it (it is what its records say), and so does his provider, who sees what he opens. The
 * lab never reads the sender's segment header: what a customer claims is no fact. Pure.
 */
import { chance, draw, pick } from './random.ts';
import { isSeed } from './recipients.ts';
import type { Scenario } from './scenario.ts';
import type { Segment } from './scenario-values.ts';
import { actsAt } from './week.ts';

const HOURS_PER_DAY = 24;

export type Population = Pick<Scenario, 'seed' | 'traffic' | 'readers' | 'week'>;

/** The segment a reader is in; null where all readers are alike. */
export function segmentOf({ seed, traffic, readers }: Population, rcpt: string): Segment | null {
  if (!readers.engagement) return null;
  const shares = Object.entries(traffic.segments) as [Segment, number][];
  return pick(shares, draw(seed, 'engagement', rcpt));
}

/** Complaints per message in this reader's inbox; a seed mailbox belongs to the sender and never complains. */
export function complaintRateOf(world: Population, rcpt: string): number {
  if (isSeed(rcpt)) return 0;
  const segment = segmentOf(world, rcpt);
  const own = segment === null ? undefined : world.readers.engagement?.[segment]?.complaintRate;
  return own ?? world.traffic.complaintRate;
}

/** Whether this reader's provider puts even a good sender's mail into junk, because he never opens it. */
export function junks(world: Population, provider: string, rcpt: string): boolean {
  const segment = segmentOf(world, rcpt);
  if (segment === null || isSeed(rcpt)) return false;
  return chance(world.readers.engagement?.[segment]?.junkShare ?? 0, world.seed, 'reader-junk', provider, rcpt);
}

/** Plan hours from a delivery on day `days` of the world (with fraction) to the reader's complaint about it. */
export function complaintHours(world: Population, days: number, key: readonly (string | number)[]): number {
  const delay = delayOf(world, draw(world.seed, 'complaint-delay', ...key));
  const wanted = days + delay / HOURS_PER_DAY;
  const postponed = actsAt(world.week, wanted, draw(world.seed, 'weekend', ...key)) - wanted;
  return delay + postponed * HOURS_PER_DAY;
}

/** The inverse of the delays' distribution, cut to its range: `at` in [0, 1) is the share of complaints that came before. */
function delayOf({ readers }: Population, at: number): number {
  const { shape, fromHours, untilHours, medianHours } = readers.complaintDelay;
  if (shape === 'uniform') return fromHours + at * (untilHours - fromHours);
  const raw =
    shape === 'exponential'
      ? (-Math.log1p(-at) / Math.LN2) * medianHours
      : medianHours * Math.exp(LOGNORMAL_SIGMA * standardNormal(at));
  return Math.min(untilHours, Math.max(fromHours, raw));
}

/** Spread of the logarithm: the slowest twentieth takes more than five times the median, as feedback loops do. */
const LOGNORMAL_SIGMA = 1;

/** Quantile of the standard normal distribution, to 0.0005 (Abramowitz and Stegun 26.2.23). */
function standardNormal(at: number): number {
  const p = Math.min(1 - 1e-9, Math.max(1e-9, at));
  const t = Math.sqrt(-2 * Math.log(Math.min(p, 1 - p)));
  const above = 2.515517 + 0.802853 * t + 0.010328 * t * t;
  const below = 1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3;
  return (p < 0.5 ? -1 : 1) * (t - above / below);
}
