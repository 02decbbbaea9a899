import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LaneState } from '../../policy/decision.ts';
import { type PauseReason, PHASES, type Phase } from '../../policy/lane.ts';
import { grantUnits } from '../../policy/lane-grant.ts';
import { planNamed, stageCount, stageOf } from '../../policy/plan.ts';
import { LANE_VERBS, type LaneVerb, type VerbInput, verbOn } from '../../policy/verbs.ts';

const plan = planNamed('six-week', { start: 50, targets: { default: 2_000 } });
const last = stageCount(plan, 'google') - 1;
const ceilingOf = (stage: number) => stageOf(plan, 'google', stage)?.ceiling ?? 0;
const PAUSES: PauseReason[] = ['operator', 'gate', 'incident', 'freeze', 'no-data'];

type Changes = Partial<Omit<VerbInput, 'lane'>> & { readonly lane?: Partial<LaneState> };

function given(verb: LaneVerb, over: Changes = {}): VerbInput {
  const { lane, ...rest } = over;
  const stage = lane?.stage ?? 5;
  return {
    verb,
    lane: {
      ...{ address: '198.51.100.8', provider: 'google', phase: 'ramping', stage, ceiling: ceilingOf(stage) },
      ...{ normal: 2_600, clean: 1, advanced: 9 },
      ...lane,
    },
    plan,
    paused: [],
    steps: 1,
    force: false,
    reason: 'because',
    ...rest,
  };
}

/** What each verb does to a lane at stage 5 of 42, by phase: the phase it comes to, `judge`, or `-` refused. */
const TABLE: Record<Phase, string> = {
  //              hold step-back advance promote complete abort
  planned: '- - - - - -',
  ramping: 'holding stepped-back judge ramping - planned',
  holding: 'holding stepped-back judge holding - planned',
  'stepped-back': 'stepped-back stepped-back - - - planned',
  quarantined: '- - - - - planned',
  probing: '- - - - - planned',
  graduating: 'graduating stepped-back judge graduating - planned',
  warm: '- stepped-back - - - -',
  cooling: 'cooling stepped-back judge cooling - planned',
};

test('every phase answers every verb as the table says, and a refusal says more than no', () => {
  for (const phase of PHASES) {
    const answers = LANE_VERBS.map((verb) => {
      const result = verbOn(given(verb, { lane: { phase } }));
      if ('decision' in result) return result.decision.phase;
      if ('judge' in result) return 'judge';
      assert.ok(result.refused.length > 20, `${phase} ${verb}: ${result.refused}`);
      return '-';
    });
    assert.equal(answers.join(' '), TABLE[phase], phase);
  }
});

test('no verb raises what a lane may send now, and under a pause only what lowers or holds is done', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...LANE_VERBS),
      fc.constantFrom(...PHASES),
      fc.integer({ min: 0, max: last }),
      fc.subarray(PAUSES),
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 1, max: 60 }),
      (verb, phase, stage, paused, planned, force, steps) => {
        const input = given(verb, { lane: { phase, stage }, paused, force, steps, plan: planned ? plan : null });
        const result = verbOn(input);
        if ('refused' in result) return;
        if (paused.length > 0) assert.ok(['hold', 'step-back', 'abort'].includes(verb), verb);
        if ('judge' in result) return;
        const { decision } = result;
        assert.ok(decision.ceiling <= input.lane.ceiling && decision.stage <= input.lane.stage);
        assert.ok(grantUnits(decision) <= grantUnits(input.lane));
        assert.equal(decision.raised, false);
        assert.equal(decision.reason, 'because');
      },
    ),
    { numRuns: 3_000 },
  );
});

test('a step back goes as many rows down as asked, to the first at most; without a plan each one halves', () => {
  const to = (over: Changes) => {
    const result = verbOn(given('step-back', over));
    return 'decision' in result ? [result.decision.stage, result.decision.ceiling, result.decision.clean] : result;
  };
  assert.deepEqual(to({ steps: 3 }), [2, ceilingOf(2), 0]);
  assert.deepEqual(to({ steps: 99 }), [0, ceilingOf(0), 0]);
  assert.deepEqual(to({ plan: null, steps: 2, lane: { phase: 'warm', ceiling: 2_600 } }), [5, 650, 0]);
  assert.match(JSON.stringify(to({ lane: { stage: 0 } })), /lowest stage already: pause it/);
});

test('complete near the end graduates at the ceiling it has; far from it, only by force', () => {
  const far = verbOn(given('complete'));
  assert.ok('refused' in far && /is \d+% of 2000.*--force/.test(far.refused), JSON.stringify(far));
  const forced = verbOn(given('complete', { force: true }));
  assert.ok('decision' in forced && forced.decision.phase === 'graduating' && forced.decision.ceiling === ceilingOf(5));
  const near = verbOn(given('complete', { lane: { stage: last - 2, phase: 'holding' } }));
  assert.ok('decision' in near && near.decision.kind === 'complete' && near.decision.ceiling === ceilingOf(last - 2));
  const none = verbOn(given('complete', { plan: null, force: true }));
  assert.ok('refused' in none && /follows no plan/.test(none.refused));
});
