/**
 * How much of a provider's mail the new arm gets in a window: the least of
 *
 *     step      what the rung says
 *     growth    at most double at the low end, then ten points more than in the window before (plan.ts)
 *     grants    0.8 x the sum of the window's grants / forecast: never more than the ramps allow
 *     floor     all but what keeps the old arm warm until the watch closes
 *
 * The share is a threshold of a stable hash, so that a smaller share's recipients are among a larger one's. Mail beyond the
 * grants on the day goes to the old arm as overflow and is not compared.
 *
 * Neither waits for the other: a ramp is asked to use what it was offered (`offered` below, activities compare with it), not
 * its whole ceiling, as long as the ladder needs a higher ceiling for its next rung; and a rung is left when the ceilings can
 * carry the next. So there is always one of the two that moves (a property in test/policy/cutover/share.test.ts).
 */
import { mostAfter } from './plan.ts';

/** Part of the grants that is planned with: the rest is for retries, probes and a busier day than forecast. */
export const CARRIED = 0.8;

export interface ShareInput {
  /** Points the rung says. */
  readonly step: number;
  /** Share of the window before, points; the growth is from there. */
  readonly before: number;
  readonly uncapped: boolean;
  /** Messages expected in the window at this provider, over both arms. */
  readonly forecast: number;
  /** Units the new arm may send to this provider in the window; null: it is warm or an upstream, nothing limits it. */
  readonly grants: number | null;
  /** Messages the old arm keeps, and the most that may be of the forecast (0 to 1). */
  readonly floor: number;
  readonly floorMost: number;
}

export interface Share {
  /** Points, 0 to 100. */
  readonly points: number;
  readonly binds: 'step' | 'growth' | 'grants' | 'floor';
  /** Messages the new arm is about to get of the forecast. */
  readonly offered: number;
}

/** The effective share of a provider in a window. */
export function effectiveShare(input: ShareInput): Share {
  const { step, before, uncapped, forecast, grants, floor, floorMost } = input;
  const limits: [Share['binds'], number][] = [['step', step]];
  if (!uncapped) limits.push(['growth', mostAfter(before)]);
  // Without a forecast nobody knows what a share would be: what has a grant may flow, and overflow takes the rest.
  if (grants !== null)
    limits.push(['grants', grants <= 0 ? 0 : forecast > 0 ? (100 * CARRIED * grants) / forecast : step]);
  if (forecast > 0) limits.push(['floor', 100 * (1 - Math.min(floorMost, floor / forecast))]);
  const [binds, points] = limits.reduce((least, one) => (one[1] < least[1] ? one : least));
  const within = Math.min(100, Math.max(0, points));
  return { points: within, binds, offered: (forecast * within) / 100 };
}

/** Can the grants carry a rung at this provider? Nothing to carry is carried. */
export function carries(grants: number | null, forecast: number, points: number): boolean {
  return grants === null || CARRIED * grants >= (forecast * points) / 100;
}

/** Ceiling (messages a day over the new arm's lanes) that a rung needs at a provider. */
export function ceilingFor(forecast: number, points: number): number {
  return Math.ceil((forecast * points) / 100 / CARRIED);
}

/**
 * What a lane was to send by now, for its utilisation: its grant, or its part of what the cutover offered it while the
 * ladder waits for a higher ceiling. Once the ceilings can carry the next rung nobody waits, and the grant counts.
 */
export function expectedUnits(lane: {
  readonly granted: number;
  /** Of all the new arm's lanes at the provider. */
  readonly grants: number;
  readonly offered: number;
  /** What the next rung needs (ceilingFor). */
  readonly needed: number;
}): number {
  const { granted, grants, offered, needed } = lane;
  if (grants <= 0 || grants >= needed) return granted;
  const part = (offered * granted) / grants;
  // What a hash of recipients gives of a few messages varies by its root.
  return Math.min(granted, Math.max(Math.min(part, 1), part - 2 * Math.sqrt(part)));
}
