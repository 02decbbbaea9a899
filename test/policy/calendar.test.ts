import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Calendar,
  checkCalendar,
  DAY_MS,
  guardMs,
  planMs,
  rollupMs,
  sendingHoursLeft,
  windowAt,
  windowOf,
} from '../../policy/calendar.ts';

const HOUR = 3_600_000;
const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];

function civil(zone: string, sendDays: readonly number[] = EVERY_DAY, from = 0, to = 24): Calendar {
  return { kind: 'civil', zone, sendDays, sendHours: { from, to } };
}

function hours(zone: string, day: string): number {
  const window = windowOf(Date.parse(`${day}T12:00:00Z`), civil(zone));
  assert.equal(window.label, day);
  return (window.end - window.start) / HOUR;
}

test('days on which clocks change have 23 and 25 hours', () => {
  assert.equal(hours('Europe/Berlin', '2026-03-29'), 23);
  assert.equal(hours('Europe/Berlin', '2026-10-25'), 25);
  assert.equal(hours('America/New_York', '2026-03-08'), 23);
  assert.equal(hours('America/New_York', '2026-11-01'), 25);
  assert.equal(hours('Europe/Berlin', '2026-03-28'), 24);
});

test('where midnight does not exist the day begins when the clock goes on', () => {
  const santiago = windowOf(Date.parse('2026-09-06T12:00:00Z'), civil('America/Santiago'));
  assert.equal(new Date(santiago.start).toISOString(), '2026-09-06T04:00:00.000Z');
  assert.equal(santiago.end - santiago.start, 23 * HOUR);
  const cairo = windowOf(Date.parse('2026-04-24T12:00:00Z'), civil('Africa/Cairo'));
  assert.equal(new Date(cairo.start).toISOString(), '2026-04-23T22:00:00.000Z');
  assert.equal(cairo.end - cairo.start, 23 * HOUR);
});

test('where midnight comes twice the day begins at the first one', () => {
  // Havana: at 01:00 of 1 November clocks go back to 00:00.
  const havana = windowOf(Date.parse('2026-11-01T12:00:00Z'), civil('America/Havana'));
  assert.equal(new Date(havana.start).toISOString(), '2026-11-01T04:00:00.000Z');
  assert.equal(havana.end - havana.start, 25 * HOUR);
});

test('windows go on over the end of a year', () => {
  const last = windowOf(Date.parse('2026-12-31T22:59:59.999Z'), civil('Europe/Berlin'));
  const first = windowOf(Date.parse('2026-12-31T23:00:00Z'), civil('Europe/Berlin'));
  assert.deepEqual([last.label, first.label], ['2026-12-31', '2027-01-01']);
  assert.equal(first.index, last.index + 1);
  assert.equal(last.end, first.start);
});

test('the index counts local dates since 1970', () => {
  assert.equal(windowOf(0, civil('UTC')).index, 0);
  assert.equal(windowOf(-1, civil('UTC')).index, -1);
  assert.equal(windowOf(0, civil('America/New_York')).index, -1);
});

test('only send days send, and only in their hours', () => {
  const weekdays = civil('Europe/Berlin', [1, 2, 3, 4, 5], 8, 20);
  const friday = windowOf(Date.parse('2026-06-05T12:00:00Z'), weekdays);
  assert.equal(friday.sends, true);
  assert.equal(new Date(friday.sendFrom).toISOString(), '2026-06-05T06:00:00.000Z');
  assert.equal(new Date(friday.sendTo).toISOString(), '2026-06-05T18:00:00.000Z');
  assert.deepEqual(
    [1, 2, 3].map((days) => windowAt(friday.index + days, weekdays).sends),
    [false, false, true],
  );
});

test('send hours are wall-clock hours also on the day the clocks change', () => {
  const window = windowOf(Date.parse('2026-03-29T12:00:00Z'), civil('Europe/Berlin', EVERY_DAY, 8, 20));
  assert.equal(new Date(window.sendFrom).toISOString(), '2026-03-29T06:00:00.000Z');
  // 02:30 does not exist that day: sending begins when the clock has passed it.
  const early = windowOf(window.start, civil('Europe/Berlin', EVERY_DAY, 2.5, 20));
  assert.equal(new Date(early.sendFrom).toISOString(), '2026-03-29T01:00:00.000Z');
});

test('sending hours left are counted in plan hours', () => {
  const calendar = civil('UTC', [1, 2, 3, 4, 5], 8, 20);
  const friday = windowOf(Date.parse('2026-06-05T00:00:00Z'), calendar);
  assert.equal(sendingHoursLeft(friday.start, friday, calendar), 12);
  assert.equal(sendingHoursLeft(friday.start + 18 * HOUR, friday, calendar), 2);
  assert.equal(sendingHoursLeft(friday.start + 22 * HOUR, friday, calendar), 0);
  const saturday = windowAt(friday.index + 1, calendar);
  assert.equal(sendingHoursLeft(saturday.start, saturday, calendar), 0);
  const fast: Calendar = { kind: 'compressed', epoch: 0, dayLength: 2_400 };
  assert.equal(sendingHoursLeft(600, windowAt(0, fast), fast), 18);
});

test('compressed days are numbered from their epoch, backwards too', () => {
  const fast: Calendar = { kind: 'compressed', epoch: 1_000, dayLength: 3_000 };
  assert.deepEqual(
    [999, 1_000, 3_999, 4_000].map((instant) => windowOf(instant, fast).index),
    [-1, 0, 0, 1],
  );
  assert.equal(windowAt(5, fast).sendTo - windowAt(5, fast).sendFrom, 3_000);
});

test('plan time shrinks with the day; guard and rollup stay within their bounds', () => {
  const fast: Calendar = { kind: 'compressed', epoch: 0, dayLength: DAY_MS / 1_000 };
  assert.equal(planMs(4 * HOUR, fast), 14_400);
  assert.equal(planMs(4 * HOUR, civil('UTC')), 4 * HOUR);
  assert.equal(guardMs(windowAt(0, civil('UTC'))), 5_000);
  assert.equal(guardMs(windowAt(0, { kind: 'compressed', epoch: 0, dayLength: 3_000 })), 60);
  assert.equal(rollupMs(civil('UTC')), 60_000);
  assert.equal(rollupMs(fast), 250);
  assert.equal(rollupMs({ kind: 'compressed', epoch: 0, dayLength: DAY_MS / 100 }), 600);
});

const calendars = fc.oneof(
  fc
    .constantFrom(
      ...['Europe/Berlin', 'America/New_York', 'America/Santiago', 'Africa/Cairo', 'Asia/Beirut', 'America/Havana'],
      ...['Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Kathmandu', 'America/St_Johns', 'UTC', '+05:30'],
    )
    .map((zone) => civil(zone, EVERY_DAY, 8, 20)),
  fc.record({
    kind: fc.constant('compressed' as const),
    epoch: fc.integer({ min: 0, max: 2e12 }),
    dayLength: fc.double({ min: 50, max: DAY_MS, noNaN: true }),
  }),
);

test('windows tile the line: no gap, no overlap, and each finds itself', () => {
  fc.assert(
    fc.property(calendars, fc.integer({ min: 10_000, max: 30_000 }), (calendar, index) => {
      const window = windowAt(index, calendar);
      assert.equal(windowAt(index + 1, calendar).start, window.end);
      assert.deepEqual(windowOf(window.start, calendar), window);
      if (calendar.kind === 'civil') assert.deepEqual(windowOf(window.end - 1, calendar), window);
      assert.ok(window.start <= window.sendFrom && window.sendFrom < window.sendTo && window.sendTo <= window.end);
    }),
    { numRuns: 1_000 },
  );
});

test('every instant lies in its window', () => {
  fc.assert(
    fc.property(calendars, fc.integer({ min: 1e12, max: 2e12 }), (calendar, instant) => {
      const window = windowOf(instant, calendar);
      assert.ok(window.start <= instant && instant < window.end);
    }),
    { numRuns: 1_000 },
  );
});

test('the time zone of the process changes nothing', () => {
  const module = new URL('../../policy/calendar.ts', import.meta.url).href;
  const script = `
    import { windowOf } from '${module}';
    const calendar = { kind: 'civil', zone: 'Europe/Berlin', sendDays: [1, 2], sendHours: { from: 8, to: 20 } };
    const days = ['2026-03-28', '2026-03-29', '2026-10-25', '2026-12-31'].map((day) => Date.parse(day + 'T23:30:00Z'));
    console.log(JSON.stringify(days.map((instant) => windowOf(instant, calendar))));`;
  const seen = ['UTC', 'America/Los_Angeles', 'Pacific/Kiritimati', 'America/Santiago'].map((zone) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TZ: zone },
    }).toString(),
  );
  assert.match(seen[0] ?? '', /"label":"2026-03-29"/);
  assert.equal(new Set(seen).size, 1);
});

test('a calendar that cannot work is told in words', () => {
  assert.deepEqual(checkCalendar(civil('Europe/Berlin', [1, 7], 8, 20)), []);
  assert.match(checkCalendar(civil('Europe/Atlantis')).join(), /unknown time zone "Europe\/Atlantis"/);
  assert.match(checkCalendar(civil('UTC', [])).join(), /no send days/);
  assert.match(checkCalendar(civil('UTC', [0])).join(), /send day 0/);
  assert.match(checkCalendar(civil('UTC', [1], 20, 8)).join(), /send hours 20 to 8/);
  assert.equal(checkCalendar({ kind: 'compressed', epoch: 0, dayLength: 0 }).length, 1);
});
