import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atHand, newBucket, nextToken, perMinute, refilled, taken } from '../../policy/rate.ts';

test('whatever the moments of asking, no minute has more than the limit and a burst', () => {
  const asks = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 4 }), asks, (limit, processes, gaps) => {
      const rate = perMinute(limit, processes);
      let bucket = newBucket(0);
      let now = 0;
      const sent: number[] = [];
      for (const gap of gaps) {
        now += gap;
        bucket = refilled(bucket, rate, now);
        const count = atHand(bucket);
        bucket = taken(bucket, rate, count);
        for (let n = 0; n < count; n++) sent.push(now);
      }
      for (const at of sent) {
        const within = sent.filter((one) => one > at - 60_000 && one <= at).length;
        assert.ok(within <= limit / processes + rate.burst + 1e-6, `${within} of ${limit} for ${processes}`);
      }
    }),
  );
});

test('a bucket that is asked when it says has its token then, and not before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6_000 }), fc.integer({ min: 0, max: 100_000 }), (limit, now) => {
      const rate = perMinute(limit, 2);
      const empty = taken(newBucket(now), rate, 1);
      const next = nextToken(empty, rate, now);
      assert.equal(atHand(refilled(empty, rate, next)), 1);
      assert.equal(atHand(refilled(empty, rate, next - 2)), 0);
    }),
  );
});

test('what is given back is there again, and a silent bucket keeps its burst alone', () => {
  const rate = perMinute(120, 1);
  const one = taken(newBucket(0), rate, 1);
  assert.equal(atHand(taken(one, rate, -1)), 1);
  assert.equal(atHand(refilled(one, rate, 3_600_000)), 2);
  assert.equal(
    nextToken(taken(newBucket(0), { perMs: 0, burst: 1 }, 1), { perMs: 0, burst: 1 }, 0),
    Number.POSITIVE_INFINITY,
  );
});

test('a clock that steps back gives nothing', () => {
  const rate = perMinute(60, 1);
  const empty = taken(newBucket(10_000), rate, 1);
  assert.equal(atHand(refilled(empty, rate, 1_000)), 0);
});
