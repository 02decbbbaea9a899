import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Against, type Evidence, judge, stopsAt } from '../../policy/evidence.ts';
import { advanceLimit, trialsMissing } from '../../policy/gates/advance.ts';
import { COUNTED } from '../../policy/gates/levels.ts';
import { pairedRatio } from '../../policy/gates/placement.ts';
import { GATE_ACTIONS, gateProblems, gatesOf } from '../../policy/gates/settings.ts';

const seen = (over: Partial<Evidence>): Evidence => ({
  metric: 'hard-bounce',
  feed: 'ok',
  trials: 0,
  events: 0,
  awaiting: 0,
  from: 0,
  to: 1,
  ...over,
});

const gates = gatesOf(undefined);
const against = (nextCeiling: number, over: Partial<Against> = {}): Against => ({
  nextCeiling,
  gates,
  placement: { minObserved: 3, collapse: 0.5 },
  perHour: 10,
  ...over,
});
const sums = (lane: number, address = 0, blames: string | null = null) => ({ lane, address, blames });

test('no trials are never a pass, and never a failure', () => {
  for (const metric of COUNTED) {
    assert.equal(judge(seen({ metric }), against(60)).verdict, 'insufficient');
    assert.equal(stopsAt(seen({ metric }), gates), null);
  }
});

test('a verdict says how many more trials it needs, and that many are enough', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 20, max: 100_000 }), (trials, next) => {
      const judged = judge(seen({ trials }), against(next));
      if (judged.verdict !== 'insufficient') return;
      assert.ok(judged.needs !== null && judged.needs > 0);
      const limit = advanceLimit(0.05, next);
      const missing = trialsMissing(0, trials, limit, 0.005);
      assert.equal(judged.needs, Math.max(1, missing ?? -1));
    }),
  );
});

test('what is missing is told in full: to send, sent already, and about how long', () => {
  const judged = judge(seen({ metric: 'complaint', trials: 100, awaiting: 412 }), against(1_000, { perHour: 100 }));
  assert.equal(
    judged.says,
    'complaint 0 of 100: needs 1197 more: 785 to send, 412 sent and awaiting reports, about 64 h',
  );
  assert.deepEqual([judged.needs, judged.toSend, Math.round(judged.hours ?? 0)], [1_197, 785, 63]);
  const plain = judge(seen({ trials: 10 }), against(100));
  assert.match(plain.says, /^hard-bounce 0 of 10: needs 68 more: about 7 h$/);
  const silent = judge(seen({ trials: 10 }), against(100, { perHour: 0 }));
  assert.match(silent.says, /needs 68 more$/);
});

test('a rate that cannot pass says so instead of a number', () => {
  const judged = judge(seen({ trials: 100, events: 10, metric: 'complaint' }), against(100_000));
  assert.deepEqual([judged.verdict, judged.needs], ['insufficient', null]);
  assert.match(judged.says, /will not pass/);
});

test('feeds: none is not configured, a silent one is stale; neither punishes', () => {
  const bad = { trials: 100, events: 90, sums: sums(50, 50) };
  assert.equal(judge(seen({ ...bad, feed: 'none' }), against(100)).verdict, 'not-configured');
  assert.equal(judge(seen({ ...bad, feed: 'stale' }), against(100)).verdict, 'stale');
  assert.equal(stopsAt(seen({ ...bad, feed: 'stale' }), gates), null);
  assert.equal(stopsAt(seen(bad), gates), 'lane');
});

test('a sum at its height fails, from half of it on the lane waits, below it passes', () => {
  const at = (lane: number, address: number) =>
    judge(seen({ trials: 10_000, sums: sums(lane, address) }), against(100)).verdict;
  assert.equal(at(5.5, 0), 'fail');
  assert.equal(at(5.4, 0), 'insufficient');
  assert.equal(at(2.74, 0), 'pass');
  assert.equal(at(0.1, 4.5), 'fail');
  assert.equal(at(0, 4.4), 'insufficient');
  assert.equal(at(0, 2.24), 'pass');
  assert.equal(stopsAt(seen({ sums: sums(0, 9) }), gates), null, 'a lane that added nothing is not stopped for others');
  const said = judge(seen({ trials: 100, events: 30, sums: sums(9, 0, 'spring') }), against(100)).says;
  assert.equal(
    said,
    'hard-bounce 30 of 100 (30.0%): harmful (sum 9.0, stops at 5.5); campaign spring supplies most of it',
  );
});

test('placement: collapse fails, few probes are insufficient, a blind sensor is stale once its budget is used up', () => {
  const probes = (trials: number, events: number, over: Partial<Evidence> = {}) =>
    judge(seen({ metric: 'placement', trials, events, ...over }), against(100)).verdict;
  assert.equal(probes(2, 2), 'insufficient');
  assert.equal(probes(5, 4), 'fail');
  assert.equal(probes(5, 1), 'pass');
  assert.equal(probes(5, 5, { feed: 'none' }), 'not-configured');
  assert.equal(probes(0, 0, { feed: 'stale' }), 'stale');
  assert.equal(probes(5, 1, { feed: 'stale', brokenHours: 24 }), 'pass', 'its last evidence stands for a day');
  assert.equal(probes(5, 1, { feed: 'stale', brokenHours: 25 }), 'stale');
});

test('placement: seeds that a warm address reaches better fail the lane; as many the other way round do not', () => {
  const pairs = (worse: number, better: number) =>
    judge(seen({ metric: 'placement', trials: 30, events: 8, pairs: { worse, better } }), against(100)).verdict;
  assert.equal(pairs(7, 0), 'fail');
  assert.equal(pairs(6, 0), 'pass');
  assert.equal(pairs(8, 1), 'pass');
  assert.ok(pairedRatio({ worse: 9, better: 1 }) >= 3);
});

test('a dry run and an observing gate say what they would, and are marked', () => {
  const failing = seen({ trials: 100, events: 30, sums: sums(9) });
  for (const [metric, word] of [
    [{ dryRun: true }, 'dry run'],
    [{ action: 'observe' }, 'observed'],
  ] as const) {
    const judged = judge(failing, against(100, { gates: gatesOf({ metrics: { 'hard-bounce': metric } }) }));
    assert.deepEqual([judged.verdict, judged.dry], ['fail', true]);
    assert.ok(judged.says.startsWith(`${word}: hard-bounce 30 of 100`));
  }
});

test('gates that can not be meant are refused in words, the shipped ones are fine', () => {
  assert.deepEqual(gateProblems({}), []);
  for (const action of GATE_ACTIONS) assert.deepEqual(gateProblems({ metrics: { complaint: { action } } }), []);
  assert.match(gateProblems({ falseStopsPerRamp: 2 })[0] ?? '', /falseStopsPerRamp is 2/);
  assert.match(gateProblems({ consecutiveGood: 0 })[0] ?? '', /consecutiveGood is 0/);
  assert.match(gateProblems({ metrics: { block: { steps: 0.5 } } })[0] ?? '', /block: steps/);
  assert.match(gateProblems({ metrics: { block: { fine: 0.01 } } })[0] ?? '', /block: fine 0.01 and harmful 0.005/);
  assert.match(gateProblems({ metrics: { placement: { action: 'step-back' } } })[0] ?? '', /more than seeds can bear/);
  for (const lookbackDays of [0, 1.5, 29])
    assert.match(
      gateProblems({ metrics: { block: { lookbackDays } } })[0] ?? '',
      /block: lookbackDays is .* give 1 to 28/,
    );
  for (const lagHours of [-1, 73])
    assert.match(
      gateProblems({ metrics: { complaint: { lagHours } } })[0] ?? '',
      /complaint: lagHours is .* give 0 to 72/,
    );
});

test('a figure that would do nothing where it is written is refused, and said to be', () => {
  assert.match(
    gateProblems({ metrics: { placement: { fine: 0.1 } } })[0] ?? '',
    /placement: fine is for metrics that count/,
  );
  assert.match(
    gateProblems({ metrics: { deferral: { budgetHours: 9 } } })[0] ?? '',
    /deferral: budgetHours is for feeds/,
  );
  assert.match(
    gateProblems({ providers: { yahoo: { metrics: { placement: { lagHours: 1 } } } } })[0] ?? '',
    /^yahoo: placement/,
  );
  const fine = {
    complaint: { budgetHours: 9, lagHours: 30, lookbackDays: 14 },
    placement: { lookbackDays: 3, budgetHours: 9 },
  };
  assert.deepEqual(gateProblems({ metrics: fine }), []);
});

test("a complaint feed's last evidence stands for its budget, and punishes nobody", () => {
  const gates = gatesOf({ metrics: { complaint: { budgetHours: 48 } } });
  const silent = (brokenHours?: number) =>
    seen({
      metric: 'complaint',
      trials: 9_000,
      feed: 'stale',
      sums: sums(1),
      ...(brokenHours === undefined ? {} : { brokenHours }),
    });
  assert.equal(judge(silent(47), against(100, { gates })).verdict, 'pass');
  assert.equal(judge(silent(49), against(100, { gates })).verdict, 'stale');
  assert.equal(judge(silent(0.01), against(100)).verdict, 'stale', 'as shipped there is none');
  assert.equal(
    judge(silent(), against(100, { gates })).verdict,
    'stale',
    'one that never spoke has nothing that could stand',
  );
  assert.equal(stopsAt({ ...silent(1), sums: sums(50) }, gates), null);
});
