import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  advanceLimit,
  campaignRatio,
  type Evidence,
  judgeAdvance,
  judgePlacement,
  stops,
  trialsMissing,
  upperBound,
  wilson,
} from '../../policy/evidence.ts';

const seen = (over: Partial<Evidence>): Evidence => ({
  metric: 'hard-bounce',
  feed: 'ok',
  trials: 0,
  events: 0,
  awaiting: 0,
  campaigns: 1,
  from: 0,
  to: 1,
  ...over,
});

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

test('no trials are never a pass, and never a failure', () => {
  for (const metric of ['deferral', 'block', 'hard-bounce', 'complaint'] as const) {
    assert.equal(judgeAdvance(seen({ metric }), 60).verdict, 'insufficient');
    assert.equal(stops(seen({ metric })), false);
  }
});

test('a verdict says how many more trials it needs, and that many are enough', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 20, max: 100_000 }), (trials, next) => {
      const judged = judgeAdvance(seen({ trials }), next);
      if (judged.verdict !== 'insufficient') return;
      assert.ok(judged.needs !== null && judged.needs > 0);
      const limit = advanceLimit(0.05, next);
      const missing = trialsMissing(0, trials, limit, 0.005);
      assert.equal(judged.needs, Math.max(1, missing ?? -1));
    }),
  );
  const judged = judgeAdvance(seen({ trials: 30 }), 100);
  assert.match(judged.says, /needs \d+ more/);
});

test('a rate that cannot pass says so instead of a number', () => {
  const judged = judgeAdvance(seen({ trials: 100, events: 4, metric: 'complaint' }), 100_000);
  assert.equal(judged.needs, null);
});

test('feeds: none is not configured, a silent one is stale; neither punishes', () => {
  const bad = { trials: 100, events: 90 };
  assert.equal(judgeAdvance(seen({ ...bad, feed: 'none' }), 100).verdict, 'not-configured');
  assert.equal(judgeAdvance(seen({ ...bad, feed: 'stale' }), 100).verdict, 'stale');
  assert.equal(stops(seen({ ...bad, feed: 'stale' })), false);
  assert.equal(stops(seen(bad)), true);
});

test('stopping needs a rate and a number of events', () => {
  assert.equal(stops(seen({ metric: 'deferral', trials: 10, events: 4 })), false);
  assert.equal(stops(seen({ metric: 'deferral', trials: 10, events: 5 })), true);
  assert.equal(stops(seen({ metric: 'deferral', trials: 1_000, events: 5 })), false);
});

test('placement: collapse fails, few probes are insufficient, a blind sensor is stale', () => {
  const rule = { minObserved: 3, collapse: 0.5 };
  const probes = (trials: number, events: number, feed: Evidence['feed'] = 'ok') =>
    judgePlacement(seen({ metric: 'placement', trials, events, feed }), rule).verdict;
  assert.equal(probes(2, 2), 'insufficient');
  assert.equal(probes(5, 4), 'fail');
  assert.equal(probes(5, 1), 'pass');
  assert.equal(probes(0, 0, 'stale'), 'stale');
  assert.equal(probes(5, 5, 'none'), 'not-configured');
});

test('a campaign with half dead addresses trips the breaker within 20 messages, a healthy one never', () => {
  assert.ok(campaignRatio(10, 20) >= 8);
  assert.ok(campaignRatio(20, 1_000) < 8);
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
