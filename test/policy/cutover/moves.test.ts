import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isReturn, moveOf, type WaitingMail } from '../../../policy/cutover/moves.ts';
import { planRelease, type ReleaseState, releaseTimes } from '../../../policy/cutover/release.ts';
import type { Split } from '../../../policy/cutover/split.ts';

const DAY = 86_400_000;

function split(line: number, change: Partial<Split> = {}): Split {
  return {
    ...{ front: 'marketing', oldArm: 'pmta', newArm: 'marketing', scope: {}, key: 'k', revision: 1, step: null },
    ...{ floor: {}, moves: {}, settled: null },
    thresholds: { marketing: { '*': line }, transactional: { '*': line } },
    ...change,
  };
}

const waiting = (change: Partial<WaitingMail> = {}): WaitingMail => ({
  ...{ bucket: 150_000, provider: 'google', tenant: 'acme', stream: 'marketing' },
  ...{ pool: 'marketing', attempts: 0, doubts: 0, pinned: false, outside: null },
  ...change,
});

test('mail that was never attempted follows the line, back and forth', () => {
  assert.deepEqual(moveOf(split(0), waiting()), { pool: 'pmta', arm: 'old', outside: 'moved' });
  assert.equal(moveOf(split(200_000), waiting()), 'stay');
  assert.deepEqual(moveOf(split(200_000), waiting({ pool: 'pmta' })), {
    pool: 'marketing',
    arm: 'new',
    outside: 'moved',
  });
  const tight = split(100_000, { step: split(200_000).thresholds });
  assert.deepEqual(moveOf(tight, waiting()), { pool: 'pmta', arm: 'old', outside: 'overflow' });
  assert.equal(isReturn(split(0), waiting(), { arm: 'old' }), true);
  assert.equal(isReturn(split(0), waiting({ pool: 'pmta' }), { arm: 'new' }), false);
});

test('attempted mail stays, unless the arm is blocked; mail in doubt, probes and what a person moved always do', () => {
  const blocked = split(0, { moves: { attempted: 'move' } });
  assert.equal(moveOf(split(0), waiting({ attempts: 1 })), 'stay');
  assert.deepEqual(moveOf(blocked, waiting({ attempts: 1 })), { pool: 'pmta', arm: 'old', outside: 'moved' });
  assert.equal(
    moveOf(split(200_000, { moves: { attempted: 'move' } }), waiting({ attempts: 1, pool: 'pmta' })),
    'stay',
  );
  for (const change of [{ doubts: 1, attempts: 1 }, { pinned: true }, { outside: 'probe' }, { outside: 'operator' }])
    assert.equal(moveOf(blocked, waiting(change)), 'stay');
});

test('where the provider decides and is not known, it has to be found out first', () => {
  const one = split(100_000, { thresholds: { marketing: { '*': 0, google: 200_000 }, transactional: { '*': 0 } } });
  assert.equal(moveOf(one, waiting({ provider: null })), 'provider');
  assert.equal(moveOf(one, waiting({ provider: null, attempts: 1 })), 'stay');
});

test('a release: what fits the day at once, the rest over a day, never faster than twice the peak', () => {
  const plan = { backlog: 5_000, peak: 2_000, used: 1_000, dayMs: DAY, spreadMs: DAY };
  assert.deepEqual(planRelease(plan), { atOnce: 3_000, gapMs: DAY / 2_000 });
  assert.deepEqual(planRelease({ ...plan, backlog: 50_000 }), { atOnce: 3_000, gapMs: DAY / 4_000 });
  assert.deepEqual(planRelease({ ...plan, backlog: 10 }), { atOnce: 3_000, gapMs: DAY / 4_000 }, 'more may come');
  assert.deepEqual(planRelease({ ...plan, perDay: 1_200 }), { atOnce: 200, gapMs: DAY / 1_200 });
  assert.equal(planRelease({ ...plan, peak: null, used: 0 }).atOnce, 1_000, 'an arm nobody knows takes a little');
  assert.equal(planRelease({ ...plan, used: 1e9 }).atOnce, 0);
  const stopped = { ...planRelease({ ...plan, perDay: 0 }), nextAt: 5 };
  const { dues, state } = releaseTimes(stopped, 3, 1_000);
  assert.deepEqual([stopped.atOnce, state], [0, stopped], 'a stopped release has no turns to give');
  assert.ok(dues.length === 3 && dues.every((due) => due > 300 * DAY));
});

test('instants of a release: every message has one, in order, the same in one piece or in many', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 8 }),
      (atOnce, gapMs, pieces) => {
        const start: ReleaseState = { atOnce, gapMs, nextAt: 1_000 };
        const total = pieces.reduce((sum, one) => sum + one, 0);
        const whole = releaseTimes(start, total, 1_000);
        let state = start;
        const dues: number[] = [];
        for (const count of pieces) {
          const given = releaseTimes(state, count, 1_000);
          dues.push(...given.dues);
          state = given.state;
        }
        assert.deepEqual(dues, whole.dues);
        assert.deepEqual(state, whole.state);
        assert.equal(dues.length, total);
        assert.deepEqual(
          dues,
          dues.toSorted((a, b) => a - b),
        );
        assert.equal(dues.filter((due) => due === 1_000).length, Math.min(total, atOnce));
        // No faster than one in a gap, from wherever one looks.
        const later = dues.filter((due) => due > 1_000);
        for (const [n, due] of later.entries()) assert.ok(n === 0 || due - (later[n - 1] ?? 0) >= gapMs);
      },
    ),
  );
});
