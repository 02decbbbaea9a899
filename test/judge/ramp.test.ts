import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatesRule } from '../../judge/gates-rule.ts';
import { LONGEST, playSeed } from '../../judge/gates-runs.ts';
import { harmCells } from '../../judge/harms.ts';
import { Ramp } from '../../judge/ramp.ts';
import { Random } from '../../judge/random.ts';
import { parseWorld } from '../../judge/world.ts';
import { worldNamed } from '../../judge/worlds.ts';
import type { AdvanceBy } from '../../policy/advance.ts';
import { type GateOptions, gatesOf } from '../../policy/gates/settings.ts';
import { rowOf, sixWeek } from '../../policy/plan.ts';

const row = rowOf(sixWeek({ targets: { default: 20_000 } }), 'default').map((stage) => stage.ceiling);
const feeds = (count: number) => Array.from({ length: count }, () => true);

test('no day sends more than its ceiling, and no day raises a lane by more than one stage', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.constantFrom('complaint', 'hard-bounce', 'deferral', 'block', 'delivery'),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0, max: 1.5, noNaN: true }),
      (seed, metric, rate, fromDay, cv) => {
        const lanes = [{ provider: 'google' }, { provider: 'yahoo' }];
        const world = parseWorld({ name: 'w', cv, lanes, events: [{ metric, rate, fromDay }] }, 'test');
        const ramp = new Ramp([row, row], world, new GatesRule(gatesOf(undefined), feeds(2)), new Random(seed));
        for (let day = 0; day < 25; day++) {
          const before = [...ramp.stage];
          const sent = [0, 0];
          for (let hour = 0; hour < 24; hour++) {
            ramp.next();
            for (const lane of [0, 1]) sent[lane] = (sent[lane] ?? 0) + (ramp.mail[lane] ?? 0);
          }
          for (const lane of [0, 1]) {
            assert.ok((sent[lane] ?? 0) <= (row[before[lane] ?? 0] ?? 0));
            assert.ok((ramp.stage[lane] ?? 0) <= (before[lane] ?? 0) + 1);
          }
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('a healthy ramp ends a few days after its plan; one in which everything bounces does not get anywhere', () => {
  const healthy = worldNamed('healthy');
  assert.ok(healthy);
  const ceilings = healthy.lanes.map(() => row);
  const rule = new GatesRule(gatesOf(undefined), feeds(ceilings.length));
  const run = playSeed(rule, ceilings, healthy, [], new Random(1, 1));
  assert.ok(run.healthy.days >= row.length && run.healthy.days <= row.length + 8, `${run.healthy.days} days`);

  const dead = parseWorld({ name: 'dead', rates: { 'hard-bounce': 0.5 } }, 'test');
  const ramp = new Ramp(ceilings, dead, new GatesRule(gatesOf(undefined), feeds(ceilings.length)), new Random(1, 1));
  for (let hour = 0; hour < 20 * 24; hour++) ramp.next();
  assert.ok(ramp.stops.some(({ stop }) => stop.scope === 'campaign' && stop.metric === 'hard-bounce'));
  assert.ok(ramp.stage.every((stage) => stage <= 2));
});

/** Two lanes at which everything is deferred, hour by hour for a week under these gates. */
function deferredWeek(lanes: readonly (GateOptions | undefined)[]) {
  const world = parseWorld(
    { name: 'w', lanes: [{ provider: 'google' }, { provider: 'yahoo' }], rates: { deferral: 0.4 } },
    'test',
  );
  const own = lanes.map((one) => gatesOf(one));
  const ramp = new Ramp([row, row], world, new GatesRule(gatesOf(undefined), feeds(2), { lanes: own }), new Random(3));
  for (let hour = 0; hour < 7 * 24; hour++) ramp.next();
  return { ramp, stopped: new Set(ramp.stops.flatMap(({ stop }) => (stop.scope === 'campaign' ? [] : stop.lanes))) };
}

test("a provider's own gates judge its lane alone: a dry run neither stops nor holds, another action steps as far as it says", () => {
  const both = deferredWeek([undefined, undefined]);
  assert.deepEqual([...both.stopped].sort(), [0, 1]);
  assert.ok(both.ramp.stage.every((stage) => stage === 0));
  const one = deferredWeek([undefined, { metrics: { deferral: { dryRun: true } } }]);
  assert.deepEqual([...one.stopped], [0]);
  assert.equal(one.ramp.stage[0], 0);
  assert.ok((one.ramp.stage[1] ?? 0) >= 4, `${one.ramp.stage[1]}`);
  // What the address's sum said is answered by those it stops: not each hour anew.
  assert.ok(one.ramp.stops.length < (7 * 24) / 3, `${one.ramp.stops.length} stops`);
  const steps = deferredWeek([{ metrics: { deferral: { steps: 3 } } }, undefined]).ramp.stops.map(({ stop }) => stop);
  const deferrals = steps.filter(({ metric }) => metric === 'deferral');
  assert.ok(
    deferrals.length > 0 && deferrals.every(({ lanes, steps }) => (lanes.includes(0) ? steps === 3 : steps === 1)),
  );
});

test('a height of its own is what the sum over the address stops a lane at', () => {
  const calm = deferredWeek([{ metrics: { deferral: { lane: 1e9, address: 1e9 } } }, undefined]);
  assert.deepEqual([...calm.stopped], [1]);
});

test("a plan's own way to advance is the one that is played", () => {
  const world = parseWorld({ name: 'w', cv: 0, demand: 0.5, lanes: [{ provider: 'google' }] }, 'test');
  const days = (advance: AdvanceBy) => {
    const rule = new GatesRule(gatesOf(undefined), feeds(1), { advance });
    return playSeed(rule, [row.slice(0, 8)], world, [], new Random(2, 1)).healthy.days;
  };
  assert.equal(days({ advance: 'gated' }), LONGEST, 'half of the mail is too little');
  const calendar = days({ advance: 'calendar' });
  assert.ok(calendar < 40, `${calendar} days`);
  const volume = days({ advance: 'volume-stage', stageShare: 1 });
  assert.ok(volume >= 16 && volume < 60 && volume > calendar, `${volume} days: two a stage at least`);
});

test('two good days in a row for a stage take twice as long', () => {
  const world = parseWorld({ name: 'w', cv: 0, lanes: [{ provider: 'google' }] }, 'test');
  const days = (consecutiveGood: number) => {
    const rule = new GatesRule(gatesOf({ consecutiveGood }), feeds(1));
    return playSeed(rule, [row.slice(0, 12)], world, [], new Random(2, 1)).healthy.days;
  };
  const once = days(1);
  assert.ok(days(2) >= 24 && days(2) > once + 6, `${once} and ${days(2)} days`);
});

test('every shipped harm that begins on day 22 is seen within the horizon', () => {
  const healthy = worldNamed('healthy');
  assert.ok(healthy);
  const ceilings = healthy.lanes.map(() => row);
  const cells = harmCells(0.5);
  const rule = new GatesRule(gatesOf(undefined), feeds(ceilings.length));
  const { harms } = playSeed(rule, ceilings, healthy, cells, new Random(5, 1));
  cells.forEach((cell, index) => {
    if (cell.fromDay === 22) assert.notEqual(harms[index]?.hours, null, cell.name);
  });
});

test('a fork in the same world goes the same way as the ramp it left', () => {
  const world = worldNamed('clampdown', { fromDay: 3 });
  assert.ok(world);
  const ceilings = world.lanes.map(() => row);
  const ramp = new Ramp(ceilings, world, new GatesRule(gatesOf(undefined), feeds(ceilings.length)), new Random(9));
  while (ramp.hour < 60) ramp.next();
  const fork = ramp.fork(world);
  while (ramp.hour < 200) assert.deepEqual(fork.next(), ramp.next());
  assert.deepEqual([...fork.stage], [...ramp.stage]);
  assert.deepEqual([...fork.events], [...ramp.events]);
});

test('a dead list of another share changes that world and no other', () => {
  const rates = (dead?: number) =>
    harmCells(0.5, dead).map(({ name, world }) => `${name} ${world.events.map((one) => `${one.rate ?? one.factor}`)}`);
  const usual = rates();
  assert.ok(usual.includes('dead-list 0.2'));
  assert.deepEqual(
    rates(0.1),
    usual.map((one) => one.replace('dead-list 0.2', 'dead-list 0.1')),
  );
});
