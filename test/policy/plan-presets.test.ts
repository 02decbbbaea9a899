import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPlan, type Plan, PlanError, PRESETS, planNamed, stageCount, stageOf } from '../../policy/plan.ts';

/** The figures below are written down again from the vendors' pages: never compute them from the code. */

const row = (plan: Plan, provider: string): number[] =>
  Array.from({ length: stageCount(plan, provider) }, (_, index) => stageOf(plan, provider, index)?.ceiling ?? 0);
const whole = (name: string, provider = 'default') => row(planNamed(name, {}), provider);
const to = (name: string, target: number) => row(planNamed(name, { targets: { default: target } }), 'default');
const times = (count: number, figure: number) => Array.from({ length: count }, () => figure);

test('every shipped plan has a name of its own, a summary and a source, and can be followed', () => {
  const expected = `six-week four-week geometric ses-45d adobe-4w sendgrid-auto sendgrid-manual sparkpost
    braze-conservative braze-moderate braze-aggressive sfmc-6w oracle-7d momentum-ad per-mbp-19d`;
  assert.deepEqual(
    PRESETS.map(({ name }) => name),
    expected.split(/\s+/),
  );
  for (const { name, summary, source, needsTarget } of PRESETS) {
    assert.ok(summary.length > 10 && source.length > 10, name);
    for (const targets of [{ default: 1 }, { default: 70_000, google: 123_456 }, ...(needsTarget ? [] : [undefined])]) {
      const plan = planNamed(name, targets === undefined ? {} : { targets });
      assert.deepEqual(checkPlan(plan), [], name);
      assert.equal(plan.source, source);
    }
  }
});

test('sendgrid-auto: 24 of the published hours a day', () => {
  const hourly = [
    [20, 28, 39, 55, 77, 108, 151],
    [211, 295, 413, 579, 810, 1_000, 1_587],
    [2_222, 3_111, 4_356, 6_098, 8_583, 11_953, 16_734],
    [23_427, 32_798, 45_917, 64_284, 89_998, 125_997, 176_395],
    [246_953, 345_735, 484_029, 677_640, 948_696, 1_328_175, 1_859_444],
    [2_603_222, 3_644_511, 5_102_316, 7_143_242, 10_000_539, 14_000_754, 19_601_056],
  ].flat();
  assert.equal(hourly.length, 42);
  assert.deepEqual(
    whole('sendgrid-auto'),
    hourly.map((hour) => hour * 24),
  );
  assert.deepEqual([whole('sendgrid-auto')[0], whole('sendgrid-auto')[14]], [480, 53_328]);
  assert.equal(planNamed('sendgrid-auto', {}).advance, 'calendar');
});

test('sendgrid-manual: 24 days', () => {
  const published =
    '50,100,500,1000,5000,10000,20000,40000,70000,100000,150000,250000,400000,600000,1000000,2000000,4000000,8000000,16000000,32000000,64000000,128000000,256000000,512000000';
  assert.deepEqual(whole('sendgrid-manual'), published.split(',').map(Number));
});

test('sparkpost: 29 stages that end at 90% of their volume', () => {
  const published =
    '200,500,1000,2000,5000,10000,20000,40000,50000,75000,100000,150000,200000,250000,325000,400000,500000,600000,750000,1000000,1250000,1750000,2000000,3000000,4250000,5000000,6000000,7500000,10000000';
  assert.deepEqual(whole('sparkpost'), published.split(',').map(Number));
  const { advance, stageShare } = planNamed('sparkpost', {});
  assert.deepEqual([advance, stageShare], ['volume-stage', 0.9]);
});

test('braze: three schedules, two of which go on to the target', () => {
  const conservative = [50, 100, 500, 1_000, 2_000, 4_000, 8_000].flatMap((level) => times(3, level));
  assert.deepEqual(whole('braze-conservative'), conservative);
  assert.deepEqual(to('braze-conservative', 30_000), [...conservative, ...times(3, 16_000), 30_000]);
  const moderate =
    '50,100,500,1000,2000,4000,8000,16000,25000,35000,50000,75000,100000,150000,200000,275000,375000,500000,650000,825000,1000000';
  assert.deepEqual(whole('braze-moderate'), moderate.split(',').map(Number));
  assert.deepEqual(to('braze-moderate', 9_000_000), whole('braze-moderate'), 'nobody says how it would go on');
  const aggressive =
    '50,100,500,1000,5000,10000,20000,40000,70000,100000,150000,250000,400000,600000,1000000,2000000,4000000';
  assert.deepEqual(whole('braze-aggressive'), aggressive.split(',').map(Number));
  assert.deepEqual(to('braze-aggressive', 20_000_000).slice(17), [8_000_000, 16_000_000, 20_000_000]);
});

test('ses-45d: an even rise to 100%, never above 50,000', () => {
  const percents = to('ses-45d', 100);
  assert.deepEqual(percents.slice(0, 10), [3, 5, 7, 9, 12, 14, 16, 18, 20, 23]);
  assert.deepEqual([percents.length, percents.at(-1)], [45, 100]);
  assert.equal(Math.max(...to('ses-45d', 400_000)), 50_000);
});

test('adobe-4w: percents of the final volume', () => {
  const days = to('adobe-4w', 100_000);
  assert.deepEqual(days.slice(0, 22), [
    ...times(3, 500),
    ...times(4, 1_000),
    ...times(7, 5_000),
    ...times(7, 25_000),
    50_000,
  ]);
  assert.deepEqual([days.length, days.at(-1)], [28, 100_000]);
});

test('oracle-7d: by provider', () => {
  assert.deepEqual(whole('oracle-7d', 'google'), [10_000, 10_000, 10_000, 10_000, 10_000, 12_500, 12_500]);
  assert.deepEqual(whole('oracle-7d', 'microsoft-consumer'), [7_500, 7_500, 7_500, 10_000, 10_000, 15_000, 15_000]);
  assert.deepEqual(whole('oracle-7d', 'yahoo'), [5_000, 5_000, 5_000, 7_500, 7_500, 10_000, 10_000]);
  assert.deepEqual(whole('oracle-7d', 'gmx-webde'), [10_000, 10_000, 10_000, 10_000, 10_000, 12_500, 12_500]);
  const totals = [32_500, 32_500, 32_500, 37_500, 37_500, 50_000, 50_000];
  for (const [day, total] of totals.entries()) {
    const sum = ['google', 'microsoft-consumer', 'yahoo', 'default'].map((key) => whole('oracle-7d', key)[day] ?? 0);
    assert.equal(
      sum.reduce((a, b) => a + b),
      total,
    );
  }
});

test('sfmc-6w: a cap that doubles every week', () => {
  assert.deepEqual(
    whole('sfmc-6w'),
    [50_000, 100_000, 200_000, 400_000, 800_000, 1_600_000].flatMap((week) => times(7, week)),
  );
});

test('momentum-ad: 24 of the hours a binding has at its age', () => {
  const yahoo = whole('momentum-ad', 'yahoo');
  assert.deepEqual([yahoo[0], yahoo[1], yahoo[27], yahoo[28]], [50_000, 100_000, 1_400_000, 2_400_000]);
  for (const provider of ['google', 'microsoft-consumer']) {
    assert.deepEqual(whole('momentum-ad', provider), [...times(14, 240_000), 2_400_000]);
  }
  assert.deepEqual(whole('momentum-ad', 'comcast'), [...times(4, 24_000), ...times(6, 240_000), 2_400_000]);
});

test('per-mbp-19d: slower at Gmail', () => {
  const google = [
    ...times(3, 5_000),
    ...times(2, 10_000),
    ...times(2, 20_000),
    ...times(6, 40_000),
    ...times(6, 80_000),
  ];
  assert.deepEqual(whole('per-mbp-19d', 'google'), google);
  assert.deepEqual(whole('per-mbp-19d', 'apple'), [...times(7, 20_000), ...times(6, 40_000), ...times(6, 80_000)]);
});

test('a table is cut at its target, by provider, and never goes on by itself', () => {
  const plan = planNamed('sendgrid-manual', { targets: { default: 7_000, google: 100 } });
  assert.deepEqual(row(plan, 'default'), [50, 100, 500, 1_000, 5_000, 7_000]);
  assert.deepEqual(row(plan, 'google'), [50, 100]);
  assert.deepEqual(to('oracle-7d', 90_000), whole('oracle-7d'));
});

test('shares split a whole address among its lanes, so that they sum up to what the vendor allows', () => {
  const shares = { google: 0.5, yahoo: 0.2, default: 0.1 };
  const plan = planNamed('braze-moderate', { shares });
  assert.doesNotThrow(() =>
    planNamed('braze-moderate', { shares: { google: 0.7, yahoo: 0.2, apple: 0.1, default: 0.1 } }),
  );
  assert.throws(
    () => planNamed('braze-moderate', { shares: { google: 0.7, yahoo: 0.4, default: 0.1 } }),
    /the shares of google, yahoo come to 1\.1/,
  );
  assert.deepEqual(row(plan, 'google').slice(0, 3), [25, 50, 250]);
  assert.deepEqual(row(plan, 'yahoo').slice(0, 3), [10, 20, 100]);
  assert.deepEqual(row(plan, 'apple').slice(0, 3), [5, 10, 50]);
  assert.ok(!plan.notes?.some((note) => note.includes('--share')));
  assert.ok(planNamed('braze-moderate', {}).notes?.some((note) => note.includes('--share')));
});

test('geometric: by days, by a factor, by both', () => {
  const by = (input: object) =>
    row(planNamed('geometric', { start: 100, targets: { default: 1_600 }, ...input }), 'default');
  assert.deepEqual(by({ growth: 2 }), [100, 200, 400, 800, 1_600]);
  assert.deepEqual(by({ days: 5 }), [100, 200, 400, 800, 1_600]);
  const bounded = by({ days: 5, growth: 1.5 });
  assert.ok(bounded.length > 5 && bounded[1] === 150, bounded.join());
  assert.equal(by({}).length, 42);
  // So small a factor leaves two digits no room: ln 16 ÷ ln 1.02 is 140 days, and whole messages round down.
  const slow = by({ growth: 1.02 });
  assert.ok(slow.length > 140 && slow.length < 200, String(slow.length));
});

test('figures a plan has of its own can not be given', () => {
  const refused = (name: string, input: object, message: RegExp) =>
    assert.throws(
      () => planNamed(name, { targets: { default: 9_000 }, ...input }),
      (error) => error instanceof PlanError && error.code === 'bad-input' && message.test(error.message),
    );
  refused('braze-moderate', { start: 10 }, /plan braze-moderate takes no --start: it has its own first day/);
  refused('ses-45d', { days: 10 }, /plan ses-45d takes no --days: it has its own days/);
  refused('six-week', { growth: 2 }, /takes no --growth/);
  refused('oracle-7d', { shares: { default: 0.5 } }, /takes no --share: its figures are per provider already/);
  refused('braze-moderate', { shares: { google: 0.5 } }, /a share for "default"/);
  refused('braze-moderate', { shares: { default: 1.5 } }, /share of default is 1.5/);
  refused('geometric', { growth: 0.9 }, /a growth of 0.9/);
});
