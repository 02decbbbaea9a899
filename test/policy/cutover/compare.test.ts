import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  COMPARE,
  closeCampaign,
  judgeComparison,
  marginFor,
  newComparison,
  resetComparison,
  type Stratum,
  says,
} from '../../../policy/cutover/compare.ts';

const stratum = fc.record({
  provider: fc.constantFrom('google', 'yahoo', 'constructor'),
  share: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
  newEvents: fc.integer({ min: 0, max: 2_000 }),
  oldEvents: fc.integer({ min: 0, max: 2_000 }),
});
const campaigns = fc.array(fc.array(stratum, { maxLength: 12 }), { maxLength: 20 });

test('a stratum says the log of the two binomials', () => {
  // q = 0.1 * 2 / (0.2 + 0.9) = 0.1818
  const q = 0.2 / 1.1;
  const expected = 3 * Math.log(q / 0.1) + 7 * Math.log((1 - q) / 0.9);
  assert.ok(Math.abs(says({ share: 0.1, newEvents: 3, oldEvents: 7 }, 2) - expected) < 1e-12);
  assert.equal(says({ share: 0, newEvents: 0, oldEvents: 7 }, 2), 0);
  assert.equal(says({ share: 1, newEvents: 7, oldEvents: 0 }, 2), 0);
});

test('an equal arm speaks for itself on the average, one twice as bad against itself', () => {
  for (const share of [0.01, 0.1, 0.5, 0.9]) {
    const events = 1_000;
    const equal = { share, newEvents: events * share, oldEvents: events * (1 - share) };
    assert.ok(says(equal, 2) < 0);
    const part = (share * 2) / (share * 2 + 1 - share);
    assert.ok(says({ share, newEvents: events * part, oldEvents: events * (1 - part) }, 2) > 0);
  }
});

test('no sum is ever negative, and no campaign decides alone', () => {
  fc.assert(
    fc.property(campaigns, (all) => {
      const comparison = newComparison();
      for (const strata of all) {
        const before = structuredClone(comparison);
        closeCampaign(comparison, strata);
        assert.ok(comparison.pool >= 0 && comparison.pool - before.pool <= 3.5 + 1e-9);
        assert.ok(comparison.inHand <= 6 && Math.abs(comparison.inHand - before.inHand) <= 3.5 + 1e-9);
        for (const [provider, sum] of Object.entries(comparison.providers)) {
          const was = Object.hasOwn(before.providers, provider) ? (before.providers[provider] ?? 0) : 0;
          assert.ok(sum >= 0 && sum - was <= 3.5 + 1e-9);
        }
      }
      const { verdict } = judgeComparison(comparison);
      if (all.length <= 1) assert.notEqual(verdict, 'fail');
    }),
  );
});

test('the order of a campaign’s strata does not matter', () => {
  fc.assert(
    fc.property(fc.array(stratum, { maxLength: 12 }), (strata) => {
      const [forward, backward] = [newComparison(), newComparison()];
      closeCampaign(forward, strata);
      closeCampaign(backward, strata.toReversed());
      assert.ok(Math.abs(forward.pool - backward.pool) < 1e-6);
      assert.deepEqual(Object.keys(forward.providers).sort(), Object.keys(backward.providers).sort());
    }),
  );
});

const worse = (provider: string): Stratum => ({ provider, share: 0.5, newEvents: 300, oldEvents: 100 });
const equal = (provider: string): Stratum => ({ provider, share: 0.5, newEvents: 200, oldEvents: 200 });

test('an arm three times worse fails with its second campaign; equal arms pass, and a rollback forgets', () => {
  const comparison = newComparison();
  closeCampaign(comparison, [worse('google')]);
  assert.equal(judgeComparison(comparison).verdict, 'insufficient');
  closeCampaign(comparison, [worse('google')]);
  assert.deepEqual(judgeComparison(comparison), { verdict: 'fail', scope: 'pool', provider: null });
  resetComparison(comparison);
  assert.deepEqual(comparison, newComparison());
  closeCampaign(comparison, [equal('google')]);
  assert.deepEqual(judgeComparison(comparison), { verdict: 'pass' });
});

test('one bad provider among good ones is named; before that it keeps the pool from passing', () => {
  const comparison = newComparison();
  const strata = [
    worse('yahoo'),
    ...['google', 'apple', 'other'].flatMap((one) => [equal(one), equal(one), equal(one)]),
  ];
  const verdicts = [1, 2, 3].map(() => {
    closeCampaign(comparison, strata);
    return judgeComparison(comparison);
  });
  assert.deepEqual(verdicts[0], { verdict: 'pass' });
  assert.deepEqual(verdicts[1], { verdict: 'insufficient', doubtful: ['yahoo'] });
  assert.deepEqual(verdicts[2], { verdict: 'fail', scope: 'provider', provider: 'yahoo' });
});

test('the margin follows the old arm’s rate, within bounds', () => {
  assert.equal(marginFor(0.01, 0.01), 2);
  assert.equal(marginFor(0.01, 0.001), 1.5);
  assert.equal(marginFor(0.0001, 0.01), 3);
  assert.equal(marginFor(0, 0.01), 3);
  assert.equal(COMPARE.margin, 2);
});
