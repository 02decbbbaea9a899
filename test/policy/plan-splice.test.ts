import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkPlan, growthProblems, planNamed, rowOf, splicePlan, stageCount } from '../../policy/plan.ts';

const PROVIDERS = ['google', 'apple', 'yahoo'];
const anyPlan = fc
  .record({
    name: fc.constantFrom('six-week', 'four-week', 'geometric'),
    start: fc.integer({ min: 1, max: 500 }),
    target: fc.integer({ min: 1, max: 200_000 }),
    google: fc.integer({ min: 1, max: 200_000 }),
    days: fc.integer({ min: 2, max: 60 }),
  })
  .map(({ name, start, target, google, days }) =>
    planNamed(name, { start, targets: { default: target, google }, days }),
  );

test('executed stages stay, nothing falls or jumps at the seam, and the new rows follow', () => {
  fc.assert(
    fc.property(anyPlan, anyPlan, fc.array(fc.nat(80), { minLength: 3, maxLength: 3 }), (old, fresh, at) => {
      const lanes = PROVIDERS.map((provider, index) => {
        const stage = Math.min(at[index] ?? 0, stageCount(old, provider) - 1);
        return { provider, stage, done: false };
      });
      const spliced = splicePlan(old, fresh, lanes);
      assert.deepEqual(checkPlan(spliced), []);
      for (const { provider, stage } of lanes) {
        const [before, after] = [rowOf(old, provider), rowOf(spliced, provider)];
        assert.deepEqual(after.slice(0, stage + 1), before.slice(0, stage + 1));
        const here = before[stage]?.ceiling ?? 0;
        const goal = rowOf(fresh, provider).at(-1)?.ceiling ?? 0;
        assert.equal(after.at(-1)?.ceiling, Math.max(here, goal));
        // Executed stages may have grown under another cap; from here on the new one binds.
        const ahead = { ...spliced, rows: { default: after.slice(stage), [provider]: after.slice(stage) } };
        assert.deepEqual(
          growthProblems(ahead, [provider]).filter((row) => row.provider === provider),
          [],
        );
      }
    }),
    { numRuns: 300 },
  );
});

test('a lower target ends the plan where the lane stands', () => {
  const old = planNamed('six-week', { start: 50, targets: { default: 10_000 } });
  const fresh = planNamed('six-week', { start: 50, targets: { default: 80 } });
  const spliced = splicePlan(old, fresh, [{ provider: 'google', stage: 20, done: false }]);
  assert.deepEqual(spliced.rows.google, rowOf(old, 'google').slice(0, 21));
});

test('a lane past its plan keeps its row; the mode is the new one, the windows are the old ones', () => {
  const old = {
    ...planNamed('six-week', { start: 50, targets: { default: 1_000 } }),
    calendar: { zone: 'Europe/Berlin' },
  };
  const fresh = { ...planNamed('sparkpost', { targets: { default: 9_000 } }), calendar: { zone: 'Asia/Tokyo' } };
  const spliced = splicePlan(old, fresh, [
    { provider: 'google', stage: 41, done: true },
    { provider: 'yahoo', stage: 3, done: false },
  ]);
  assert.deepEqual(spliced.rows.google, old.rows.default);
  assert.equal(spliced.rows.yahoo?.at(-1)?.ceiling, 9_000);
  assert.deepEqual(
    [spliced.advance, spliced.name, spliced.calendar?.zone],
    ['volume-stage', 'sparkpost', 'Europe/Berlin'],
  );
});
