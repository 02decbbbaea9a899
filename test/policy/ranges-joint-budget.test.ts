import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LaneDecision } from '../../policy/decision.ts';
import { mostAfter } from '../../policy/plans/growth.ts';
import { RANGE } from '../../policy/ranges/defaults.ts';
import { allot, fitted, type JointLane, jointBudget, mayWant } from '../../policy/ranges/joint-budget.ts';

const lane = (address: string, wants: number, granted: number | null = null): JointLane => ({
  address,
  granted,
  wants,
});

test('one lane alone has what its plan says', () => {
  for (const wants of [1, 50, 700, 2_000_000]) {
    const lanes = [lane('a', wants)];
    assert.equal(allot('a', lanes, jointBudget('google', lanes, 0)), wants);
  }
});

test('the budget is the floor, the largest lane, or the cap on the best day, whichever is most', () => {
  assert.equal(jointBudget('google', [lane('a', 50), lane('b', 60)], 10), RANGE.jointFloor);
  assert.equal(jointBudget('google', [lane('a', 50), lane('b', 900)], 10), 900);
  assert.equal(jointBudget('google', [lane('a', 50), lane('b', 900)], 4_000), 8_000);
  assert.equal(jointBudget('google', [lane('a', 50)], 20_000), 30_000, 'above 10,000 a day: 1.5');
  assert.equal(jointBudget('apple', [lane('a', 50)], 4_000), 5_000, 'a provider that reports no complaints: 1.25');
});

test('small lanes get all they ask for, large ones share the rest evenly', () => {
  const lanes = [lane('a', 50), lane('b', 1_000), lane('c', 1_000)];
  assert.deepEqual(
    lanes.map(({ address }) => allot(address, lanes, 850)),
    [50, 400, 400],
  );
});

test('who comes late has what was kept for him, and what others did not use', () => {
  assert.equal(allot('b', [lane('a', 1_000, 400), lane('b', 1_000)], 850), 450);
  assert.equal(allot('b', [lane('a', 1_000, 1_000), lane('b', 1_000)], 850), 0);
});

const world = fc.record({
  provider: fc.constantFrom('google', 'apple', 'other'),
  wants: fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 12 }),
  best: fc.integer({ min: 0, max: 200_000 }),
});

/** Every lane decided in some order; `asks`: the share of what it might have wanted that it then asks for. */
function play(
  { provider, wants, best }: { provider: string; wants: number[]; best: number },
  order: number[],
  asks: number[],
) {
  let lanes = wants.map((most, at) => lane(`n${String(at).padStart(2, '0')}`, most));
  let budget = 0;
  for (const at of order) {
    const one = lanes[at];
    if (one === undefined) continue;
    const asked = Math.ceil(one.wants * (asks[at] ?? 1));
    const now = lanes.map((other, n) => (n === at ? lane(other.address, asked) : other));
    budget = Math.max(budget, jointBudget(provider, now, best));
    const granted = allot(one.address, now, budget);
    assert.ok(granted >= 0 && granted <= asked);
    lanes = now.map((other, n) => (n === at ? lane(other.address, asked, granted) : other));
  }
  return { lanes, budget };
}

const shuffled = (count: number) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count });

const interleaved = world.chain((one) =>
  fc.tuple(
    fc.constant(one),
    shuffled(one.wants.length),
    fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }),
  ),
);

test('for any interleaving the sum of grants stays within the budget, and within cap, floor and the largest plan', () => {
  fc.assert(
    fc.property(interleaved, ([one, order, asks]) => {
      const { lanes, budget } = play(one, order, asks);
      const sum = lanes.reduce((total, { granted }) => total + (granted ?? 0), 0);
      assert.ok(sum <= budget);
      assert.ok(budget <= Math.max(RANGE.jointFloor, mostAfter(one.best, one.provider), ...one.wants));
    }),
    { numRuns: 500 },
  );
});

test('who asks for what might be wanted gets the same, whatever the order', () => {
  fc.assert(
    fc.property(world, fc.infiniteStream(fc.nat()), (one, random) => {
      const order = one.wants.map((_, at) => at).sort(() => ((random.next().value ?? 0) % 3) - 1);
      const straight = play(one, [...one.wants.keys()], []).lanes.map(({ granted }) => granted ?? 0);
      const other = play(one, order, []).lanes.map(({ granted }) => granted ?? 0);
      // Whole messages are handed to the later of equal lanes: an order may move one message each.
      for (const [at, units] of straight.entries()) assert.ok(Math.abs(units - (other[at] ?? 0)) <= one.wants.length);
    }),
  );
});

test('nobody who asked for more is left with less, and nothing is left over that somebody wanted', () => {
  fc.assert(
    fc.property(world, (one) => {
      const { lanes, budget } = play(one, [...one.wants.keys()], []);
      const sum = lanes.reduce((total, { granted }) => total + (granted ?? 0), 0);
      const wanted = lanes.reduce((total, { wants }) => total + wants, 0);
      assert.ok(sum >= Math.min(budget, wanted) - lanes.length);
      for (const a of lanes)
        for (const b of lanes) if (a.wants > b.wants) assert.ok((a.granted ?? 0) >= (b.granted ?? 0) - lanes.length);
    }),
  );
});

const state = {
  address: 'a',
  provider: 'google',
  phase: 'ramping',
  stage: 2,
  ceiling: 400,
  normal: 9_000,
  clean: 0,
  advanced: null,
} as const;
const advance: LaneDecision = {
  kind: 'advance',
  phase: 'ramping',
  stage: 3,
  ceiling: 800,
  clean: 0,
  retreat: false,
  raised: true,
  reason: 'all gates pass',
  judgements: [],
};

test('a raise that fits is untouched; one that fits in part stays at its stage; one that does not fit is a hold', () => {
  assert.equal(fitted(state, advance, 800, 'joint'), advance);
  const part = fitted(state, advance, 600, 'joint');
  assert.deepEqual(
    [part.kind, part.stage, part.ceiling, part.raised, part.reason],
    ['advance', 2, 600, true, 'all gates pass; joint'],
  );
  const none = fitted(state, advance, 300, 'joint');
  assert.deepEqual([none.kind, none.phase, none.stage, none.ceiling, none.raised], ['hold', 'holding', 2, 400, false]);
});

test('a decision that does not raise keeps stage and ceiling, and says why its grant is smaller', () => {
  const hold: LaneDecision = {
    ...advance,
    kind: 'hold',
    phase: 'holding',
    stage: 2,
    ceiling: 400,
    raised: false,
    reason: 'volume-limited',
  };
  assert.deepEqual(fitted(state, hold, 100, 'joint'), { ...hold, reason: 'volume-limited; joint' });
});

test('no fitted decision is above what was decided, below what the lane had, or raised without being higher', () => {
  fc.assert(
    fc.property(fc.nat(2_000), fc.integer({ min: 1, max: 2_000 }), fc.nat(3_000), (grow, ceiling, units) => {
      const lane = { ...state, ceiling };
      const decision = { ...advance, ceiling: ceiling + grow, raised: grow > 0 };
      const after = fitted(lane, decision, units, 'joint');
      assert.ok(after.ceiling <= decision.ceiling && after.ceiling >= lane.ceiling);
      assert.equal(after.raised, after.ceiling > lane.ceiling);
    }),
  );
});

test('a lane may want its next stage, or a step of growth past its plan, and never less than it has', () => {
  const at = { phase: 'ramping', ceiling: 400, normal: 9_000, nextStage: 800 };
  assert.equal(mayWant(at), 800);
  assert.equal(mayWant({ ...at, nextStage: null }), 500);
  assert.equal(mayWant({ ...at, phase: 'graduating' }), 500);
  assert.equal(mayWant({ ...at, phase: 'graduating', ceiling: 8_900 }), 9_000);
  assert.equal(mayWant({ ...at, ceiling: 900 }), 900);
});
