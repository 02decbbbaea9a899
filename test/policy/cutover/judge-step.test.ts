import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emergency } from '../../../policy/cutover/emergency.ts';
import type { CutJudgement, CutVerdict } from '../../../policy/cutover/evidence.ts';
import { judgeStep, type StepInput } from '../../../policy/cutover/judge-step.ts';
import { CUTOVER_PHASES, cutoverAfter } from '../../../policy/cutover/machine.ts';
import { CUT_METRICS, CUTOVER_PLAN, type CutMetric } from '../../../policy/cutover/plan.ts';

function judged(metric: CutMetric, verdict: CutVerdict, over: Partial<CutJudgement> = {}): CutJudgement {
  const sum = { trials: 1_000, events: 10 };
  const intervals = { old: [0, 1], new: [0, 1] } as const;
  return {
    metric,
    verdict,
    old: sum,
    new: sum,
    intervals,
    needs: verdict === 'pass' ? 0 : 50,
    hours: 7,
    says: `${metric} ${verdict}`,
    ...over,
  };
}

const PASSES = [
  judged('deferral', 'pass'),
  judged('block', 'insufficient'),
  judged('hard-bounce', 'pass'),
  judged('complaint', 'pass'),
  judged('placement', 'pass'),
];
const ready: StepInput = {
  ...{
    phase: 'running',
    points: 40,
    nextPoints: 50,
    plan: CUTOVER_PLAN,
    phaseHours: 100,
    reachedHours: 100,
    shareLimit: null,
  },
  ...{ campaigns: 5, judgements: PASSES, tooSmall: [], stopped: [], unprepared: [], frozen: null, stepBacks: 0 },
  ...{ approval: 'none', stepHook: 'none', rollbackHook: 'none' },
};
const event = (over: Partial<StepInput>) => judgeStep({ ...ready, ...over }).event;
const waits = (over: Partial<StepInput>) => judgeStep({ ...ready, ...over }).waits;
const but = (metric: CutMetric, verdict: CutVerdict, over: Partial<CutJudgement> = {}) =>
  PASSES.map((one) => (one.metric === metric ? judged(metric, verdict, over) : one));

test('all that has to be there is there: the next step; each thing that is missing is named, with its time', () => {
  assert.equal(event({}), 'advance');
  assert.deepEqual(waits({ reachedHours: 40 }), ['40 of 48 h at this step']);
  assert.equal(judgeStep({ ...ready, reachedHours: 40 }).hours, 8);
  assert.deepEqual(waits({ points: 5, reachedHours: 20 }), ['20 of 24 h at this step']);
  assert.deepEqual(waits({ reachedHours: null, shareLimit: 'google 12.0% by grants' }), [
    'the share is not at 40% yet (google 12.0% by grants)',
  ]);
  assert.deepEqual(waits({ campaigns: 2 }), ['2 of 3 campaigns on both arms']);
  assert.deepEqual(waits({ judgements: but('deferral', 'insufficient') }), ['deferral insufficient']);
  assert.equal(judgeStep({ ...ready, judgements: but('deferral', 'insufficient') }).hours, 7);
  assert.deepEqual(waits({ judgements: but('complaint', 'insufficient') }), ['complaint insufficient']);
  assert.equal(
    event({ points: 20, judgements: but('complaint', 'insufficient') }),
    'advance',
    'complaints are asked for from 30%',
  );
  assert.deepEqual(waits({ judgements: but('complaint', 'stale') }), ['complaint stale']);
  assert.match(
    waits({ tooSmall: [{ provider: 'google', ceiling: 100, needs: 400 }] })[0] ?? '',
    /do not carry 50% yet \(a day: google 100 of 400\)/,
  );
  assert.match(waits({ frozen: 'Christmas' })[0] ?? '', /frozen: Christmas/);
});

test('an arm that is not compared neither passes nor blocks for good: enough has to be seen of the new one', () => {
  const none = { needs: 0, hours: 0 };
  assert.equal(event({ judgements: but('deferral', 'not-configured', none) }), 'advance');
  assert.equal(event({ judgements: but('deferral', 'not-configured') }), null);
  assert.equal(event({ judgements: but('complaint', 'not-configured') }), 'advance');
  assert.equal(event({ judgements: but('placement', 'not-configured') }), 'advance');
});

test('what fails does what the plan says, in every phase with mail on the new arm', () => {
  for (const phase of ['running', 'waiting', 'holding', 'watching', 'stepped-back'] as const) {
    assert.equal(event({ phase, judgements: but('block', 'fail') }), 'rollback', phase);
    assert.equal(event({ phase, judgements: but('complaint', 'fail') }), 'rollback', phase);
    assert.equal(event({ phase, judgements: but('hard-bounce', 'fail') }), 'step-back', phase);
    assert.equal(event({ phase, judgements: but('hard-bounce', 'fail'), stepBacks: 2 }), 'rollback', phase);
    assert.equal(event({ phase, stopped: ['google', 'yahoo'] }), 'rollback', phase);
  }
  assert.equal(event({ judgements: but('placement', 'fail') }), 'hold');
  assert.equal(event({ phase: 'holding', judgements: but('placement', 'fail') }), null);
  assert.equal(event({ stopped: ['google'] }), null, 'one provider has its own gates, and gets no more meanwhile');
  assert.deepEqual(waits({ stopped: ['google'] }), ['lanes of the new arm are stopped at google']);
  assert.equal(event({ phase: 'rolled-back', points: 20, judgements: but('hard-bounce', 'fail') }), 'rollback');
  assert.equal(event({ phase: 'rolled-back', points: 0, judgements: but('block', 'fail') }), null);
});

test('who is asked: a webhook, a person, and a rollback that a webhook refuses becomes a hold', () => {
  assert.deepEqual(
    [judgeStep({ ...ready, stepHook: 'unasked' }).ask, event({ stepHook: 'unasked' })],
    ['confirm-step', null],
  );
  assert.equal(event({ stepHook: 'no' }), null);
  assert.equal(event({ stepHook: 'yes' }), 'advance');
  assert.equal(event({ approval: 'wanted' }), 'ask');
  assert.equal(event({ phase: 'waiting', approval: 'wanted' }), null);
  assert.equal(event({ phase: 'waiting', approval: 'given' }), 'approve');
  const dips = { phase: 'waiting', judgements: but('deferral', 'insufficient') } as const;
  assert.equal(event({ ...dips, approval: 'given' }), null, 'the yes stands, and the step waits for a pass');
  assert.match(judgeStep({ ...ready, ...dips, approval: 'given' }).reason, /^approved, and for more mail: /);
  assert.equal(event({ ...dips, approval: 'wanted' }), null);
  assert.equal(event({ ...dips, campaigns: 0 }), 'doubt');
  assert.equal(event({ phase: 'waiting', approval: 'given', judgements: but('deferral', 'stale') }), 'doubt');
  const fails = { judgements: but('block', 'fail') };
  assert.equal(judgeStep({ ...ready, ...fails, rollbackHook: 'unasked' }).ask, 'confirm-rollback');
  assert.equal(event({ ...fails, rollbackHook: 'no' }), 'hold');
  assert.equal(event({ ...fails, rollbackHook: 'yes' }), 'rollback');
});

test('preparing, the cool-down and the watch', () => {
  const before = {
    ...ready,
    phase: 'preparing',
    points: 0,
    nextPoints: 1,
    judgements: [],
    campaigns: 0,
    reachedHours: null,
  } as const;
  assert.equal(judgeStep(before).event, 'advance');
  assert.deepEqual(judgeStep({ ...before, unprepared: ['a baseline'] }).waits, ['a baseline']);
  assert.equal(event({ phase: 'stepped-back', phaseHours: 23 }), null);
  assert.equal(event({ phase: 'stepped-back', phaseHours: 24 }), 'recover');
  const last = { phase: 'watching', points: 100, nextPoints: null } as const;
  assert.equal(event({ ...last, reachedHours: 100 }), null);
  assert.equal(event({ ...last, reachedHours: 7 * 24 }), 'complete');
  assert.equal(event({ ...last, reachedHours: 7 * 24, judgements: but('block', 'stale') }), null);
});

const anything = fc.record({
  phase: fc.constantFrom(...CUTOVER_PHASES),
  points: fc.constantFrom(0, 1, 40, 100),
  nextPoints: fc.constantFrom(null, 50),
  phaseHours: fc.double({ min: 0, max: 500, noNaN: true }),
  reachedHours: fc.option(fc.double({ min: 0, max: 500, noNaN: true })),
  campaigns: fc.integer({ min: 0, max: 5 }),
  verdicts: fc.array(fc.constantFrom('pass', 'fail', 'insufficient', 'stale', 'not-configured'), {
    minLength: 5,
    maxLength: 5,
  }),
  stopped: fc.subarray(['google', 'yahoo', 'apple']),
  tooSmall: fc.constantFrom([], [{ provider: 'google', ceiling: 1, needs: 2 }]),
  frozen: fc.constantFrom(null, 'Christmas'),
  stepBacks: fc.integer({ min: 0, max: 3 }),
  approval: fc.constantFrom('none', 'wanted', 'given'),
  stepHook: fc.constantFrom('none', 'unasked', 'yes', 'no'),
  rollbackHook: fc.constantFrom('none', 'unasked', 'yes', 'no'),
});

test('automation never raises without a pass of what is asked for, and never proposes what the machine refuses', () => {
  fc.assert(
    fc.property(anything, ({ verdicts, ...over }) => {
      const judgements = CUT_METRICS.map((metric, at) => judged(metric, (verdicts[at] ?? 'pass') as CutVerdict));
      const input = { ...ready, ...over, judgements } as StepInput;
      const { event } = judgeStep(input);
      if (event === 'advance' || event === 'approve' || event === 'complete')
        assert.ok(input.points <= 0 || !verdicts.includes('fail'));
      if ((event === 'advance' || event === 'approve') && input.points > 0) {
        assert.ok(
          input.tooSmall.length === 0 &&
            input.frozen === null &&
            input.reachedHours !== null &&
            input.reachedHours >= 24,
        );
        assert.ok(!verdicts.includes('stale') && input.stepHook !== 'no' && input.stepHook !== 'unasked');
        if (input.points <= 90)
          for (const metric of ['deferral', 'hard-bounce'])
            assert.notEqual(judgements.find((one) => one.metric === metric)?.verdict, 'insufficient');
      }
      if (event === null) return;
      const rungs = 3;
      const rung = input.phase === 'watching' || input.phase === 'done' ? 2 : input.points <= 0 ? -1 : 1;
      const legal = cutoverAfter({ phase: input.phase, rung: input.phase === 'preparing' ? -1 : rung }, event, rungs);
      // What can not be: a preparing cutover with a share, and the last rung with a next one.
      const real = (input.phase === 'preparing') === input.points <= 0 && input.phase !== 'aborted';
      if (real) assert.notEqual(legal, undefined, `${input.phase} ${event}`);
    }),
    { numRuns: 3_000 },
  );
});

test('an emergency is far beyond harm, or two providers at once', () => {
  const hour = (over: object) => [{ provider: 'google', attempts: 1_000, hard: 5, blocked: 0, ...over }];
  assert.equal(emergency(hour({}), []), null);
  assert.equal(emergency(hour({ hard: 60 }), []), null, 'harmful, and the steps see to it');
  assert.equal(emergency(hour({ hard: 200 }), [])?.metric, 'hard-bounce');
  assert.equal(emergency(hour({ attempts: 20, hard: 9 }), []), null, 'too few to say');
  assert.equal(emergency(hour({ blocked: 50 }), [])?.metric, 'block');
  assert.equal(emergency([], ['google']), null);
  assert.match(emergency([], ['google', 'yahoo'])?.says ?? '', /stopped at google, yahoo/);
});
