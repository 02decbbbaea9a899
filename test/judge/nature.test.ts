import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../judge/metrics.ts';
import { Nature } from '../../judge/nature.ts';
import { Random } from '../../judge/random.ts';
import { parseWorld, type World } from '../../judge/world.ts';
import { worldNamed } from '../../judge/worlds.ts';

const HOURS = 20 * 24;

function play(world: World, sent: (hour: number) => number, hours = HOURS) {
  const nature = new Nature(world, new Random(11));
  const mail = new Int32Array(nature.lanes);
  const events = METRICS.map(() => 0);
  const complaintsAt: number[] = [];
  for (let hour = 0; hour < hours; hour++) {
    mail.fill(sent(hour));
    nature.hour(hour, mail);
    for (let metric = 1; metric < METRICS.length; metric++)
      for (let lane = 0; lane < nature.lanes; lane++)
        events[metric] = (events[metric] ?? 0) + (nature.events[metric * nature.lanes + lane] ?? 0);
    for (const { count } of nature.reports) {
      events[0] = (events[0] ?? 0) + count;
      complaintsAt.push(hour);
    }
  }
  return { events, complaintsAt };
}

test('events come as often as the world says, whatever the campaigns', () => {
  const world = parseWorld({ name: 'w', cv: 0.3, rates: { complaint: 0.01 } }, 'test');
  const { events } = play(world, (hour) => (hour < HOURS - 240 ? 500 : 0));
  const mail = (HOURS - 240) * 500 * world.lanes.length;
  METRICS.forEach((metric, index) => {
    const rate = (events[index] ?? 0) / mail;
    // Twenty campaigns that differ by a third: their mean varies by a fifteenth.
    assert.ok(Math.abs(rate / world.rates[metric] - 1) < 0.3, `${metric}: ${rate}`);
  });
});

test('63% of complaints arrive within the time constant, and nearly all within five of them', () => {
  const world = parseWorld({ name: 'w', cv: 0, rates: { complaint: 0.2 } }, 'test');
  const { complaintsAt } = play(world, (hour) => (hour === 0 ? 2_000 : 0));
  const share = (hours: number) => complaintsAt.filter((hour) => hour < hours).length / complaintsAt.length;
  assert.ok(complaintsAt.length > 2_500);
  assert.ok(Math.abs(share(24) - (1 - Math.exp(-1))) < 0.05, `${share(24)}`);
  assert.ok(share(120) > 0.98);
});

test('a complaint names the campaign its message was of', () => {
  const world = parseWorld({ name: 'w', cv: 0, rates: { complaint: 0.2 } }, 'test');
  const nature = new Nature(world, new Random(1));
  const mail = new Int32Array(nature.lanes);
  for (let hour = 0; hour < 100; hour++) {
    mail.fill(hour < 12 ? 100 : 0);
    nature.hour(hour, mail);
    for (const { campaign } of nature.reports) assert.equal(campaign, 1);
  }
});

test('a lane without feedback reports nothing', () => {
  const world = parseWorld(
    { name: 'w', rates: { complaint: 0.2 }, lanes: [{ provider: 'google', feedback: false }, { provider: 'yahoo' }] },
    'test',
  );
  const nature = new Nature(world, new Random(1));
  const lanes = new Set<number>();
  for (let hour = 0; hour < 48; hour++) {
    nature.hour(hour, Int32Array.of(100, 100));
    for (const { lane } of nature.reports) lanes.add(lane);
  }
  assert.deepEqual([...lanes], [1]);
});

test('a fork has the same history and the same chance: in the same world nothing differs', () => {
  const world = worldNamed('healthy');
  assert.ok(world);
  const nature = new Nature(world, new Random(3));
  const mail = new Int32Array(nature.lanes).fill(300);
  for (let hour = 0; hour < 77; hour++) nature.hour(hour, mail);
  const fork = nature.fork(world, 77);
  for (let hour = 77; hour < 144; hour++) {
    nature.hour(hour, mail);
    fork.hour(hour, mail);
    assert.deepEqual(fork.reports, nature.reports);
    assert.deepEqual(fork.events.slice(nature.lanes), nature.events.slice(nature.lanes));
  }
});

test('a harm begins on its day, at its lanes, and ends where it ends', () => {
  const world = parseWorld(
    { name: 'w', cv: 0, events: [{ metric: 'deferral', rate: 0.9, fromDay: 2, untilDay: 2, lanes: ['yahoo'] }] },
    'test',
  );
  const nature = new Nature(world, new Random(1));
  const mail = new Int32Array(nature.lanes).fill(1_000);
  const yahoo = world.lanes.findIndex((lane) => lane.provider === 'yahoo');
  const at = METRICS.indexOf('deferral') * nature.lanes;
  for (let hour = 0; hour < 72; hour++) {
    nature.hour(hour, mail);
    const day = 1 + Math.floor(hour / 24);
    const deferred = nature.events[at + yahoo] ?? 0;
    assert.equal(deferred > 500, day === 2, `hour ${hour}: ${deferred}`);
    assert.ok((nature.events[at] ?? 0) < 100);
  }
});

const FAULTY: readonly (readonly [unknown, RegExp])[] = [
  [
    { name: 'w', events: [{ metric: 'complaint', fromDay: 3, factor: 2, lanes: ['gogle'] }] },
    /no lane is called "gogle"/,
  ],
  [{ name: 'w', events: [{ metric: 'complaint', fromDay: 3 }] }, /either factor or rate/],
  [{ name: 'w', events: [{ metric: 'complaint', fromDay: 3, untilDay: 2, factor: 2 }] }, /before fromDay/],
  [{ name: 'w', lanes: [{ provider: 'a' }, { provider: 'a' }] }, /twice/],
  [{ name: 'w', rates: { spam: 1 } }, /rates/],
  [{}, /name/],
];
for (const [value, says] of FAULTY)
  test(`a world is refused: ${says.source}`, () => {
    assert.throws(
      () => parseWorld(value, 'w.json'),
      (error: Error) => says.test(error.message) && /^w\.json: /.test(error.message),
    );
  });
