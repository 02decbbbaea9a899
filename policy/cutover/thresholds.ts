/** From shares to a split's thresholds: what the MTA is told. Pure. */
import { type Rung, rungAt } from './ladder.ts';
import { BUCKETS, bucketsOf, floorSlice, STREAMS, type Stream, type Thresholds } from './split.ts';

/** The share (points) of a stream at a provider; '*' is every provider without its own. */
export interface ProviderShare {
  readonly provider: string;
  readonly stream: Stream;
  readonly points: number;
}

/** Thresholds of these shares; a stream without any is all the old arm's. */
export function thresholdsOf(shares: readonly ProviderShare[]): Thresholds {
  const lines = (stream: Stream): Record<string, number> => {
    const own = shares.filter((share) => share.stream === stream);
    const row = Object.fromEntries(own.map(({ provider, points }) => [provider, bucketsOf(points / 100)]));
    // A provider nobody planned for goes where the least is at stake.
    return { '*': Math.min(BUCKETS, ...(own.length === 0 ? [0] : Object.values(row))), ...row };
  };
  return { marketing: lines('marketing'), transactional: lines('transactional') };
}

/** The same thresholds, nowhere above a rung's shares: what a retreat writes at once, without measuring anything. */
export function lowered(thresholds: Thresholds, rung: Rung): Thresholds {
  const cap = (stream: Stream) => {
    const most = bucketsOf(rung[stream] / 100);
    return Object.fromEntries(
      Object.entries(thresholds[stream]).map(([provider, line]) => [provider, Math.min(line, most)]),
    );
  };
  return { marketing: { '*': 0, ...cap('marketing') }, transactional: { '*': 0, ...cap('transactional') } };
}

/** Shares that a split's thresholds mean, points; for showing and for the growth from there. */
export function pointsAt(thresholds: Thresholds, stream: Stream, provider: string): number {
  const line = thresholds[stream];
  return (100 * ((Object.hasOwn(line, provider) ? line[provider] : line['*']) ?? 0)) / BUCKETS;
}

/** The old arm's slices: so many messages of each provider's forecast, at most a share of it. */
export function floorOf(
  forecasts: ReadonlyMap<string, number>,
  floor: { readonly messages: number; readonly mostShare: number },
): Record<string, number> {
  const most = bucketsOf(floor.mostShare);
  const slice = (forecast: number) => Math.min(most, floorSlice(floor.messages, forecast));
  return {
    // Nobody knows how much an unplanned provider gets: it keeps none, and its threshold is the least of all.
    '*': 0,
    ...Object.fromEntries([...forecasts].map(([provider, forecast]) => [provider, forecast > 0 ? slice(forecast) : 0])),
  };
}

/** Is nothing below the rung's share, but for what the floor keeps? */
export function isReached(
  shares: readonly (ProviderShare & { readonly binds: string })[],
  ladder: readonly Rung[],
  at: number,
): boolean {
  const rung = rungAt(ladder, at);
  return STREAMS.every((stream) =>
    shares
      .filter((share) => share.stream === stream)
      .every(({ points, binds }) => points >= rung[stream] - 1e-9 || binds === 'floor'),
  );
}
