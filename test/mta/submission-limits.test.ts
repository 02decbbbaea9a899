import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { FailedSignIns, SIGN_IN_LIMITS } from '../../mta/injection/failed-sign-ins.ts';
import { GroupCommit } from '../../mta/injection/group-commit.ts';
import { Rates } from '../../mta/injection/rates.ts';
import { ReadingBudget } from '../../mta/injection/reading-budget.ts';
import { createStore } from '../../store/connect.ts';
import type { SpoolMessage } from '../../store/spool.ts';
import { takeRate } from '../../store/users.ts';
import { startDatabases } from './databases.ts';

const databases = await startDatabases();
const store = createStore(await databases.create(), { max: 6 });
after(async () => {
  await store.end();
  await databases.stop();
});

test('failed sign-ins: slower with each, stopped by pair and by network, free again after the window', () => {
  let now = 0;
  const failures = new FailedSignIns(() => now);
  const delays = Array.from({ length: 8 }, () => failures.failed('203.0.113.1', 'shop'));
  assert.deepEqual(delays, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  assert.equal(failures.blockedFor('203.0.113.1', 'shop'), 0);
  failures.failed('203.0.113.1', 'shop');
  failures.failed('203.0.113.1', 'shop');
  assert.equal(failures.blockedFor('203.0.113.1', 'shop'), SIGN_IN_LIMITS.window);
  assert.equal(failures.blockedFor('203.0.113.1', 'bank'), 0);
  assert.equal(failures.blockedFor('203.0.113.2', 'shop'), 0);
  now = SIGN_IN_LIMITS.window;
  assert.equal(failures.blockedFor('203.0.113.1', 'shop'), 0);
  assert.equal(failures.failed('203.0.113.1', 'shop'), 250, 'and forgotten');
  for (let n = 0; n < SIGN_IN_LIMITS.perAddress; n++) failures.failed(`2001:db8::${n.toString(16)}`, `user-${n}`);
  assert.ok(failures.blockedFor('2001:db8:0:0:ffff::1', 'anybody') > 0, 'one /64 is one client');
  assert.equal(failures.blockedFor('2001:db8:0:1::1', 'anybody'), 0);
});

test('failed sign-ins: processes share the limit, so that trying at each of them gains nothing', () => {
  const four = Array.from(
    { length: 4 },
    () =>
      new FailedSignIns(
        () => 0,
        () => 4,
      ),
  );
  let tries = 0;
  for (const failures of four)
    for (; failures.blockedFor('203.0.113.1', 'shop') === 0; tries++) failures.failed('203.0.113.1', 'shop');
  assert.ok(tries >= SIGN_IN_LIMITS.perUser && tries < SIGN_IN_LIMITS.perUser + four.length, `${tries} tries`);
  const one = new FailedSignIns(
    () => 0,
    () => 400,
  );
  for (const left of [3, 2, 1]) {
    assert.equal(one.blockedFor('203.0.113.1', 'shop'), 0, `${left} tries are left to anybody`);
    one.failed('203.0.113.1', 'shop');
  }
  assert.ok(one.blockedFor('203.0.113.1', 'shop') > 0);
});

test('the reading budget gives back exactly what was taken, whatever the order', () => {
  const step = fc.record({ share: fc.nat(3), bytes: fc.nat(60), free: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new ReadingBudget(100);
      const shares = Array.from({ length: 4 }, () => ({ share: budget.share(), held: 0 }));
      for (const { share, bytes, free } of steps) {
        const one = shares[share];
        if (one === undefined) continue;
        if (free) {
          one.share.free();
          one.held = 0;
          continue;
        }
        const fits = budget.used + bytes <= 100;
        if (fits) {
          one.share.take(bytes);
          one.held += bytes;
        } else assert.throws(() => one.share.take(bytes), { reply: 452 });
        assert.equal(
          budget.used,
          shares.reduce((sum, { held }) => sum + held, 0),
        );
      }
      for (const { share } of shares) share.free();
      assert.equal(budget.used, 0);
    }),
  );
});

test('rates of processes that take at once: never more than the hour, and what is given back can be used', async () => {
  const caller = { name: 'burst', pools: ['marketing'], domains: [], tenants: [], streams: [], rate: 500 };
  const processes = Array.from(
    { length: 3 },
    () =>
      new Rates(
        (...given) => takeRate(store, ...given),
        () => performance.now(),
      ),
  );
  let taken = 0;
  let refused = 0;
  const work = processes.flatMap((rates) =>
    Array.from({ length: 80 }, async (_, n) => {
      const recipients = 1 + (n % 5);
      try {
        await rates.take(caller, recipients);
        taken += recipients;
      } catch (error) {
        assert.equal((error as { reply?: number }).reply, 450);
        refused += recipients;
      }
    }),
  );
  await Promise.all(work);
  assert.equal(taken + refused, 3 * 80 * 3);
  assert.ok(taken <= 500, `${taken} of 500`);
  assert.ok(taken >= 450, `only ${taken} of 500: blocks hold too much back`);
  const [first] = processes as [Rates];
  await assert.rejects(first.take(caller, 100), { reply: 450 });
  first.giveBack(caller, 100);
  await first.take(caller, 100);
});

test('a group of large messages is no larger than a part of the memory', async () => {
  const commit = new GroupCommit(store);
  const message = (): SpoolMessage => ({
    ...{ raw: Buffer.alloc(5_000_000, 'x'), messageId: `<${randomUUID()}@x>`, mailFrom: '', pool: 'large' },
    ...{ tenant: 'default', stream: 'marketing', segment: 'all', campaign: '', expires: Date.now() + 60_000 },
    recipients: [{ rcpt: 'a@x.example', domain: 'x.example', provider: null }],
  });
  await Promise.all(Array.from({ length: 7 }, () => commit.submit(message())));
  const { rows } = await store.query(
    `select count(*)::int as n from messages where pool = 'large' group by batch order by min(id)`,
  );
  assert.equal(
    rows.reduce((sum, { n }) => sum + n, 0),
    7,
  );
  assert.ok(
    rows.every(({ n }) => n <= 3),
    JSON.stringify(rows),
  );
  await store.query('truncate queue, messages, bodies');
});

test('messages that belong together are committed together: a bad one takes its own with it, and no others', async () => {
  const commit = new GroupCommit(store);
  const message = (over: Partial<SpoolMessage> = {}): SpoolMessage => ({
    raw: Buffer.from('From: <a@shop.example>\r\n\r\n'),
    messageId: `<${randomUUID()}@x>`,
    mailFrom: '',
    pool: 'marketing',
    tenant: 'default',
    stream: 'marketing',
    segment: 'all',
    campaign: '',
    expires: Date.now() + 60_000,
    recipients: [{ rcpt: 'a@x.example', domain: 'x.example', provider: null }],
    ...over,
  });
  const large = Array.from({ length: 450 }, () => message({ campaign: 'large' }));
  const bad = [message({ campaign: 'bad' }), message({ campaign: 'b\0d' }), message({ campaign: 'bad' })];
  const [one, all, refused, two] = await Promise.allSettled([
    commit.submit(message({ campaign: 'one' })),
    commit.submitAll(large),
    commit.submitAll(bad),
    commit.submit(message({ campaign: 'two' })),
  ]);
  await commit.drain();
  assert.deepEqual(
    [one.status, all.status, refused.status, two.status],
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal(all.status === 'fulfilled' && all.value.length, 450);
  const { rows } = await store.query('select campaign, count(*)::int as n from messages group by 1 order by 1');
  assert.deepEqual(rows, [
    { campaign: 'large', n: 450 },
    { campaign: 'one', n: 1 },
    { campaign: 'two', n: 1 },
  ]);
});
