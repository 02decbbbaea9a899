/** Readers by their own nature: segments, complaints that come late, weekends. Pure and seeded. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { complaintHours, complaintRateOf, junks, segmentOf } from '../../lab/readers.ts';
import { messagesOfDay } from '../../lab/traffic.ts';
import { actsAt, isWeekend, messagesOn } from '../../lab/week.ts';
import { type Overrides, provider, scenario } from './support.ts';

const KEYS = Array.from({ length: 2_000 }, (_, index) => index);
const rcpt = (n: number) => `reader-${n}@isp.example`;
const world = (overrides: Overrides, traffic: Overrides = {}) => scenario([provider('isp')], overrides, traffic);

const ENGAGEMENT = {
  engagement: { 'engaged-30d': { complaintRate: 0.001 }, all: { complaintRate: 0.02, junkShare: 0.5 } },
};

test('a reader keeps his segment, segments have their shares, and the application knows them', () => {
  const one = world({ readers: ENGAGEMENT }, { messagesPerDay: 400 });
  const all = KEYS.filter((n) => segmentOf(one, rcpt(n)) === 'all').length / KEYS.length;
  assert.ok(Math.abs(all - 0.05) < 0.02, `${all} of readers are in "all"`);
  const day = messagesOfDay(one, 0);
  assert.ok(day.every((message) => message.segment === segmentOf(one, message.rcpt)));
  assert.equal(segmentOf(world({}), rcpt(1)), null);
});

test('rates are those of the segment, of the traffic where it says nothing, and 0 for a seed mailbox', () => {
  const one = world({ readers: ENGAGEMENT }, { complaintRate: 0.005 });
  const of = (segment: string) => KEYS.map(rcpt).find((address) => segmentOf(one, address) === segment) ?? '';
  assert.equal(complaintRateOf(one, of('engaged-30d')), 0.001);
  assert.equal(complaintRateOf(one, of('60d')), 0.005);
  assert.equal(complaintRateOf(one, of('all')), 0.02);
  assert.equal(complaintRateOf(one, 'seed-01@isp.example'), 0);
});

test('half of the unengaged get even a good sender’s mail in junk, always the same ones, and nobody else does', () => {
  const one = world({ readers: ENGAGEMENT });
  const unengaged = KEYS.map(rcpt).filter((address) => segmentOf(one, address) === 'all');
  const share = unengaged.filter((address) => junks(one, 'isp', address)).length / unengaged.length;
  assert.ok(share > 0.3 && share < 0.7, `${share} of ${unengaged.length}`);
  const others = KEYS.map(rcpt).filter((address) => segmentOf(one, address) !== 'all');
  assert.ok(!others.some((address) => junks(one, 'isp', address)));
});

test('an unengaged campaign goes to the unengaged, whatever it claims', () => {
  const event = { type: 'unengaged-campaign', name: 'everybody', day: 2.25, messages: 40, providers: ['isp'] };
  const one = world({ readers: ENGAGEMENT, events: [event] });
  const sent = messagesOfDay(one, 2).filter((message) => message.campaign === 'everybody');
  assert.equal(sent.length, 40);
  assert.ok(sent.every((message) => segmentOf(one, message.rcpt) === 'all' && message.segment === 'engaged-30d'));
});

const delays = (overrides: Overrides, at = 0, more: Overrides = {}) => {
  const one = world({ readers: { complaintDelay: overrides }, ...more });
  return KEYS.map((n) => complaintHours(one, at, ['isp', n])).sort((a, b) => a - b);
};

for (const [shape, median] of [
  ['uniform', 60.5],
  ['exponential', 20],
  ['lognormal', 20],
] as const) {
  test(`${shape} complaints stay in their range and have their median`, () => {
    const found = delays({ shape, fromHours: 1, medianHours: 20, untilHours: 120 });
    assert.ok((found[0] ?? 0) >= 1 && (found.at(-1) ?? 999) <= 120);
    const middle = found[KEYS.length / 2] ?? 0;
    assert.ok(Math.abs(middle - median) < 0.1 * median, `median ${middle}`);
    assert.ok((found[Math.floor(KEYS.length * 0.95)] ?? 0) > 70, 'a long tail');
  });
}

test('what would be done on a weekend waits for the next working day, but for those who read then', () => {
  const week = {
    firstDay: 'friday' as const,
    weekend: ['saturday' as const, 'sunday' as const],
    sending: 0.5,
    reading: 0.3,
  };
  assert.deepEqual(
    [0, 1, 2, 3, 7, 8].map((day) => isWeekend(week, day)),
    [false, true, true, false, false, true],
  );
  assert.equal(actsAt(week, 0.5, 0.99), 0.5);
  assert.equal(actsAt(week, 1.5, 0.99), 3.5);
  assert.equal(actsAt(week, 2.25, 0.3), 3.25);
  assert.equal(actsAt(week, 2.25, 0.29), 2.25);
  assert.deepEqual(
    [0, 1, 3].map((day) => messagesOn(week, day, 101)),
    [101, 51, 101],
  );
  assert.equal(messagesOn(undefined, 1, 101), 101);
});

test('a weekend dips complaints and Monday makes up for it; the application sends less', () => {
  const week = { firstDay: 'friday', reading: 0.25, sending: 0.5 };
  const plain = delays({ shape: 'uniform', fromHours: 0, untilHours: 96 });
  const uneven = delays({ shape: 'uniform', fromHours: 0, untilHours: 96 }, 0, { week });
  const onDay = (hours: number[], day: number) => hours.filter((one) => Math.floor(one / 24) === day).length;
  assert.ok(onDay(uneven, 1) < 0.35 * onDay(plain, 1));
  assert.ok(onDay(uneven, 3) > 1.8 * onDay(plain, 3));
  assert.equal(uneven.length, plain.length);
  const one = world({ week }, { messagesPerDay: 100 });
  assert.deepEqual(
    [0, 1, 2, 3].map((day) => messagesOfDay(one, day).length),
    [100, 50, 50, 100],
  );
});
