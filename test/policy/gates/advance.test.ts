import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  advanceLimit,
  calm,
  enoughSeen,
  mayAdvance,
  missingFor,
  trialsMissing,
  upperBound,
} from '../../../policy/gates/advance.ts';
import { advanceHour, newDetector } from '../../../policy/gates/cusum.ts';
import { COUNTED, LEVELS } from '../../../policy/gates/levels.ts';
import { wilson } from '../../../policy/gates/wilson.ts';

test('the upper bound is the published one for small counts and grows without a jump', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(upperBound), [2.3, 3.89, 5.32, 6.68, 7.99, 9.27]);
  // Exact one-sided 90% Poisson bounds (chi-square quantiles / 2).
  for (const [events, exact] of [
    [6, 10.53],
    [10, 15.41],
    [20, 27.05],
    [100, 114.07],
  ] as const) {
    assert.ok(Math.abs(upperBound(events) - exact) < 0.02, `${events}: ${upperBound(events)}`);
  }
  fc.assert(fc.property(fc.integer({ min: 0, max: 5_000 }), (k) => upperBound(k + 1) > upperBound(k)));
});

test('small lanes pass by three bad events a day at the next ceiling, large ones by the harmful rate', () => {
  assert.equal(advanceLimit(0.05, 10), 0.3);
  assert.equal(advanceLimit(0.05, 100_000), 0.05);
});

test('nothing seen is never enough', () => {
  for (const metric of COUNTED) assert.equal(enoughSeen(0, 0, LEVELS[metric], 60), false);
});

test('what is missing is the least that passes at the present rate', () => {
  const numbers = fc.record({
    metric: fc.constantFrom(...COUNTED),
    k: fc.integer({ min: 0, max: 60 }),
    e: fc.double({ min: 0, max: 50_000, noNaN: true }),
    next: fc.integer({ min: 1, max: 200_000 }),
  });
  fc.assert(
    fc.property(numbers, ({ metric, k, e, next }) => {
      const level = LEVELS[metric];
      const limit = advanceLimit(level.harmful, next);
      const missing = trialsMissing(k, e, limit, level.healthy);
      if (missing === null) {
        // At the limit, or so close to it that a billion trials would not tell.
        assert.ok((k + 1) / (e + 1 / level.healthy) >= 0.99 * limit);
        return;
      }
      const rate = (k + 1) / (e + 1 / level.healthy);
      assert.ok(upperBound(Math.ceil(k + rate * missing)) <= (e + missing) * limit);
    }),
  );
});

test('what was sent and awaits reports is told apart from what must be sent, with the time both take', () => {
  const level = LEVELS.complaint;
  const seen = { k: 0, e: 100, awaiting: 412 };
  const missing = missingFor(seen, level, 1_000, 100);
  assert.ok(missing !== null);
  assert.equal(missing.needs, trialsMissing(0, 100, 0.003, level.healthy));
  assert.equal(missing.awaiting, 412);
  assert.equal(missing.toSend, missing.needs - 412);
  assert.ok(Math.abs((missing.hours ?? 0) - (missing.toSend / 100 + 2.3 * 24)) < 1e-9);
  assert.equal(missingFor({ ...seen, awaiting: 1e6 }, level, 1_000, 0)?.hours, 2.3 * 24);
  assert.equal(missingFor(seen, level, 1_000, 0)?.hours, null, 'nothing is sent: nobody knows how long');
  assert.equal(missingFor({ k: 30, e: 100, awaiting: 0 }, level, 100_000, 10), null, 'it will not pass at this rate');
});

test('half way to a stop holds, on the lane and over the address', () => {
  const level = LEVELS.block;
  assert.equal(calm(level.lane / 2 - 0.01, level.address / 2 - 0.01, level), true);
  assert.equal(calm(level.lane / 2, 0, level), false);
  assert.equal(calm(0, level.address / 2, level), false);
  assert.equal(calm(0, undefined, level), true);
});

test('a healthy lane of fifty a day may advance on its first day, on every metric whose reports have come', () => {
  for (const metric of COUNTED) {
    const level = LEVELS[metric];
    const d = newDetector();
    advanceHour(d, level, [{ campaign: 1, day: 0, part: 0, trials: 50, events: 0 }]);
    assert.equal(mayAdvance(d, newDetector(), level, 60), level.lagHours === 0, metric);
    for (let hour = 0; hour < 100; hour++) advanceHour(d, level, []);
    assert.equal(mayAdvance(d, newDetector(), level, 60), true, metric);
  }
});

test('Wilson intervals contain the rate and stay within 0 and 1', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, share) => {
      const events = Math.floor(trials * share);
      const [low, high] = wilson(events, trials);
      assert.ok(low >= 0 && high <= 1 && low <= events / trials + 1e-9 && high >= events / trials - 1e-9);
    }),
  );
});
