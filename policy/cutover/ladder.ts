/**
 * The ladder of a cutover: shares of marketing and of transactional mail, rung by rung. Transactional mail moves last: when
 * nothing of the rest is left to move. What has no mail is passed over, for a rung that moves nothing shows nothing.
 */
import type { CutoverPlan } from './plan.ts';
import { type SplitScope, STREAMS, type Stream } from './split.ts';

/** Shares of the new arm in points. */
export type Rung = Readonly<Record<Stream, number>>;

export function ladderOf(plan: Pick<CutoverPlan, 'steps' | 'transactionalSteps'>, scope: SplitScope): Rung[] {
  const streams = scope.streams ?? STREAMS;
  const [marketing, transactional] = [streams.includes('marketing'), streams.includes('transactional')];
  if (!marketing) return plan.steps.map((step) => ({ marketing: 0, transactional: step }));
  const last = plan.transactionalSteps;
  if (!transactional) return plan.steps.map((step) => ({ marketing: step, transactional: 0 }));
  if (last.length === 0) return plan.steps.map((step) => ({ marketing: step, transactional: step }));
  return [
    ...plan.steps.map((step) => ({ marketing: step, transactional: 0 })),
    ...last.map((step) => ({ marketing: 100, transactional: step })),
  ];
}

export const NOTHING: Rung = { marketing: 0, transactional: 0 };

/** The rung in force; NOTHING below the first. */
export function rungAt(ladder: readonly Rung[], at: number): Rung {
  return ladder[at] ?? NOTHING;
}

/** The share a rung is known by: of the stream that moves at it, points. */
export function pointsOf(ladder: readonly Rung[], at: number): number {
  const rung = rungAt(ladder, at);
  return movingAt(ladder, at) === 'transactional' ? rung.transactional : rung.marketing;
}

/** Which stream's share a rung raises. */
export function movingAt(ladder: readonly Rung[], at: number): Stream {
  return rungAt(ladder, at).marketing > rungAt(ladder, at - 1).marketing ? 'marketing' : 'transactional';
}

/** The next rung that moves a stream that has mail, else the last one; undefined: there is none above. */
export function rungAfter(
  ladder: readonly Rung[],
  at: number,
  hasMail: (stream: Stream) => boolean,
): number | undefined {
  for (let next = at + 1; next < ladder.length; next++)
    if (next === ladder.length - 1 || hasMail(movingAt(ladder, next))) return next;
  return undefined;
}

/** The highest rung at or below a share of all that moves (points): where `--to 20%` goes down to; -1: none. */
export function rungBelow(ladder: readonly Rung[], points: number): number {
  return ladder.findLastIndex((rung) => Math.max(rung.marketing, rung.transactional) <= points);
}

/** `40%`, or `100% (transactional 10%)`. */
export function rungText(ladder: readonly Rung[], at: number): string {
  const rung = rungAt(ladder, at);
  if (rung.marketing === 0 && rung.transactional > 0) return `${rung.transactional}% of transactional mail`;
  const also = rung.transactional > 0 && rung.transactional !== rung.marketing;
  return also ? `${rung.marketing}% (transactional ${rung.transactional}%)` : `${rung.marketing}%`;
}
