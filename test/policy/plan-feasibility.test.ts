import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AdvanceMode, drawOwn, forecast, type OwnPlan } from '../../policy/plan.ts';

const walk = (own: OwnPlan, volumes: readonly number[]) => forecast(drawOwn('mine', own), 'google', volumes);
const rows = (advance: AdvanceMode, ...row: number[]): OwnPlan => ({ rows: { default: row }, advance });

test('gated: a stage waits for a day that uses 80% of it, and for ever when there is none', () => {
  assert.equal(walk(rows('gated', 10, 20, 40), [100]).days, 3);
  // 8 is 80% of 10, 15 is not of 20: the second stage waits for the day of 100.
  assert.deepEqual(walk(rows('gated', 10, 20), [8, 15, 15, 100]), {
    ...{ provider: 'google', stages: 2, best: 100, days: 4, waits: null, short: null },
  });
  const stuck = walk(rows('gated', 10, 100), [60, 20]);
  assert.deepEqual([stuck.days, stuck.waits, stuck.short], [null, 2, { stage: 2, ceiling: 100, share: 0.6 }]);
});

test('calendar goes on whatever is sent, send-days only over days with mail', () => {
  assert.equal(walk(rows('calendar', 10, 100, 1_000), [0, 5]).days, 3);
  assert.equal(walk(rows('send-days', 10, 100, 1_000), [0, 5]).days, 6);
  assert.equal(walk(rows('calendar', 10), []).days, 1);
  assert.equal(walk(rows('send-days', 10), []).waits, 1);
  assert.equal(walk(rows('calendar', 10, 100), [20]).short?.stage, 2, 'it says that nothing fills it all the same');
});

test('volume-stage adds its volume up', () => {
  assert.equal(walk(rows('volume-stage', 10, 20), [5]).days, 2 + 4);
  assert.equal(walk({ ...rows('volume-stage', 10, 20), stageShare: 0.5 }, [5]).days, 1 + 2);
  assert.equal(walk(rows('volume-stage', 1_000_000_000), [1]).days, null, 'not within ten years');
});

test('without mail nothing ends, but by date', () => {
  for (const advance of ['gated', 'send-days', 'volume-stage'] as const) {
    assert.deepEqual(walk(rows(advance, 10, 20), [0, 0]).waits, 1);
  }
});

test('more mail never takes longer, and a row is never shorter than its stages', () => {
  const mode = fc.constantFrom('gated' as const, 'send-days' as const, 'volume-stage' as const, 'calendar' as const);
  const volumes = fc.array(fc.nat(500), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(mode, volumes, fc.integer({ min: 1, max: 5 }), (advance, mail, factor) => {
      const own = rows(advance, 50, 100, 200);
      const [less, more] = [
        walk(own, mail),
        walk(
          own,
          mail.map((day) => day * factor),
        ),
      ];
      assert.ok((less.days ?? 3) >= 3);
      assert.ok(less.days === null || (more.days !== null && more.days <= less.days));
    }),
  );
});
