import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type ArmHour,
  campaignsOnBoth,
  coverage,
  type EvidenceInput,
  judgeArms,
} from '../../../policy/cutover/evidence.ts';
import { CUTOVER_PLAN } from '../../../policy/cutover/plan.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const OK = { deferral: 'ok', block: 'ok', 'hard-bounce': 'ok', complaint: 'ok' } as const;

function hour(over: Partial<ArmHour> & Pick<ArmHour, 'arm' | 'messages'>): ArmHour {
  const row = {
    provider: 'google',
    campaign: 'news',
    segment: 'all',
    stream: 'marketing',
    hour: 0,
    deferred: 0,
    hard: 0,
    blocked: 0,
    complaints: 0,
  } as const;
  return { ...row, told: over.messages, delivered: over.messages - (over.hard ?? 0), ...over };
}

/** Days of three campaigns, a fifth of it on the new arm, which meets `factor` times the old one's hard bounces of 2%. */
function days(count: number, factor: number): ArmHour[] {
  return Array.from({ length: count * 3 }, (_, n) => {
    const at = { hour: Math.floor(n / 3) * DAY + (n % 3) * HOUR, campaign: `c${n}` };
    return [
      hour({ ...at, arm: 'new', messages: 200, hard: Math.round(4 * factor) }),
      hour({ ...at, arm: 'old', messages: 800, hard: 16 }),
    ];
  }).flat();
}

const input = (rows: readonly ArmHour[], over: Partial<EvidenceInput> = {}): EvidenceInput => ({
  ...{ rows, now: 30 * DAY, hourMs: HOUR, plan: CUTOVER_PLAN, dayOf: (at) => Math.floor(at / DAY) },
  ...{ feeds: { old: OK, new: OK }, perDay: 1_000, perHour: 42 },
  ...over,
});
const bounce = (rows: readonly ArmHour[], over: Partial<EvidenceInput> = {}) =>
  judgeArms(input(rows, over)).find((one) => one.metric === 'hard-bounce');

test('equal arms pass; a worse one fails, whatever the rate is; too little says how much and how long', () => {
  assert.equal(bounce(days(6, 1))?.verdict, 'pass');
  const worse = bounce(days(4, 2.4));
  assert.equal(worse?.verdict, 'fail');
  assert.deepEqual(worse?.failed, { by: 'comparison', provider: null });
  const little = bounce(days(1, 1));
  assert.equal(little?.verdict, 'insufficient');
  assert.ok((little?.needs ?? 0) > 300 && (little?.needs ?? 0) < 1_500);
  assert.ok(Math.abs((little?.hours ?? 0) - ((little?.needs ?? 0) / 42 + 5)) < 1e-9);
  assert.match(little?.says ?? '', /needs about \d+ more on the new arm, about \d/);
});

test('an absolute limit stays on top: two equally bad arms are two bad arms', () => {
  const bad = days(3, 1).map((row) => ({ ...row, hard: Math.round(row.messages * 0.12) }));
  assert.deepEqual(bounce(bad)?.failed, { by: 'limit', provider: null });
  const few = [hour({ arm: 'new', messages: 10, hard: 4 }), hour({ arm: 'old', messages: 10, hard: 4 })];
  assert.notEqual(bounce(few)?.verdict, 'fail', 'four dead addresses are no rate');
});

test('a bad day is over the limit, however good the weeks before it were', () => {
  const good = Array.from({ length: 20 }, (_, day) => [
    hour({ arm: 'new', messages: 400, hard: 2, hour: day * DAY }),
    hour({ arm: 'old', messages: 400, hard: 2, hour: day * DAY }),
  ]).flat();
  const bad = [hour({ arm: 'new', messages: 40, hard: 12, hour: 20 * DAY })];
  const now = 20 * DAY + 6 * HOUR;
  const found = bounce([...good, ...bad], { now });
  assert.deepEqual([found?.verdict, found?.failed?.by], ['fail', 'limit']);
  assert.match(found?.says ?? '', /12 of 40 \(30\.0%\).* is over the limit/);
  assert.notEqual(bounce([...good, ...bad], { now: now + 3 * DAY })?.failed?.by, 'limit', 'it was a day, and is over');
});

test('where next to nothing goes wrong nobody waits for ever: enough seen below the difference that may not be exceeded', () => {
  const quiet = (messages: number, over: Partial<ArmHour> = {}) => [
    hour({ arm: 'new', messages, ...over }),
    hour({ arm: 'old', messages: 9 * messages }),
  ];
  const rare = bounce(quiet(800));
  assert.equal(rare?.verdict, 'pass');
  assert.match(rare?.says ?? '', /below 0\.50%, whatever the old arm's rate is/);
  const few = bounce(quiet(500));
  assert.equal(few?.verdict, 'insufficient');
  assert.equal(few?.needs, 265, '765 without an event have an interval below half a percent');
  // As many as the old arm never has: whatever the rate is, something speaks against the new one.
  assert.equal(bounce(quiet(8_000, { hard: 4 }))?.verdict, 'insufficient');
});

test('an arm that is not measured makes nobody better: not configured, stale, or judged alone', () => {
  const none = { ...OK, 'hard-bounce': 'none' } as const;
  const stale = { ...OK, 'hard-bounce': 'stale' } as const;
  assert.equal(bounce(days(6, 1), { feeds: { old: none, new: OK } })?.verdict, 'not-configured');
  assert.match(bounce(days(6, 1), { feeds: { old: none, new: OK } })?.says ?? '', /the old arm gives no events/);
  assert.equal(bounce(days(6, 1), { feeds: { old: stale, new: OK } })?.verdict, 'stale');
  assert.equal(bounce(days(6, 1), { feeds: { old: OK, new: stale } })?.verdict, 'stale');
  assert.equal(bounce(days(6, 6), { feeds: { old: none, new: OK } })?.verdict, 'fail', 'the limit needs no other arm');
});

test('a campaign counts when it is closed, and only where both arms sent it', () => {
  const rows = days(2, 1);
  assert.equal(campaignsOnBoth(input(rows)), 6);
  assert.equal(campaignsOnBoth(input(rows, { now: DAY + 2 * HOUR })), 3, 'the second day’s are still open');
  assert.equal(campaignsOnBoth(input(rows.filter((row) => row.arm === 'old' || row.campaign === 'c0'))), 1);
  assert.equal(bounce(days(6, 1), { now: 3 * HOUR })?.verdict, 'insufficient');
});

test('coverage: an upstream that tells of half its mail would look better than it is', () => {
  const told = (share: number) => [hour({ arm: 'old', messages: 100, told: share })];
  const feed = (known: number, at: number, fed: boolean) => coverage(told(known), 'old', at, HOUR, fed);
  for (const fed of [true, false]) {
    assert.equal(feed(100, DAY, fed), 'ok');
    assert.equal(feed(79, DAY, fed), 'stale');
  }
  assert.equal(feed(0, DAY, false), 'none');
  assert.equal(feed(0, 2 * HOUR, false), 'none');
  assert.equal(feed(0, DAY, true), 'stale', 'a feed that has told nothing yet is no engine that nobody can ask');
  assert.equal(feed(0, 2 * HOUR, true), 'ok', 'its events may take some hours');
});

test('probes: pairs in which the new arm is worse hold, and none is no verdict', () => {
  const placed = (placement: EvidenceInput['placement']) =>
    judgeArms(input([], placement === undefined ? {} : { placement })).at(-1)?.verdict;
  assert.equal(placed(undefined), 'not-configured');
  assert.equal(placed({ pairs: 10, worse: 7, better: 0 }), 'fail');
  assert.equal(placed({ pairs: 10, worse: 3, better: 2 }), 'pass');
});

test('the order of rows does not matter, and no rate, share or count makes a verdict of nothing', () => {
  const row = fc.record({
    ...{ arm: fc.constantFrom('old' as const, 'new' as const), provider: fc.constantFrom('google', 'constructor') },
    ...{ campaign: fc.constantFrom('', 'a', '__proto__'), hour: fc.integer({ min: 0, max: 100 }).map((n) => n * HOUR) },
    ...{ messages: fc.integer({ min: 0, max: 500 }), hard: fc.integer({ min: 0, max: 500 }) },
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 30 }), (all) => {
      const rows = all.map((one) => hour({ ...one, hard: Math.min(one.hard, one.messages) }));
      const [one, other] = [judgeArms(input(rows)), judgeArms(input(rows.toReversed()))];
      assert.deepEqual(
        one.map(({ metric, verdict }) => [metric, verdict]),
        other.map(({ metric, verdict }) => [metric, verdict]),
      );
      for (const judgement of one) {
        assert.ok(judgement.needs === null || judgement.needs >= 0);
        if (judgement.new.trials === 0) assert.notEqual(judgement.verdict, 'pass');
      }
    }),
  );
});
