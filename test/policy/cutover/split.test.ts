import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  armOf,
  BUCKETS,
  bucketOf,
  bucketsOf,
  choose,
  floorSlice,
  lineAt,
  type Split,
  type SplitMail,
  splitProblems,
} from '../../../policy/cutover/split.ts';

function split(change: Partial<Split> = {}): Split {
  return {
    front: 'marketing',
    oldArm: 'pmta',
    newArm: 'marketing',
    scope: {},
    key: 'a key',
    revision: 1,
    thresholds: lines(0),
    step: null,
    floor: {},
    moves: {},
    settled: null,
    ...change,
  };
}

function lines(marketing: number, transactional = 0) {
  return { marketing: { '*': marketing }, transactional: { '*': transactional } };
}

const mail = (bucket: number, change: Partial<SplitMail> = {}): SplitMail => ({
  ...{ bucket, provider: 'google', tenant: 'acme', stream: 'marketing' },
  ...change,
});

test('a bucket is of the recipient and the key, the same every time', () => {
  assert.equal(bucketOf('anna@example.org', 'k'), bucketOf('anna@example.org', 'k'));
  assert.notEqual(bucketOf('anna@example.org', 'k'), bucketOf('anna@example.org', 'other'));
  // Fixed: a release that hashes otherwise would move everybody at once. HMAC-SHA-256, first 48 bits, modulo BUCKETS.
  assert.equal(bucketOf('anna@example.org', 'k'), 0x023dc60143b3 % BUCKETS);
});

test('buckets are even: shares of recipients are binomial, also over many keys and tiny groups', () => {
  for (const share of [0.01, 0.1, 0.5]) {
    const below = (count: number, key: string) =>
      Array.from({ length: count }, (_, n) => bucketOf(`reader-${n}@example.org`, key)).filter(
        (bucket) => bucket < bucketsOf(share),
      ).length;
    const off = (found: number, count: number) =>
      Math.abs(found - count * share) / Math.sqrt(count * share * (1 - share));
    assert.ok(off(below(50_000, 'a key'), 50_000) < 3, `${share}`);
    // Two thousand groups of ten, each with its own draw: together as even as one of twenty thousand.
    const tiny = Array.from({ length: 2_000 }, (_, n) => below(10, `key ${n}`)).reduce((sum, one) => sum + one, 0);
    assert.ok(off(tiny, 20_000) < 3, `${share} in tiny groups`);
  }
});

test('cohorts are nested: whoever is on the new arm at a share is there at every larger one', () => {
  const share = fc.integer({ min: 0, max: BUCKETS });
  fc.assert(
    fc.property(
      share,
      share,
      fc.integer({ min: 0, max: BUCKETS - 1 }),
      fc.constantFrom('google', 'yahoo'),
      (a, b, bucket, at) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        const armAt = (line: number) =>
          choose(
            split({ thresholds: { marketing: { '*': line, yahoo: Math.floor(line / 2) }, transactional: { '*': 0 } } }),
            mail(bucket, { provider: at }),
          )?.arm;
        if (armAt(small) === 'new') assert.equal(armAt(large), 'new');
      },
    ),
  );
});

test('each stream and provider has its own line; the floor stays with the old arm whatever the line says', () => {
  const one = split({
    thresholds: { marketing: { '*': 500_000, google: 100_000 }, transactional: { '*': 0 } },
    floor: { '*': 0, yahoo: 900_000 },
  });
  assert.deepEqual(choose(one, mail(99_999)), { arm: 'new', outside: null });
  assert.deepEqual(choose(one, mail(100_000)), { arm: 'old', outside: null });
  assert.deepEqual(choose(one, mail(100_000, { provider: 'apple' })), { arm: 'new', outside: null });
  assert.deepEqual(choose(one, mail(100_000, { provider: 'yahoo' })), { arm: 'old', outside: null });
  assert.equal(lineAt(one, 'marketing', 'yahoo'), 100_000);
  assert.deepEqual(choose(one, mail(0, { stream: 'transactional' })), { arm: 'old', outside: null });
  // A provider of this name is no property of every object.
  assert.deepEqual(choose(one, mail(499_999, { provider: 'constructor' })), { arm: 'new', outside: null });
});

test('what the new arm has no room for goes to the old one as overflow, highest bucket first', () => {
  const one = split({ thresholds: lines(40_000), step: lines(100_000) });
  assert.deepEqual(choose(one, mail(39_999)), { arm: 'new', outside: null });
  assert.deepEqual(choose(one, mail(40_000)), { arm: 'old', outside: 'overflow' });
  assert.deepEqual(choose(one, mail(99_999)), { arm: 'old', outside: 'overflow' });
  assert.deepEqual(choose(one, mail(100_000)), { arm: 'old', outside: null });
});

test('what is outside of the scope stays on the old arm, and says nothing', () => {
  const one = split({
    thresholds: lines(BUCKETS, BUCKETS),
    scope: { tenants: ['acme'], providers: ['google'], streams: ['marketing'] },
  });
  assert.deepEqual(choose(one, mail(0)), { arm: 'new', outside: null });
  for (const change of [{ tenant: 'other' }, { provider: 'yahoo' }, { stream: 'transactional' }])
    assert.deepEqual(choose(one, mail(0, change)), { arm: 'old', outside: 'scope' });
});

test('without a provider the arm is chosen only where every provider has the same', () => {
  const unknown = mail(150_000, { provider: null });
  assert.deepEqual(choose(split({ thresholds: lines(0) }), unknown), { arm: 'old', outside: 'unknown-provider' });
  assert.deepEqual(choose(split({ thresholds: lines(BUCKETS) }), unknown), { arm: 'new', outside: 'unknown-provider' });
  const google = { marketing: { '*': 100_000, google: 200_000 }, transactional: { '*': 0 } };
  assert.equal(choose(split({ thresholds: google }), unknown), null);
  assert.deepEqual(choose(split({ thresholds: google }), { ...unknown, bucket: 250_000 })?.arm, 'old');
  assert.equal(choose(split({ thresholds: lines(200_000), floor: { '*': 0, yahoo: BUCKETS } }), unknown), null);
  assert.equal(choose(split({ thresholds: lines(200_000), scope: { providers: ['google'] } }), unknown), null);
});

test('a cutover that is over gives one arm all', () => {
  const over = split({ thresholds: lines(0), settled: 'new' });
  assert.deepEqual(choose(over, mail(999_999, { provider: null })), { arm: 'new', outside: 'settled' });
});

test('shares and floors in buckets never promise more than they say', () => {
  assert.equal(bucketsOf(0.1), 100_000);
  assert.equal(bucketsOf(0.07), 70_000);
  assert.equal(bucketsOf(2), BUCKETS);
  assert.equal(bucketsOf(-1), 0);
  assert.equal(floorSlice(1_000, 4_000), 250_000);
  assert.equal(floorSlice(1_000, 10), BUCKETS);
  assert.equal(floorSlice(1_000, 0), BUCKETS);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => bucketsOf(share) <= share * BUCKETS + 1e-5),
  );
});

test('a pool is one of the arms, or none', () => {
  assert.deepEqual([armOf(split(), 'pmta'), armOf(split(), 'marketing'), armOf(split(), 'x')], ['old', 'new', null]);
});

test('what is wrong with a split is said in words', () => {
  assert.deepEqual(splitProblems(split()), []);
  const wrong: [Partial<Split>, RegExp][] = [
    [{ newArm: 'pmta' }, /both arms are the pool pmta/],
    [{ key: '' }, /no key/],
    [{ revision: 0 }, /revision is 0/],
    [{ thresholds: lines(BUCKETS + 1) }, /thresholds\.marketing\.\* is 1000001/],
    [{ thresholds: { marketing: { google: 1 }, transactional: { '*': 0 } } }, /thresholds\.marketing has no "\*"/],
    [{ step: lines(0.5) }, /step\.marketing\.\* is 0\.5/],
    [{ floor: { google: -1 } }, /floor\.google is -1/],
    [{ moves: { perDay: { '*': 0.5 } } }, /moves\.perDay\.\* is 0\.5/],
  ];
  for (const [change, says] of wrong) assert.match(splitProblems(split(change)).join('; '), says);
});

test('share error over distinct recipients: within 3 sigma for every tenant and provider, thousands of tiny streams together', () => {
  const line = bucketsOf(0.1);
  const one = split({ thresholds: { marketing: { '*': line }, transactional: { '*': 0 } } });
  const isNew = (rcpt: string, tenant: string, provider: string) =>
    choose(one, mail(bucketOf(rcpt, one.key), { tenant, provider }))?.arm === 'new';
  const sigma = (count: number) => Math.sqrt(count * 0.1 * 0.9);
  // Twelve tenants of any size at four providers: 48 cells, of which one may miss 3 sigma in 8 draws; this draw is fixed.
  for (let tenant = 0; tenant < 12; tenant++)
    for (const provider of ['google', 'yahoo', 'apple', 'other']) {
      const count = 200 * (tenant + 1);
      let found = 0;
      for (let n = 0; n < count; n++)
        if (isNew(`r${n}@t${tenant}.${provider}.example`, `t${tenant}`, provider)) found += 1;
      assert.ok(Math.abs(found - count * 0.1) <= 3 * sigma(count), `t${tenant} at ${provider}: ${found} of ${count}`);
    }
  // Five thousand tenants of three recipients: no rounding makes small ones all old, or all new.
  let all = 0;
  for (let tenant = 0; tenant < 5_000; tenant++)
    for (let n = 0; n < 3; n++) if (isNew(`r${n}@tiny${tenant}.example`, `tiny${tenant}`, 'google')) all += 1;
  assert.ok(Math.abs(all - 1_500) <= 3 * sigma(15_000), `${all} of 15,000`);
});
