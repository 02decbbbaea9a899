import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CUTOVER_PLAN, mostAfter, stepsOf } from '../../../policy/cutover/plan.ts';
import { CARRIED, carries, ceilingFor, effectiveShare, expectedUnits } from '../../../policy/cutover/share.ts';

const base = { step: 50, before: 50, uncapped: false, forecast: 10_000, grants: null, floor: 0, floorMost: 0.2 };

test('the least limit binds, and is named', () => {
  assert.deepEqual(effectiveShare(base), { points: 50, binds: 'step', offered: 5_000 });
  assert.deepEqual(effectiveShare({ ...base, grants: 1_000 }), { points: 8, binds: 'grants', offered: 800 });
  assert.deepEqual(effectiveShare({ ...base, before: 4 }), { points: 8, binds: 'growth', offered: 800 });
  assert.equal(effectiveShare({ ...base, before: 4, uncapped: true }).points, 50);
  assert.deepEqual(effectiveShare({ ...base, step: 100, before: 95, floor: 1_000 }), {
    points: 90,
    binds: 'floor',
    offered: 9_000,
  });
  assert.equal(effectiveShare({ ...base, step: 100, before: 95, floor: 50_000 }).points, 80, 'a floor is no wall');
  assert.deepEqual(effectiveShare({ ...base, grants: 0 }), { points: 0, binds: 'grants', offered: 0 });
  assert.equal(effectiveShare({ ...base, grants: 0, forecast: 0 }).points, 0);
  assert.equal(effectiveShare({ ...base, grants: 10, forecast: 0 }).points, 50);
});

test('the ladder of ten points begins with a canary; growth doubles at the low end and then adds ten points', () => {
  assert.deepEqual(stepsOf(10), [...CUTOVER_PLAN.steps]);
  assert.deepEqual(stepsOf(25), [1, 2, 5, 25, 50, 75, 100]);
  assert.deepEqual(stepsOf(2), [1, ...Array.from({ length: 50 }, (_, n) => 2 * (n + 1))]);
  assert.deepEqual([0, 1, 2, 4, 5, 8, 10, 95].map(mostAfter), [1, 2, 4, 8, 10, 10, 20, 100]);
});

const world = fc.record({
  step: fc.double({ min: 0, max: 100, noNaN: true }),
  before: fc.double({ min: 0, max: 100, noNaN: true }),
  uncapped: fc.constant(false),
  forecast: fc.integer({ min: 0, max: 1_000_000 }),
  grants: fc.option(fc.integer({ min: 0, max: 1_000_000 })),
  floor: fc.integer({ min: 0, max: 10_000 }),
  floorMost: fc.constantFrom(0, 0.1, 0.2),
});

test('never more than the step, the growth, what the grants carry, or all but the floor', () => {
  fc.assert(
    fc.property(world, (one) => {
      const { points, offered } = effectiveShare(one);
      assert.ok(points >= 0 && points <= one.step + 1e-9 && points <= mostAfter(one.before) + 1e-9);
      if (one.grants !== null && one.forecast > 0) assert.ok(offered <= CARRIED * one.grants + 1e-6);
      const kept = Math.min(one.floorMost * one.forecast, one.floor);
      assert.ok(one.forecast - offered >= kept - 1e-6);
    }),
  );
});

test('cohorts are nested over a whole ladder: a share that only rises never gives a recipient back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 20 }), (steps) => {
      let before = 0;
      for (const step of steps.sort((a, b) => a - b)) {
        const { points } = effectiveShare({ ...base, step, before });
        assert.ok(points >= before - 1e-9 || step < before);
        before = Math.max(before, points);
      }
    }),
  );
});

/**
 * The ramp and the share, day by day, with nothing wrong: the ramp advances when it used 80% of what counts as its use, the
 * ladder when the share is reached and the grants carry the next step.
 */
function play(world: {
  forecast: number;
  start: number;
  growth: number;
  noise: (day: number) => number;
  naive?: boolean;
}): number {
  const steps = CUTOVER_PLAN.steps;
  let [rung, grants, before] = [0, world.start, 0];
  for (let day = 1; day <= 400; day++) {
    const [step, next] = [steps[rung] ?? 100, steps[rung + 1]];
    const share = effectiveShare({ ...base, step, before, forecast: world.forecast, grants });
    const mail = world.forecast * world.noise(day);
    const sent = Math.min(grants, (mail * share.points) / 100);
    const needed = next === undefined ? 0 : ceilingFor(world.forecast, next);
    const offered = (mail * share.points) / 100;
    const expected = world.naive ? grants : expectedUnits({ granted: grants, grants, offered, needed });
    if (sent >= 0.8 * expected) grants = Math.floor(Math.max(grants + 1, grants * world.growth));
    before = share.points;
    if (next === undefined) return day;
    if (share.points >= step - 1e-9 && carries(grants, world.forecast, next)) rung += 1;
  }
  return Number.POSITIVE_INFINITY;
}

test('a ramp that waits for volume and a share that waits for the ramp do not wait for each other', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 5_000_000 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.double({ min: 1.2, max: 2, noNaN: true }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      (forecast, start, growth, least) => {
        // Quiet days and busy ones; the forecast is the busiest.
        const noise = (day: number) => (day % 7 === 0 ? 1 : least + (1 - least) * ((day * 37) % 11) * 0.05);
        assert.ok(play({ forecast, start, growth, noise }) < 400, 'they wait for each other');
      },
    ),
  );
});

test('the same ramps compared with their whole ceiling would wait for ever: the rule is needed', () => {
  assert.equal(
    play({ forecast: 100_000, start: 50, growth: 1.5, noise: () => 1, naive: true }),
    Number.POSITIVE_INFINITY,
  );
});

test('a ramp far ahead of the ladder is asked for its whole grant again', () => {
  assert.equal(expectedUnits({ granted: 500, grants: 1_000, offered: 300, needed: 2_000 }), 150 - 2 * Math.sqrt(150));
  assert.equal(expectedUnits({ granted: 500, grants: 1_000, offered: 300, needed: 900 }), 500);
  assert.equal(expectedUnits({ granted: 500, grants: 1_000, offered: 0, needed: 2_000 }), 0);
});
