import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Calendar, windowAt, windowOf } from '../../policy/calendar.ts';
import { carriedGrant } from '../../policy/carried-grant.ts';
import { DEFAULTS } from '../../policy/defaults.ts';

const weekdays: Calendar = { kind: 'civil', zone: 'UTC', sendDays: [1, 2, 3, 4, 5], sendHours: { from: 0, to: 24 } };
const MONDAY = windowOf(Date.UTC(2030, 0, 7), weekdays).index;
const lane = { phase: 'ramping' as const, ceiling: 500, calendar: weekdays };
const grant = (day: number, units: number, carried = 0) => ({ windowIndex: MONDAY + day, units, carried });

test("over a weekend Friday's grant is carried, not Saturday's nothing", () => {
  const week = [grant(6, 0), grant(5, 0), grant(4, 400), grant(3, 300)];
  assert.deepEqual(carriedGrant(week, MONDAY + 7, lane), { from: week[2], units: 400 });
  assert.equal(carriedGrant(week, MONDAY + 8, lane), null, 'the fourth window after it: it has ended');
});

test('a send day on which nothing was allowed is carried as nothing', () => {
  assert.equal(carriedGrant([grant(1, 0), grant(0, 400)], MONDAY + 2, lane)?.units, 0);
});

test('a retreat on a day without sending counts for what is carried over it', () => {
  const week = [grant(5, 0), grant(4, 400)];
  assert.equal(carriedGrant(week, MONDAY + 7, { ...lane, phase: 'stepped-back', ceiling: 150 })?.units, 150);
  assert.equal(carriedGrant(week, MONDAY + 7, { ...lane, phase: 'quarantined' })?.units, 0);
  assert.equal(carriedGrant(week, MONDAY + 7, { ...lane, phase: 'probing' })?.units, DEFAULTS.probing.units);
});

test('what is carried is never above the last send day, never above the lane, and ends after three windows', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ units: fc.nat(1_000), carried: fc.nat(3) }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 12 }),
      fc.nat(1_000),
      (rows, later, ceiling) => {
        const grants = rows.map((row, back) => ({ ...row, windowIndex: MONDAY + 10 - back }));
        const index = MONDAY + 10 + later;
        const carried = carriedGrant(grants, index, { ...lane, ceiling });
        const sent = grants.find((one) => windowAt(one.windowIndex, weekdays).sends);
        if (carried === null) {
          assert.ok(sent === undefined || sent.carried + index - sent.windowIndex > DEFAULTS.carryWindows);
          return;
        }
        assert.ok(carried.from === sent && carried.units <= carried.from.units && carried.units <= ceiling);
        assert.ok(carried.from.carried + index - carried.from.windowIndex <= DEFAULTS.carryWindows);
      },
    ),
  );
});
