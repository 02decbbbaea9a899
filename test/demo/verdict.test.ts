import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldShare } from '../../cli/demo/held.ts';
import { carriable, conditions, uses, type VerdictInput } from '../../cli/demo/verdict.ts';

const COLD = '127.10.0.11';
const window = (over: Partial<VerdictInput['judgement']['perLaneWindow'][number]> = {}) => ({
  address: COLD,
  provider: 'google',
  windowIndex: 0,
  start: 0,
  end: 1_000,
  grant: 10,
  received: 10,
  accepted: 10,
  over: 0,
  ...over,
});

const injected = (count: number, segment = 'engaged-30d') =>
  Array.from({ length: count }, (_, n) => ({
    t: (n * 1_000) / count,
    messageId: `<${segment}-${n}@x>`,
    rcpt: 'a@gmail.com',
    provider: 'google',
    campaign: 'c',
    segment,
  }));

/** A run in which everything held. */
function good(over: Partial<VerdictInput> = {}): VerdictInput {
  return {
    cold: COLD,
    judgement: {
      perLaneWindow: [window()],
      overPairs: [],
      ungranted: [],
      duplicates: [],
      lost: [],
      unknown: [],
      totals: [],
      arrivals: [],
    },
    injected: injected(20),
    grants: [
      {
        address: COLD,
        provider: 'google',
        windowIndex: 0,
        start: 0,
        end: 1_000,
        units: 10,
        planUnits: 10,
        segment: 'all',
        ramping: true,
      },
    ],
    decisions: [{ address: COLD, provider: 'google', window: 0, kind: 'step-back', toPhase: 'stepped-back' }],
    finalPhases: [{ provider: 'google', phase: 'warm' }],
    stretches: [],
    injured: ['google'],
    inDoubt: 0,
    until: 2_000,
    ...over,
  };
}

const failing = (input: VerdictInput) =>
  conditions(input)
    .filter((one) => !one.holds)
    .map((one) => one.name);

test('a good run holds every condition', () => {
  assert.deepEqual(failing(good()), []);
});

test('each condition fails when what it promises is broken, and alone', () => {
  const judged = good().judgement;
  const cases: [Partial<VerdictInput>, RegExp][] = [
    [{ judgement: { ...judged, perLaneWindow: [window({ received: 11, over: 1 })] } }, /exceeded its grant/],
    [{ judgement: { ...judged, ungranted: [{ address: COLD, provider: 'google', t: 5 }] } }, /exceeded its grant/],
    [{ grants: good().grants.map((grant) => ({ ...grant, planUnits: 9 })) }, /plan row/],
    [{ judgement: { ...judged, perLaneWindow: [window({ received: 8 })] } }, /90%/],
    [{ judgement: { ...judged, lost: ['<x>'] } }, /accounted for/],
    [{ judgement: { ...judged, duplicates: [{ messageId: '<x>', rcpt: 'a', times: 2 }] } }, /accounted for/],
    [{ injured: ['yahoo'] }, /only the injured/],
    [{ decisions: [] }, /stepped back and recovered/],
  ];
  for (const [broken, name] of cases) {
    const failed = failing(good(broken));
    assert.equal(failed.length, 1, `${name}: ${failed}`);
    assert.match(failed[0] ?? '', name);
  }
  assert.ok(
    failing(good({ finalPhases: [{ provider: 'google', phase: 'holding' }] })).some((name) => /ends warm/.test(name)),
  );
});

test('a duplicate in doubt is the price of a crash, one more is not', () => {
  const judged = { ...good().judgement, duplicates: [{ messageId: '<x>', rcpt: 'a', times: 3 }] };
  assert.deepEqual(failing(good({ judgement: judged, inDoubt: 2 })), []);
  assert.equal(failing(good({ judgement: judged, inDoubt: 1 })).length, 1);
});

test('demand counts only segments the stage admits, and a hold takes its time off the grant', () => {
  const grants = good().grants.map((grant) => ({ ...grant, segment: 'engaged-30d' }));
  const mixed = [...injected(5), ...injected(50, 'all')];
  const [use] = uses(
    good({ grants, injected: mixed, judgement: { ...good().judgement, perLaneWindow: [window({ received: 5 })] } }),
  );
  assert.deepEqual([use?.demand, use?.enough], [5, true]);
  const held = good({
    stretches: [{ provider: 'google', from: 0, to: 500 }],
    judgement: { ...good().judgement, perLaneWindow: [window({ received: 4 })] },
  });
  assert.equal(uses(held)[0]?.enough, true);
});

test('a grant can carry what finds a unit due: an even pace, nothing kept for later', () => {
  const grant = { units: 10, start: 1_000, end: 2_000 };
  const at = (...times: number[]) => carriable(grant, times);
  assert.equal(at(...Array.from({ length: 20 }, (_, n) => 1_000 + n * 50)), 10, 'twice as many as units');
  assert.equal(at(...Array.from({ length: 20 }, () => 1_000)), 1, 'all at once, when one unit is due');
  assert.equal(at(1_999, 1_998, 1_997), 3, 'in whatever order; what was not used is still there');
  assert.equal(at(1_050, 1_060, 1_150), 2);
  assert.equal(at(), 0);
});

test('overlapping holds are counted once', () => {
  const of = { provider: 'google', start: 0, end: 100 };
  const hold = (from: number, to: number, provider = 'google') => ({ provider, from, to });
  assert.equal(heldShare(of, []), 0);
  assert.equal(heldShare(of, [hold(-50, 20), hold(10, 30), hold(90, 500)]), 0.4);
  assert.equal(heldShare(of, [hold(0, 100, 'yahoo')]), 0);
  assert.equal(heldShare(of, [hold(-1, Number.POSITIVE_INFINITY)]), 1);
});
