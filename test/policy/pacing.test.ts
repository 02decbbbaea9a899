import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blockSize, easedRate, hourOf, type PacedGrant, unitsDue } from '../../policy/pacing.ts';

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

test('after a pause what is left is spread over the rest of the window, not made up for at once', () => {
  const pauses = fc.tuple(
    fc.integer({ min: 48, max: 5_000 }),
    fc.integer({ min: 0, max: 20 }),
    fc.integer({ min: 2, max: 22 }),
  );
  fc.assert(
    fc.property(pauses, ([units, from, hours]) => {
      const until = Math.min(23, from + hours) * HOUR;
      const before = run(grant(units), undefined, every(20_000, 0, from * HOUR));
      const left = units - before.grant.handed;
      const { grant: after, sent } = run(before.grant, undefined, every(20_000, until, DAY));
      for (const minutes of [1, 10, 45]) {
        const soon = sent.filter(({ at }) => at < until + minutes * 60_000).reduce((sum, one) => sum + one.units, 0);
        const pace = (left * minutes * 60_000) / (DAY - GUARD - until);
        assert.ok(
          soon <= pace + 2,
          `${soon} in ${minutes} min after a pause until ${until / HOUR}: the pace is ${pace}`,
        );
      }
      // Half a window at twice the even share is the whole of it; a longer silence loses what the hours may not have.
      const possible = Math.min(left, Math.floor((2 * units * (DAY - until)) / DAY));
      assert.ok(after.handed - before.grant.handed >= 0.97 * possible - 2, `${after.handed} of ${units}`);
    }),
    { numRuns: 60 },
  );
});

test('a pause that leaves half of what remained costs no unit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 3_000 }), fc.integer({ min: 0, max: 9 }), (units, hours) => {
      const { grant: before } = run(grant(units), undefined, every(20_000, 0, 6 * HOUR));
      const { grant: after } = run(before, undefined, every(20_000, (6 + hours) * HOUR, DAY));
      assert.ok(after.handed >= 0.97 * units, `${after.handed} of ${units}`);
    }),
    { numRuns: 40 },
  );
});

test('wherever pace binds, asking again when it says finds a unit, and not much earlier', () => {
  const moments = fc.tuple(
    fc.integer({ min: 2, max: 2_000 }),
    fc.integer({ min: 0, max: 22 }),
    fc.integer({ min: 0, max: DAY - 2 * HOUR }),
  );
  fc.assert(
    fc.property(moments, ([units, idle, at]) => {
      const now = Math.max(at, idle * HOUR);
      const { grant: after } = run(grant(units), undefined, every(60_000, idle * HOUR, now + 1));
      const due = unitsDue(after, undefined, now + 1, GUARD);
      if (due.binds !== 'pace') return;
      assert.ok(due.nextAt !== null && due.nextAt > now && due.nextAt <= now + HOUR + 1);
      const hour = (now / HOUR) | 0;
      // A new hour is counted anew, so its first look may only say when.
      if (due.nextAt < (hour + 1) * HOUR)
        assert.notEqual(unitsDue(after, undefined, due.nextAt + 1, GUARD).binds, 'pace');
    }),
  );
});

test('a lane that comes back after a stop has a quarter of its pace', () => {
  const half = hand(grant(1_000), 400, 3 * HOUR);
  const at = 12 * HOUR;
  const pace = (1_000 - 400) / (DAY - GUARD - at);
  assert.ok(Math.abs(easedRate(half, true, 0.25, at, GUARD) - pace / 4) < 1e-12, 'cold: of what is left');
  const even = 1_000 / (DAY - GUARD);
  assert.ok(Math.abs(easedRate(half, false, 0.25, at, GUARD) - even / 4) < 1e-12, 'warm: of the even share');
  assert.equal(easedRate(half, true, 0.25, DAY - GUARD, GUARD), 0);
  assert.equal(easedRate(hand(grant(10), 10, 0), true, 0.25, at, GUARD), 0);
});
