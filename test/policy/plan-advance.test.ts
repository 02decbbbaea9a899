import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { volumeMissing } from '../../policy/advance.ts';
import { decide } from '../../policy/decide.ts';
import type { LaneInput } from '../../policy/decision.ts';
import type { Evidence } from '../../policy/evidence.ts';
import { COUNTED } from '../../policy/gates/levels.ts';
import { ADVANCE_MODES, type AdvanceMode, type Plan, planNamed, stageCount } from '../../policy/plan.ts';

const base = planNamed('six-week', { start: 50, targets: { default: 2_000 } });
const under = (advance: AdvanceMode, stageShare?: number): Plan => ({
  ...base,
  advance,
  ...(stageShare && { stageShare }),
});
const seen = (trials: number, events = 0, feed: Evidence['feed'] = 'ok'): Evidence[] =>
  COUNTED.map((metric) => ({ metric, feed, trials, events, awaiting: 0, from: 0, to: 1 }));

const STAGE = 5;
const ceiling = base.rows.default?.[STAGE]?.ceiling ?? 0;

function input(plan: Plan, use: Partial<LaneInput['use']>, over: Partial<LaneInput> = {}): LaneInput {
  return {
    lane: {
      ...{ address: '198.51.100.8', provider: 'google', phase: 'ramping', stage: STAGE, ceiling, normal: 2_600 },
      ...{ clean: 0, advanced: 9 },
    },
    ...{ plan, window: 10, final: true, prorated: false, paused: [], week: seen(100_000), idle: 0 },
    ...{ crossed: [], operatorHolds: [], campaigns: [], placement: { minObserved: 3, collapse: 0.5 } },
    use: { sent: 0, expected: ceiling, stopped: false, ...use },
    ...over,
  };
}
const kind = (...given: Parameters<typeof input>) => decide(input(...given))?.kind;

test('the mail a stage needs, by mode', () => {
  const little = { sent: 1, stageSent: 1 };
  assert.equal(kind(under('gated'), little), 'hold');
  assert.equal(kind(under('calendar'), little), 'advance');
  assert.equal(kind(under('calendar'), { sent: 0 }), 'advance');
  assert.equal(kind(under('send-days'), little), 'advance');
  assert.equal(kind(under('send-days'), { sent: 0 }), 'hold');
  assert.equal(kind(under('volume-stage'), little), 'hold');
  assert.equal(kind(under('volume-stage'), { sent: 0, stageSent: ceiling }), 'advance');
  assert.equal(kind(under('volume-stage'), { sent: ceiling }), 'hold', 'nobody counted the stage: no evidence of it');
  const share = Math.ceil(ceiling * 0.9);
  assert.equal(kind(under('volume-stage', 0.9), { sent: 0, stageSent: share }), 'advance');
  assert.equal(kind(under('volume-stage', 0.9), { sent: 0, stageSent: share - 1 }), 'hold');
  assert.match(
    decide(input(under('volume-stage'), { stageSent: 3 }))?.reason ?? '',
    new RegExp(`^volume-limited: 3 of ${ceiling} sent since this stage began`),
  );
});

test('no mode raises a lane without a pass, over a pause, in a window that was cut or not granted, or twice in one', () => {
  const full = { sent: ceiling, stageSent: ceiling };
  const obstacles: readonly (readonly [string, Partial<LaneInput['use']>, Partial<LaneInput>])[] = [
    ['failing', {}, { week: seen(1_000, 900) }],
    ['silent', {}, { week: seen(1_000, 0, 'stale') }],
    ['too little seen', {}, { week: seen(5) }],
    ['nothing measured', {}, { week: [] }],
    ['paused', {}, { paused: ['operator'] }],
    ['cut', { stopped: true }, {}],
    ['not granted', { expected: 0 }, {}],
    ['prorated', {}, { prorated: true }],
    ['already advanced', {}, { window: 9 }],
    ['not the last look', {}, { final: false }],
  ];
  for (const mode of ADVANCE_MODES) {
    assert.equal(kind(under(mode), full), 'advance', mode);
    for (const [name, use, over] of obstacles) {
      const decision = decide(input(under(mode), { ...full, ...use }, over));
      assert.ok(decision === null || (decision.kind !== 'advance' && !decision.raised), `${mode}: ${name}`);
    }
  }
});

test('after the last stage every mode asks for a window that was used', () => {
  for (const mode of ADVANCE_MODES) {
    const lane = {
      ...input(under(mode), {}).lane,
      phase: 'graduating' as const,
      stage: stageCount(base, 'google') - 1,
      ceiling: 2_000,
    };
    assert.equal(
      decide(input(under(mode), { sent: 1, stageSent: 9_999, expected: 2_000 }, { lane }))?.kind,
      'hold',
      mode,
    );
    assert.equal(decide(input(under(mode), { sent: 1_900, expected: 2_000 }, { lane }))?.kind, 'advance', mode);
  }
});

test('gated asks for most, calendar for nothing; more mail never costs a stage', () => {
  const use = fc.record({ sent: fc.nat(200), expected: fc.nat(200), stageSent: fc.nat(500) });
  fc.assert(
    fc.property(
      use,
      fc.integer({ min: 1, max: 200 }),
      fc.constantFrom(...ADVANCE_MODES),
      fc.nat(50),
      (given, at, mode, more) => {
        assert.equal(volumeMissing(under('calendar'), at, given), null);
        const enough = volumeMissing(under(mode), at, given) === null;
        const grown = { ...given, sent: given.sent + more, stageSent: given.stageSent + more };
        if (enough) assert.equal(volumeMissing(under(mode), at, grown), null);
      },
    ),
  );
});
