import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blockSize, hourOf, type PacedGrant, unitsDue } from '../../policy/pacing.ts';

const DAY = 86_400_000;
const HOUR = DAY / 24;
const GUARD = 5_000;

function grant(units: number, start = 0, from = 0, to = 24): PacedGrant {
  return {
    units,
    handed: 0,
    hours: new Array(25).fill(0),
    start,
    end: start + DAY,
    sendFrom: start + from * HOUR,
    sendTo: start + to * HOUR,
  };
}

function hand(of: PacedGrant, units: number, now: number): PacedGrant {
  const hours = [...of.hours];
  const hour = hourOf(of, now);
  hours[hour] = (hours[hour] ?? 0) + units;
  return { ...of, handed: of.handed + units, hours };
}

interface Sent {
  readonly at: number;
  readonly units: number;
}

/** A sender that asks at the given instants and takes all that is due. */
function run(
  of: PacedGrant,
  previous: PacedGrant | undefined,
  asks: readonly number[],
): { grant: PacedGrant; sent: Sent[] } {
  let now = of;
  const sent: Sent[] = [];
  for (const at of asks) {
    const due = unitsDue(now, previous, at, GUARD);
    if (due.units <= 0) continue;
    now = hand(now, due.units, at);
    sent.push({ at, units: due.units });
  }
  return { grant: now, sent };
}

const every = (ms: number, from: number, to: number) =>
  Array.from({ length: Math.floor((to - from) / ms) }, (_, n) => from + n * ms);

test('whatever the moments of asking, a window never hands out more than its units', () => {
  const asks = fc
    .array(fc.integer({ min: 0, max: DAY - 1 }), { maxLength: 300 })
    .map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000 }), asks, (units, at) => {
      const { grant: after } = run(grant(units), undefined, at);
      assert.ok(after.handed <= units);
    }),
  );
});

test('a clock hour gets at most twice the even share', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 20 }), (units, idleHours) => {
      const { grant: after } = run(grant(units), undefined, every(60_000, idleHours * HOUR, DAY));
      const most = Math.max(1, Math.ceil((2 * units * HOUR) / (DAY - GUARD)));
      for (const hour of after.hours) assert.ok(hour <= most, `${hour} of ${most}`);
    }),
  );
});

test('two full windows do not meet at midnight: any rolling 24 h stays within 1.1 times the larger ceiling', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 24, max: 2_000 }),
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 12 }),
      (units, late, soon) => {
        // The first day starts late and catches up; the second asks from its first hour on.
        const first = run(grant(units), undefined, every(300_000, late * HOUR, DAY));
        const second = run(grant(units, DAY), first.grant, every(300_000, DAY + soon * HOUR, 2 * DAY));
        const all = [...first.sent, ...second.sent];
        for (const { at } of all) {
          const within = all
            .filter((one) => one.at > at - DAY + HOUR && one.at <= at)
            .reduce((sum, one) => sum + one.units, 0);
          assert.ok(within <= Math.max(1.1 * units, units + 1), `${within} of ${units}`);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('with steady demand the whole grant is used, also by a lane of a few messages, day after day', () => {
  for (const units of [1, 3, 4, 7, 13, 50, 108, 1_000]) {
    let previous: PacedGrant | undefined;
    for (let day = 0; day < 10; day++) {
      const { grant: after } = run(grant(units, day * DAY), previous, every(20_000, day * DAY, (day + 1) * DAY));
      assert.equal(after.handed, units, `${units} a day, day ${day}`);
      previous = after;
    }
  }
});

test('it says when to ask again and what binds', () => {
  const fresh = hand(grant(24), 1, 0);
  const early = unitsDue(fresh, undefined, 0, GUARD);
  assert.equal(early.binds, 'pace');
  assert.ok(early.nextAt !== null && unitsDue(fresh, undefined, Math.ceil(early.nextAt) + 1, GUARD).units === 1);
  assert.equal(unitsDue({ ...fresh, handed: 24 }, undefined, HOUR, GUARD).binds, 'grant');
  assert.equal(unitsDue(fresh, undefined, DAY - GUARD, GUARD).binds, 'window');
  assert.equal(unitsDue(grant(24, 0, 8, 20), undefined, HOUR, GUARD).nextAt, 8 * HOUR);
});

test('no unit is due within the guard time before the window ends', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 0, max: GUARD }), (units, before) => {
      assert.equal(unitsDue(grant(units), undefined, DAY - before, GUARD).units, 0);
    }),
  );
});

test('a reservation block is small: an eighth of what is left for each process', () => {
  assert.equal(blockSize(1_000, 2), 62);
  assert.equal(blockSize(3, 2), 1);
  assert.equal(blockSize(0, 2), 1);
});
