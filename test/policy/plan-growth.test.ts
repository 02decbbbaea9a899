import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  capGrowth,
  checkPlan,
  growthProblems,
  growthText,
  type Plan,
  planNamed,
  rowOf,
  SEGMENTS,
} from '../../policy/plan.ts';

const anyRow = fc
  .array(fc.record({ ceiling: fc.integer({ min: 1, max: 2_000_000 }), segment: fc.constantFrom(...SEGMENTS) }), {
    minLength: 1,
    maxLength: 30,
  })
  .map((row) => {
    const ceilings = row.map(({ ceiling }) => ceiling).sort((a, b) => a - b);
    const segments = row.map(({ segment }) => SEGMENTS.indexOf(segment)).sort();
    return ceilings.map((ceiling, index) => ({ ceiling, segment: SEGMENTS[segments[index] ?? 0] ?? 'all' }));
  });
const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    rows: fc.record({ default: anyRow, google: anyRow, apple: anyRow }, { requiredKeys: ['default'] }),
    cap: fc.option(fc.constantFrom({ small: 1.3, large: 1.1 }, { small: 3, large: 2 }), { nil: undefined }),
  })
  .map(({ rows, cap }) => ({
    ...{ name: 'any', source: 'a test', advance: 'gated', overflow: 'warm-peers', days: 1 },
    rows: rows as Plan['rows'],
    ...(cap === undefined ? {} : { cap }),
  }));

test('capping a plan leaves no growth over its cap, keeps every figure it had in order, and adds only between them', () => {
  fc.assert(
    fc.property(anyPlan, (plan) => {
      const capped = capGrowth(plan);
      assert.deepEqual(growthProblems(capped), []);
      assert.deepEqual(checkPlan(capped), [], 'it never falls and never narrows');
      for (const provider of ['default', 'google', 'apple', 'microsoft-365']) {
        const [before, after] = [rowOf(plan, provider), rowOf(capped, provider)];
        assert.deepEqual(after[0], before[0]);
        assert.deepEqual(after.at(-1), before.at(-1));
        let at = 0;
        for (const stage of after) if (at < before.length && stage.ceiling === before[at]?.ceiling) at += 1;
        assert.equal(at, before.length, `${provider} lost a figure`);
      }
      assert.deepEqual(capGrowth(capped).rows, capped.rows, 'once is enough');
    }),
    { numRuns: 300 },
  );
});

test('growth over the cap is named by row and stage; a provider without complaint reports has its own bound', () => {
  const plan = planNamed('braze-moderate', { targets: { default: 8_000 } });
  const [first, ...rest] = growthProblems(plan, ['google', 'apple']).map(growthText);
  assert.equal(first, 'default: stage 3 grows from 100 to 500 a day (×5, at most 200)');
  assert.equal(rest.length, 1);
  assert.match(
    rest[0] ?? '',
    /^apple: stage 2 grows from 50 to 100 a day \(×2, at most 62; this provider reports no complaints\), and 5 more: stages 3, 4, 5, 6, 7/,
  );
  assert.deepEqual(
    growthProblems(plan, ['google']).map(({ provider }) => provider),
    ['default'],
  );
});

test('a plan says its own cap', () => {
  const doubling = {
    ...planNamed('braze-moderate', {}),
    rows: { default: [100, 200, 400].map((ceiling) => ({ ceiling, segment: 'all' as const })) },
  };
  assert.deepEqual(growthProblems(doubling, []), []);
  assert.equal(growthProblems({ ...doubling, cap: { small: 1.5, large: 1.5 } }, [])[0]?.stages.length, 2);
});

test('one message more is never too much', () => {
  const slow = {
    ...planNamed('braze-moderate', {}),
    rows: { default: [1, 2, 3].map((ceiling) => ({ ceiling, segment: 'all' as const })) },
  };
  assert.deepEqual(growthProblems({ ...slow, cap: { small: 1.1, large: 1.1 } }), []);
});
