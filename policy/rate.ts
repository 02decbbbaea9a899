/**
 * A token bucket: so much per ms on the average, and a small burst. Pure: the state is a value, the clock is passed in.
 */

export interface Bucket {
  readonly tokens: number;
  /** When they were counted, ms. */
  readonly at: number;
}

export interface Rate {
  /** Tokens per ms; 0: none come. */
  readonly perMs: number;
  /** Tokens a silent bucket keeps, at least 1. */
  readonly burst: number;
}

/** So many a minute for one of `processes`: a second's worth may go at once. */
export function perMinute(limit: number, processes: number): Rate {
  const perMs = limit / Math.max(1, processes) / 60_000;
  return { perMs, burst: Math.max(1, perMs * 1_000) };
}

/** One token to begin with (what waited is not delayed, and what follows keeps the rate), or as many as are given. */
export function newBucket(now: number, tokens = 1): Bucket {
  return { tokens, at: now };
}

/** The bucket as it stands at `now`. A clock that steps back gives nothing. */
export function refilled(bucket: Bucket, rate: Rate, now: number): Bucket {
  if (now <= bucket.at) return bucket;
  return { tokens: Math.min(rate.burst, bucket.tokens + (now - bucket.at) * rate.perMs), at: now };
}

/** Whole tokens at hand. */
export function atHand({ tokens }: Bucket): number {
  // A sum of fractions may fall just short of a whole token.
  return Math.max(0, Math.floor(tokens + 1e-9));
}

/** The bucket without `count` tokens; giving some back is a negative count, and never makes more than the burst. */
export function taken(bucket: Bucket, rate: Rate, count: number): Bucket {
  return { tokens: Math.min(rate.burst, bucket.tokens - count), at: bucket.at };
}

/** When the bucket has a token, ms: `now` if it has one, infinity if it never will. */
export function nextToken(bucket: Bucket, rate: Rate, now: number): number {
  const current = refilled(bucket, rate, now);
  if (atHand(current) > 0) return now;
  return rate.perMs > 0 ? now + Math.ceil((1 - current.tokens) / rate.perMs) : Number.POSITIVE_INFINITY;
}
