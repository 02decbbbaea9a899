import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Arrival,
  advanceHour,
  advanceHours,
  blamedCampaign,
  CAMPAIGN_BREAKER,
  campaignRatio,
  type Detector,
  forgetCampaign,
  likelihoodRatio,
  newDetector,
  OPEN_COHORTS,
  oneLaneSupplies,
  partOf,
  resetDetector,
  windowOfDays,
} from '../../../policy/gates/cusum.ts';
import { COUNTED, LEVELS, type Level, levelsFor } from '../../../policy/gates/levels.ts';
import { packDetector, unpackDetector } from '../../../policy/gates/packed.ts';

const arrival = (over: Partial<Arrival> = {}): Arrival => ({
  campaign: 1,
  day: 100,
  part: 0,
  trials: 0,
  events: 0,
  ...over,
});

const someArrival = fc.record({
  campaign: fc.integer({ min: 0, max: 12 }),
  day: fc.integer({ min: 100, max: 112 }),
  part: fc.integer({ min: 0, max: 3 }),
  trials: fc.integer({ min: 0, max: 3_000 }),
  events: fc.integer({ min: 0, max: 30 }),
});
const someHours = fc.array(
  fc.record({
    hours: fc.integer({ min: 0, max: 30 }),
    arrivals: fc.array(someArrival, { maxLength: 4 }),
    fresh: fc.boolean(),
  }),
  { maxLength: 60 },
);
const metric = fc.constantFrom(...COUNTED);

function totals(d: Detector) {
  const all = [...d.cohorts, d.merged];
  const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0);
  return { k: sum((one) => one.k), n: sum((one) => one.n), e: sum((one) => one.e) };
}

test('the sum is never negative, cohorts are bounded, and merging them loses no event and no trial', () => {
  fc.assert(
    fc.property(metric, someHours, (name, steps) => {
      const d = newDetector();
      let [k, n] = [0, 0];
      for (const { hours, arrivals, fresh } of steps) {
        const before = totals(d).e;
        advanceHours(d, LEVELS[name], hours, arrivals, fresh);
        for (const one of arrivals) {
          k += one.events;
          n += one.trials;
        }
        assert.ok(d.w >= 0 && Number.isFinite(d.w));
        assert.ok(d.cohorts.length <= OPEN_COHORTS && d.days.length <= 7 && d.since.length <= 9);
        const now = totals(d);
        assert.equal(now.k, k);
        assert.equal(now.n, n);
        assert.ok(now.e >= before - 1e-9 && now.e <= n + 1e-9, 'trials mature, and only those that were sent');
        if (!fresh) assert.ok(Math.abs(now.e - before) < 1e-9, 'nothing matures while the feed is silent');
        const said = d.since.reduce((sum, one) => sum + one.w, 0);
        assert.ok(Math.abs(said - d.w) < 1e-6, 'what campaigns added since it was 0 is the sum');
      }
    }),
  );
});

test('within an hour the order of arrivals makes no difference', () => {
  const shuffled = fc
    .array(someArrival, { maxLength: 20 })
    .chain((one) =>
      fc.tuple(fc.constant(one), fc.shuffledSubarray(one, { minLength: one.length, maxLength: one.length })),
    );
  fc.assert(
    fc.property(metric, shuffled, (name, [there, other]) => {
      const [a, b] = [newDetector(), newDetector()];
      advanceHour(a, LEVELS[name], there);
      advanceHour(b, LEVELS[name], other);
      assert.ok(Math.abs(a.w - b.w) < 1e-9);
      assert.deepEqual({ ...totals(a), e: 0 }, { ...totals(b), e: 0 });
      assert.ok(Math.abs(totals(a).e - totals(b).e) < 1e-6);
    }),
  );
});

test('late events of one cohort give the same sum in any order, and join the day they were sent', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([1, 2, 3, 0, 4], { minLength: 5 }), (late) => {
      const level = LEVELS.complaint;
      const d = newDetector();
      advanceHour(d, level, [arrival({ trials: 3_000 })]);
      advanceHours(d, level, 10_000, [arrival({ day: 101, trials: 3_000 })]);
      assert.equal(d.w, 0);
      // Enough of a rate that the sum never touches 0 on the way.
      advanceHour(d, level, [arrival({ events: 40 })]);
      for (const events of late) advanceHour(d, level, [arrival({ events })]);
      const want = likelihoodRatio(50, 3_000, level) - likelihoodRatio(0, 3_000, level);
      assert.ok(Math.abs(d.w - want) < 1e-6, `${d.w} is not ${want}`);
      assert.deepEqual(
        d.days.map((one) => [one.day, one.k]),
        [
          [100, 50],
          [101, 0],
        ],
      );
    }),
  );
});

test('time passes the same in one step or in many', () => {
  const level = LEVELS.complaint;
  const [a, b] = [newDetector(), newDetector()];
  for (const d of [a, b]) advanceHours(d, level, 0, [arrival({ trials: 10_000, events: 9 })]);
  advanceHours(a, level, 30, []);
  for (let hour = 0; hour < 30; hour++) advanceHour(b, level, []);
  assert.ok(Math.abs(totals(a).e - totals(b).e) < 1e-6);
  assert.ok(Math.abs(totals(a).e - 10_000 * (1 - Math.exp(-30 / 24))) < 1e-6);
});

test('a repeated look changes nothing', () => {
  fc.assert(
    fc.property(metric, someHours, (name, steps) => {
      const d = newDetector();
      for (const { hours, arrivals, fresh } of steps) advanceHours(d, LEVELS[name], hours, arrivals, fresh);
      const before = structuredClone(d);
      advanceHours(d, LEVELS[name], 0, []);
      if (LEVELS[name].lagHours > 0) assert.deepEqual(d, before);
      else assert.equal(totals(d).k, totals(before).k);
    }),
  );
});

test('a healthy lane stays calm for six weeks, a harmful one is stopped within days', () => {
  for (const name of COUNTED) {
    const level = LEVELS[name];
    const d = newDetector();
    let carry = 0;
    for (let hour = 0; hour < 42 * 24; hour++) {
      carry += level.healthy * 200;
      const events = Math.floor(carry);
      carry -= events;
      const day = Math.floor(hour / 24);
      advanceHour(d, level, [arrival({ day, part: 0, campaign: level.byCampaign ? day : 0, trials: 200, events })]);
      assert.ok(d.w < level.lane, `${name}: ${d.w} in hour ${hour}`);
    }
    let stopped = -1;
    for (let hour = 0; hour < 10 * 24 && stopped < 0; hour++) {
      carry += 2 * level.harmful * 200;
      const events = Math.floor(carry);
      carry -= events;
      const day = 42 + Math.floor(hour / 24);
      advanceHour(d, level, [arrival({ day, campaign: level.byCampaign ? day : 0, trials: 200, events })]);
      if (d.w >= level.lane) stopped = hour;
    }
    assert.ok(stopped >= 0, `${name} was never stopped: ${d.w}`);
  }
});

test('there is a way out of every state: good mail brings any sum back to 0, and a suspended campaign takes its part along', () => {
  fc.assert(
    fc.property(metric, someHours, (name, steps) => {
      const level = LEVELS[name];
      const d = newDetector();
      for (const { hours, arrivals, fresh } of steps) advanceHours(d, level, hours, arrivals, fresh);
      const before = d.w;
      for (let campaign = 1; campaign <= 12; campaign++) forgetCampaign(d, campaign);
      assert.ok(d.cohorts.every((one) => one.campaign === 0) && d.w >= 0);
      assert.ok(d.days.every((day) => day.k >= 0 && day.n >= 0 && day.e >= 0 && day.e <= day.n));
      for (let day = 200; d.w > 0 && day < 20_000; day++)
        advanceHours(d, level, 24, [arrival({ day, campaign: 20, trials: 5_000 })]);
      assert.equal(d.w, 0, `from ${before}`);
    }),
    { numRuns: 60 },
  );
});

test('one campaign that supplies the sum is to blame; two that share it are not, nor is unknown mail', () => {
  const level = LEVELS['hard-bounce'];
  const one = newDetector();
  advanceHour(one, level, [
    arrival({ campaign: 1, trials: 100, events: 30 }),
    arrival({ campaign: 2, trials: 400, events: 2 }),
  ]);
  assert.equal(blamedCampaign(one)?.campaign, 1);
  const two = newDetector();
  advanceHour(two, level, [
    arrival({ campaign: 1, trials: 100, events: 20 }),
    arrival({ campaign: 2, trials: 100, events: 20 }),
  ]);
  assert.ok(two.w > level.lane);
  assert.equal(blamedCampaign(two), null);
  const unknown = newDetector();
  advanceHour(unknown, level, [arrival({ campaign: 0, trials: 100, events: 30 })]);
  assert.equal(blamedCampaign(unknown), null);
  assert.equal(blamedCampaign(newDetector()), null);
});

test('one lane is to blame where it supplied over 80% of what all lanes added up, and nobody where nothing was', () => {
  assert.equal(oneLaneSupplies([4, 0, 0]), true);
  assert.equal(oneLaneSupplies([8.1, 1, 0.9]), true);
  assert.equal(oneLaneSupplies([8, 2]), false, 'over 80%, not 80%');
  assert.equal(oneLaneSupplies([2, 2, 1]), false);
  assert.equal(oneLaneSupplies([3]), true);
  assert.equal(oneLaneSupplies([0, 0]), false);
  assert.equal(oneLaneSupplies([]), false);
});

test('a retreat forgets the sum, the cohorts and the week', () => {
  const d = newDetector();
  advanceHour(d, LEVELS.block, [arrival({ trials: 100, events: 50 })]);
  assert.ok(d.w > 0);
  resetDetector(d);
  assert.deepEqual(d, newDetector());
});

test('the week is the last seven send days, however far apart', () => {
  const d = newDetector();
  for (let day = 0; day < 10; day++)
    advanceHour(d, LEVELS['hard-bounce'], [arrival({ day: 7 * day, campaign: day + 1, trials: 10, events: 1 })]);
  assert.deepEqual(windowOfDays(d), { k: 7, e: 70, awaiting: 0 });
});

test('a level looks back as many send days as it says; an edit to fewer forgets the older ones, one to more fills up', () => {
  const [few, many] = [2, 28].map((lookbackDays) => ({ ...LEVELS.block, lookbackDays })) as [Level, Level];
  const after = (d: Detector, level: Level, days: readonly number[]) => {
    for (const day of days) advanceHour(d, level, [arrival({ day, campaign: 0, trials: 10, events: 1 })]);
    return windowOfDays(d).e;
  };
  const days = Array.from({ length: 40 }, (_, day) => day);
  assert.equal(after(newDetector(), few, days), 20);
  const long = newDetector();
  assert.equal(after(long, many, days), 280);
  const edited = unpackDetector(packDetector(long), few);
  assert.deepEqual(
    [windowOfDays(edited).e, edited.w],
    [20, packDetector(long).w],
    'what stops a lane has its own memory',
  );
  assert.equal(after(edited, many, [40, 41]), 40);
  assert.equal(after(edited, few, [3]), 40, 'a late event of a day that is out of sight opens it no more');
});

test('stored and read again it goes on as it was, in under 1 kB', () => {
  fc.assert(
    fc.property(metric, someHours, fc.array(someArrival, { maxLength: 4 }), (name, steps, more) => {
      const level = LEVELS[name];
      const d = newDetector();
      for (const { hours, arrivals, fresh } of steps) advanceHours(d, level, hours, arrivals, fresh);
      const again = unpackDetector(JSON.parse(JSON.stringify(packDetector(d))), level);
      assert.deepEqual(packDetector(again), packDetector(d));
      assert.deepEqual({ ...totals(again), e: 0 }, { ...totals(d), e: 0 });
      for (const one of [d, again]) advanceHours(one, level, 1, more);
      assert.ok(Math.abs(again.w - d.w) < 0.05, `${again.w} is not ${d.w}`);
    }),
  );
  const full = newDetector();
  for (let index = 0; index < 60; index++)
    advanceHour(full, LEVELS.complaint, [
      arrival({ campaign: 90_000 + index, day: 20_700 + Math.floor(index / 4), trials: 29_999, events: 98 }),
    ]);
  const bytes = JSON.stringify(packDetector(full)).length;
  assert.ok(bytes < 1_024, `${bytes} bytes`);
});

test('deferrals and blocks are cohorts of six hours, campaigns are whole days unless unknown', () => {
  assert.deepEqual(
    [0, 0.24, 0.25, 0.5, 0.99, 1].map((share) => partOf(LEVELS.deferral, 5, share)),
    [0, 0, 1, 2, 3, 3],
  );
  assert.equal(partOf(LEVELS.complaint, 5, 0.9), 0);
  assert.equal(partOf(LEVELS.complaint, 0, 0.9), 3);
});

test('a campaign with half dead addresses trips the breaker within 20 messages, a healthy one never', () => {
  assert.ok(campaignRatio(10, 20, LEVELS['hard-bounce']) >= CAMPAIGN_BREAKER);
  assert.ok(campaignRatio(20, 1_000, LEVELS['hard-bounce']) < CAMPAIGN_BREAKER);
});

test('levels: fewer false stops allowed or wilder campaigns raise the heights; a plan may set its own', () => {
  assert.deepEqual([levelsFor().block.lane, levelsFor().block.address], [5.5, 4.5]);
  assert.equal(levelsFor({ falseStopsPerRamp: 0.001 }).block.lane, 6);
  assert.equal(levelsFor({ falseStopsPerRamp: 0.0001 }).block.lane, 7);
  const wild = levelsFor({ campaignsCv: 1 });
  assert.deepEqual([wild.deferral.lane, wild.deferral.address, wild.deferral.shape], [7, 6, 2]);
  assert.equal(levelsFor({ campaignsCv: 0.5 }).deferral.shape, 4);
  assert.equal(levelsFor({ set: { complaint: { lane: 9 } } }).complaint.lane, 9);
});
