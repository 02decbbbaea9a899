import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatesRule } from '../../judge/gates-rule.ts';
import { playSeed } from '../../judge/gates-runs.ts';
import { harmCells } from '../../judge/harms.ts';
import { Ramp } from '../../judge/ramp.ts';
import { Random } from '../../judge/random.ts';
import { parseWorld } from '../../judge/world.ts';
import { worldNamed } from '../../judge/worlds.ts';
import { gatesOf } from '../../policy/gates/settings.ts';
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
