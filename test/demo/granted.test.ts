import assert from 'node:assert/strict';
import { test } from 'node:test';
import { granted } from '../../cli/demo/granted.ts';
import { planNamed, stageOf } from '../../policy/plan.ts';

const plan = planNamed('six-week', { start: 100, targets: { default: 4_000 }, days: 42 });
const grant = {
  ...{ address: '127.10.0.11', provider: 'google', windowIndex: 7, start: 7_000, end: 8_000 },
  ...{ units: 10, planUnits: 10 },
};
const decided = (at: number, toPhase: 'ramping' | 'graduating' | 'warm', toStage = 3, provider = 'google') => ({
  ...{ at, toPhase, toStage, provider },
});

test('a grant has the phase and the segment of the last decision before its window', () => {
  const early = granted(grant, plan, [decided(5_990, 'ramping', 2), decided(6_990, 'ramping', 3)]);
  assert.equal(early.ramping, true);
  assert.equal(early.segment, stageOf(plan, 'google', 3)?.segment);
  assert.notEqual(early.segment, 'all');
  assert.equal(granted(grant, plan, [decided(6_990, 'graduating')]).segment, 'all');
  assert.equal(granted(grant, plan, [decided(6_990, 'warm')]).ramping, false);
  assert.equal(granted(grant, plan, []).ramping, false);
});

test('a lane that turns warm in mid-window shares its mail with other warm addresses: that window is no ramping one', () => {
  const before = decided(6_990, 'graduating');
  assert.equal(granted(grant, plan, [before, decided(7_400, 'warm')]).ramping, false);
  assert.equal(granted(grant, plan, [before, decided(8_000, 'warm')]).ramping, true);
  assert.equal(granted(grant, plan, [before, decided(7_400, 'warm', 3, 'yahoo')]).ramping, true);
});
