import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkPlan,
  curve,
  fourWeek,
  growthProblems,
  lengthenedRows,
  type Plan,
  PlanError,
  planNamed,
  prorate,
  type Stage,
  sixWeek,
  stageCount,
  stageOf,
} from '../../policy/plan.ts';

const INPUT = { start: 50, targets: { default: 100_000 } };

function ceilings(plan: Plan, provider: string): number[] {
  return Array.from({ length: stageCount(plan, provider) }, (_, index) => stageOf(plan, provider, index)?.ceiling ?? 0);
}

test('six weeks to 100,000 a day begin as published and end at the target on day 42', () => {
  const days = ceilings(sixWeek(INPUT), 'google');
  assert.deepEqual(days.slice(0, 6), [50, 60, 72, 87, 100, 130]);
  assert.equal(days.length, 42);
  assert.equal(days.at(-1), 100_000);
});

test('where a growth bound binds the plan is longer, and says so', () => {
  const plan = fourWeek(INPUT);
  assert.ok(stageCount(plan, 'google') > 28);
  assert.match(lengthenedRows(plan).join('\n'), /^default: 31 days, 3 more than 28/m);
  assert.deepEqual(lengthenedRows(fourWeek({ start: 50, targets: { default: 5_000 } })), []);
});

test('providers that never tell of complaints grow slower, also when only the default is given', () => {
  const plan = fourWeek(INPUT);
  for (const provider of ['apple', 'microsoft-365']) {
    const days = ceilings(plan, provider);
    assert.ok(days.length > stageCount(plan, 'default'));
    days.slice(1).forEach((ceiling, index) => {
      assert.ok(ceiling <= 1.25 * (days[index] ?? 0), `${provider}: ${days[index]} to ${ceiling}`);
    });
  }
});

test('a target at or under the start is one stage', () => {
  assert.deepEqual(curve(50, 50, 42), [50]);
  assert.deepEqual(curve(50, 7, 42), [7]);
});

test('segments widen at the published days', () => {
  const widths = (plan: Plan) => plan.rows.default?.map((stage) => stage.segment) ?? [];
  const first = (plan: Plan) => (['60d', '90d', 'all'] as const).map((segment) => widths(plan).indexOf(segment) + 1);
  assert.deepEqual(first(sixWeek(INPUT)), [15, 22, 29]);
  assert.deepEqual(first(fourWeek(INPUT)), [11, 16, 21]);
});

test('from 4 messages a day the curve is whole, never falls and ends at the target', () => {
  const days = curve(4, 100, 42);
  assert.equal(days.length, 42);
  assert.deepEqual([days[0], days.at(-1)], [4, 100]);
});

test('curves: whole, never falling, growth bounded, from the start to exactly the target, no shorter than asked', () => {
  const input = fc.record({
    start: fc.integer({ min: 1, max: 5_000 }),
    target: fc.integer({ min: 1, max: 5_000_000 }),
    days: fc.integer({ min: 1, max: 90 }),
    bound: fc.constantFrom(undefined, 1.25, 1.1),
  });
  fc.assert(
    fc.property(input, ({ start, target, days, bound }) => {
      const growth = bound === undefined ? (c: number) => (c <= 10_000 ? 1.5 : 1.25) : () => bound;
      const row = bound === undefined ? curve(start, target, days) : curve(start, target, days, growth);
      assert.equal(row.at(-1), target);
      if (target <= start) return assert.equal(row.length, 1);
      assert.equal(row[0], start);
      assert.ok(row.length >= days);
      row.forEach((ceiling, index) => {
        const before = row[index - 1] ?? ceiling;
        assert.ok(Number.isInteger(ceiling) && ceiling >= before);
        assert.ok(ceiling <= Math.max(before + 1, before * growth(before)), `${before} to ${ceiling}`);
      });
    }),
    { numRuns: 500 },
  );
});

test('plans that are drawn up pass their own check', () => {
  const input = fc.record({
    start: fc.integer({ min: 1, max: 500 }),
    targets: fc.record({
      default: fc.double({ min: 0, max: 1e6, noNaN: true }),
      google: fc.integer({ min: 0, max: 1e6 }),
    }),
  });
  fc.assert(
    fc.property(fc.constantFrom('six-week', 'four-week', 'geometric'), input, (name, given) => {
      const plan = planNamed(name, given);
      assert.deepEqual(checkPlan(plan), []);
      assert.deepEqual(growthProblems(plan), [], 'our own curves keep to their caps');
    }),
    { numRuns: 100 },
  );
});

test('a plan from a file is checked in words', () => {
  const stage = (ceiling: number, segment: Stage['segment'] = 'all'): Stage => ({ ceiling, segment });
  const plan = (rows: Plan['rows']): Plan => ({ ...sixWeek(INPUT), rows });
  assert.match(checkPlan(plan({ google: [stage(5)] })).join(), /no row "default"/);
  assert.match(checkPlan(plan({ default: [] })).join(), /default: no stages/);
  assert.match(checkPlan(plan({ default: [stage(9), stage(8)] })).join(), /stage 2: ceiling falls from 9 to 8/);
  assert.match(checkPlan(plan({ default: [stage(0.5)] })).join(), /not a whole number/);
  assert.match(checkPlan(plan({ default: [stage(1), stage(2, '60d')] })).join(), /narrows from all to 60d/);
});

test('stages beyond the row are undefined, and providers without a row take the default one', () => {
  const plan = sixWeek({ start: 50, targets: { default: 1_000, google: 50 } });
  assert.equal(stageCount(plan, 'google'), 1);
  assert.equal(stageOf(plan, 'google', 1), undefined);
  assert.deepEqual(stageOf(plan, 'constructor', 3), stageOf(plan, 'default', 3));
});

test('an unknown plan names those that exist; input that cannot work says what is wrong', () => {
  const refused = (code: string, message: RegExp) => (error: unknown) =>
    error instanceof PlanError && error.code === code && message.test(error.message);
  assert.throws(() => planNamed('ten-year', INPUT), refused('unknown-plan', /six-week, four-week/));
  assert.throws(() => sixWeek({ start: 50, targets: { google: 5 } }), refused('bad-input', /"default"/));
  assert.throws(() => sixWeek({ start: 0, targets: { default: 5 } }), refused('bad-input', /at least 1/));
  assert.throws(() => sixWeek({ ...INPUT, days: 1.5 }), refused('bad-input', /whole number/));
  assert.throws(
    () => sixWeek({ start: 1, targets: { default: Number.NaN } }),
    refused('bad-input', /target of default/),
  );
});

test('a first day that begins late sends its share, at least one message', () => {
  const stage: Stage = { ceiling: 48, segment: 'all' };
  assert.equal(prorate(stage, 5, 24), 10);
  assert.equal(prorate(stage, 0.1, 24), 1);
  assert.equal(prorate(stage, 6, 24), 48);
  assert.equal(prorate(stage, 4, 4), 48, 'a full day of short send hours is a full day');
});
