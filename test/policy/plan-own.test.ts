import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawOwn, type OwnPlan, ownProblems, PlanError, rowOf, stageCount } from '../../policy/plan.ts';

const figures = (own: OwnPlan, provider = 'default') =>
  rowOf(drawOwn('mine', own), provider).map(({ ceiling }) => ceiling);
const segments = (own: OwnPlan) => rowOf(drawOwn('mine', own), 'default').map(({ segment }) => segment);

test('rows are taken as they are written, stages without a segment admit all', () => {
  const own: OwnPlan = { rows: { default: [50, 100], google: [{ ceiling: 20, segment: '60d' }, 30] } };
  const plan = drawOwn('mine', own);
  assert.deepEqual(plan.rows.google, [
    { ceiling: 20, segment: '60d' },
    { ceiling: 30, segment: 'all' },
  ]);
  assert.deepEqual(figures(own, 'yahoo'), [50, 100]);
  assert.deepEqual([plan.advance, plan.days, plan.name], ['gated', 2, 'mine']);
});

test('segments widen where the plan says so', () => {
  assert.deepEqual(segments({ rows: { default: [1, 2, 3, 4, 5] }, widenAfter: [1, 2, 4] }), [
    'engaged-30d',
    '60d',
    '90d',
    '90d',
    'all',
  ]);
  assert.deepEqual(segments({ rows: { default: [1, { ceiling: 2, segment: 'all' }] }, widenAfter: [3, 4, 5] }), [
    'engaged-30d',
    'all',
  ]);
});

test('percents of a target, one for all or by provider', () => {
  assert.deepEqual(figures({ target: 20_000, percent: [0.001, 1, 50, 100] }), [1, 200, 10_000, 20_000]);
  assert.deepEqual(figures({ target: { default: 100, google: 1_000 }, percent: [10, 100] }, 'google'), [100, 1_000]);
});

test('a curve, by days or by factor', () => {
  assert.deepEqual(figures({ start: 100, target: 800, growth: 2 }), [100, 200, 400, 800]);
  assert.equal(figures({ start: 100, target: 800, days: 9 }).length, 9);
});

test('a target given now cuts a written row', () => {
  const own: OwnPlan = { rows: { default: [50, 100, 200] } };
  const plan = drawOwn('mine', own, { targets: { default: 120, google: 60 } });
  assert.deepEqual(
    rowOf(plan, 'default').map(({ ceiling }) => ceiling),
    [50, 100, 120],
  );
  assert.deepEqual(
    rowOf(plan, 'google').map(({ ceiling }) => ceiling),
    [50, 60],
  );
  assert.throws(() => drawOwn('mine', own, { days: 3 }), PlanError);
});

test('capped puts stages in, at providers without complaint reports more', () => {
  const own: OwnPlan = { rows: { default: [100, 500] }, capped: true };
  assert.deepEqual(figures(own), [100, 200, 400, 500]);
  assert.ok(stageCount(drawOwn('mine', own), 'apple') > 5);
});

const WRONG: readonly (readonly [string, OwnPlan, RegExp])[] = [
  ['nothing', {}, /write rows: .* or target and percent, or target and days/],
  ['rows and a target', { rows: { default: [1] }, target: 5 }, /rows and a target/],
  ['percent of nothing', { percent: [1] }, /percent of what\? add target/],
  ['no default row', { rows: { google: [1] } }, /no row "default"/],
  ['an empty row', { rows: { default: [] } }, /default: no stages/],
  ['a row that falls', { rows: { default: [9, 8] } }, /default, stage 2: ceiling falls from 9 to 8/],
  ['half a message', { rows: { default: [0.5] } }, /default, stage 1: ceiling 0.5 is not a whole number/],
  [
    'a narrowing segment',
    { rows: { default: [1, { ceiling: 2, segment: '60d' }] } },
    /stage 2: segment narrows from all to 60d/,
  ],
  [
    'an unknown provider',
    { rows: { default: [1], gogle: [1] } },
    /no provider is called "gogle": choose among default, google/,
  ],
  ['an unknown provider of a target', { target: { default: 5, gogle: 5 }, days: 3 }, /no provider is called "gogle"/],
  ['a target without default', { target: { google: 5 }, days: 3 }, /target names no "default"/],
  ['percents that fall', { target: 5, percent: [2, 1] }, /percent, stage 2: falls from 2 to 1/],
  ['percents above 100', { target: 5, percent: [101] }, /percent, stage 1: 101 is not/],
  ['a widening that goes back', { rows: { default: [1] }, widenAfter: [3, 2, 1] }, /widenAfter goes back \(3, 2, 1\)/],
  ['days of rows', { rows: { default: [1] }, days: 4 }, /days belongs to a curve/],
  ['a share without volume-stage', { rows: { default: [1] }, stageShare: 0.5 }, /stageShare means something/],
  [
    'a zone that is none',
    { rows: { default: [1] }, calendar: { zone: 'Europe/Berln' } },
    /unknown time zone "Europe\/Berln"/,
  ],
  ['hours that are none', { rows: { default: [1] }, calendar: { sendHours: { from: 9, to: 8 } } }, /send hours 9 to 8/],
];

for (const [name, own, expected] of WRONG) {
  test(`${name}: said in words`, () => {
    assert.match(ownProblems('mine', own).join('\n'), expected);
    assert.throws(() => drawOwn('mine', own), PlanError);
  });
}

test('gates of an own plan go with it, and those that can not be meant are refused', () => {
  const curve = { target: 1_000, start: 50, days: 20 };
  const gates = { consecutiveGood: 2, metrics: { complaint: { action: 'pause' } } } as const;
  assert.deepEqual(drawOwn('careful', { ...curve, gates }).gates, gates);
  assert.equal(drawOwn('plain', curve).gates, undefined);
  assert.match(
    ownProblems('wrong', { ...curve, gates: { metrics: { placement: { action: 'quarantine' } } } })[0] ?? '',
    /placement: quarantine is more than seeds can bear/,
  );
});
