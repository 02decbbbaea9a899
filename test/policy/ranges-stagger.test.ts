import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Calendar, windowAt, windowOf } from '../../policy/calendar.ts';
import { parseStagger, stagger } from '../../policy/ranges/stagger.ts';

const HOUR = 3_600_000;
/** Friday. */
const FRIDAY = Date.UTC(2030, 0, 4);
const weekdays: Calendar = { kind: 'civil', zone: 'UTC', sendDays: [1, 2, 3, 4, 5], sendHours: { from: 8, to: 20 } };
const five = ['a', 'b', 'c', 'd', 'e'];

const days = (now: number, over: object = {}) =>
  stagger({ waiting: five, perDay: 2, begunToday: 0, now, calendar: weekdays, ...over }).map(({ at }) =>
    new Date(at).toISOString().slice(5, 16),
  );

test('two a day, in order, and none on a weekend', () => {
  assert.deepEqual(days(FRIDAY + 9 * HOUR), [
    '01-04T09:00',
    '01-04T09:00',
    '01-07T00:00',
    '01-07T00:00',
    '01-08T00:00',
  ]);
});

test('those that began today count', () => {
  assert.deepEqual(days(FRIDAY + 9 * HOUR, { begunToday: 1 }), [
    '01-04T09:00',
    '01-07T00:00',
    '01-07T00:00',
    '01-08T00:00',
    '01-08T00:00',
  ]);
  assert.equal(days(FRIDAY + 9 * HOUR, { begunToday: 5 })[0], '01-07T00:00');
});

test('a day whose send hours are over, or without any, begins nothing', () => {
  assert.equal(days(FRIDAY + 20 * HOUR)[0], '01-07T00:00');
  assert.equal(days(FRIDAY + 30 * HOUR)[0], '01-07T00:00');
});

test('without a stagger all begin at once', () => {
  assert.deepEqual(new Set(days(FRIDAY + 9 * HOUR, { perDay: null })).size, 1);
});

test('what says a number a day', () => {
  assert.deepEqual(['2/day', ' 12 / day', '3 per day', '1 a day'].map(parseStagger), [2, 12, 3, 1]);
  assert.deepEqual(['0/day', '2', 'day', '-1/day', '2/week', '2.5/day'].map(parseStagger), Array(6).fill(undefined));
});

test('no window gets more than its number, the order is kept, and starting over from any day gives the same days', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 14 * 24 }),
      fc.constantFrom<Calendar>(
        weekdays,
        { kind: 'civil', zone: 'Europe/Berlin', sendDays: [2, 6], sendHours: { from: 0, to: 24 } },
        { kind: 'compressed', epoch: FRIDAY, dayLength: 1_000 },
      ),
      (count, perDay, hours, calendar) => {
        const waiting = Array.from({ length: count }, (_, n) => `n${n}`);
        const now = FRIDAY + hours * HOUR;
        const plan = stagger({ waiting, perDay, begunToday: 0, now, calendar });
        assert.deepEqual(
          plan.map(({ address }) => address),
          waiting,
        );
        const byWindow = Map.groupBy(plan, ({ window }) => window);
        for (const [index, group] of byWindow) {
          assert.ok(group.length <= perDay && windowAt(index, calendar).sends);
          for (const { at } of group) assert.equal(windowOf(at, calendar).index, index);
        }
        assert.ok(plan.every(({ at }, n) => n === 0 || at >= (plan[n - 1]?.at ?? 0)));
        // The rest, reckoned anew when a day's addresses have begun, falls on the same days.
        const [today] = byWindow.keys();
        const begun = plan.filter(({ window }) => window === today);
        const later = stagger({
          waiting: waiting.slice(begun.length),
          perDay,
          begunToday: begun.length,
          now: begun[0]?.at ?? now,
          calendar,
        });
        assert.deepEqual(later, plan.slice(begun.length));
      },
    ),
  );
});
