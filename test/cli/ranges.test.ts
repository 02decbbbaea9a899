import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { upsertAddress } from '../../store/lanes.ts';
import { openRanges, rangeAddresses } from '../../store/ranges.ts';
import { COLD, type DatabaseAlone, databaseAlone, WARM } from './command-line.ts';

const BLOCK = ['127.10.1.8', '127.10.1.9', '127.10.1.10', '127.10.1.11'];
const PLAN = ['--plan', 'six-week', '--target', '1000'];

describe('ranges, with nothing but PostgreSQL running', () => {
  let alone: DatabaseAlone;
  const add = (address: string, pool = 'marketing', node = 'local') =>
    upsertAddress(
      alone.store,
      { address, pool, node, ehloName: 'mta.example.com' },
      ['google', 'yahoo'].map((provider) => ({ provider, phase: 'planned', ceiling: 0, normal: 1_000 })),
    );
  const rows = async () => {
    const counts = await alone.store.query(
      `select (select count(*) from ranges)::int as ranges, (select count(*) from range_addresses)::int as addresses,
         (select count(*) from preflights)::int as preflights, (select count(*) from ramps)::int as ramps`,
    );
    return counts.rows[0];
  };
  before(async () => {
    alone = await databaseAlone();
    for (const address of BLOCK) await add(address);
  });
  after(() => alone.stop());

  test('all that is wrong is said at once, and nothing is written', async () => {
    await add('127.10.1.12', 'lonely');
    await add('127.10.1.13', 'marketing', 'mta-b');
    const written = '127.10.1.8/29,127.10.0.10';
    const ran = await alone.run('warmup', 'start', written, '--pool', 'marketing', '--stagger', '2/day', ...PLAN);
    assert.equal(ran.code, 2);
    const lines = ran.stderr.trim().split('\n');
    assert.match(lines[0] ?? '', /^rampart: nothing was started: \d+ problems$/);
    for (const expected of [
      /127\.10\.1\.14, 127\.10\.1\.15: of no pool \(add them to pools/,
      /127\.10\.1\.12: of pool lonely, not marketing/,
      /127\.10\.0\.10 is warm at every provider/,
      /bind of 127\.10\.1\.13: it belongs to node mta-b, and this is local; run \.\/rampart warmup preflight 127\.10\.1\.13 there/,
    ])
      assert.ok(
        lines.some((line) => expected.test(line)),
        `${expected} is not in ${ran.stderr}`,
      );
    assert.deepEqual(await rows(), { ranges: 0, addresses: 0, preflights: 0, ramps: 0 });
  });

  for (const [args, expected] of [
    [['127.10.1.9/30', '--stagger', '2/day'], /"127\.10\.1\.9\/30" begins inside a block/],
    [['127.10.1.8/30', '--stagger', '2'], /--stagger is "2": write how many begin a day, such as 2\/day/],
    [['127.10.1.8/30', '--pool', 'marketng'], /no pool is called "marketng": did you mean marketing\?/],
    [['10.0.0.0/8'], /at most 256 at a time/],
    [['127.10.1.8/30', '--pool', 'lonely'], /of pool marketing, not lonely/],
    [
      ['2001:db8::/64'],
      /2001:db8::\/64: IPv6, and Rampart sends over IPv4 only .*: name the IPv4 addresses of the same/,
    ],
    [['127.10.1.8/30,2001:db8::8', '--pool', 'lonely'], /2001:db8::8: IPv6[\s\S]*of pool marketing, not lonely/],
    [['2001:db8::8'], /2001:db8::8: IPv6, and Rampart sends over IPv4 only/],
  ] as const) {
    test(`${args.join(' ')} is refused`, async () => {
      const ran = await alone.run('warmup', 'start', ...args, ...PLAN);
      assert.equal(ran.code, 2);
      assert.match(ran.stderr, expected);
    });
  }

  test('a range is recorded whole before its workflow is told, and the same command finds it again', async () => {
    const start = () =>
      alone.run('warmup', 'start', '127.10.1.8/30', '--pool', 'marketing', '--stagger', '2/day', ...PLAN);
    const first = await start();
    assert.equal(first.code, 1);
    assert.match(
      first.stderr,
      /the range is recorded and may not have begun .*: it begins with \.\/rampart up, or give this command again/,
    );
    const [range, ...more] = await openRanges(alone.store);
    assert.ok(range !== undefined && more.length === 0);
    const found = await rangeAddresses(alone.store, range.id);
    assert.deepEqual(
      found.map(({ address, state }) => `${address} ${state}`),
      BLOCK.map((address) => `${address} waiting`),
    );
    assert.ok(found.every(({ preflight }) => preflight !== null));
    const days = new Set(found.map(({ dueAt }) => new Date(dueAt).toISOString().slice(0, 10)));
    assert.equal(days.size, 2);
    const before = await rows();
    const again = await start();
    assert.equal(again.code, 1, 'Temporal is still down');
    assert.deepEqual(await rows(), before, 'nothing was written again');
  });

  test('a range from zero is another range than the same one with its earned stages, and says so when it is found again', async () => {
    const block = ['127.10.2.8', '127.10.2.9'];
    for (const address of block) await add(address);
    const start = (...more: string[]) =>
      alone.run('warmup', 'start', '127.10.2.8/31', '--stagger', '1/day', ...PLAN, ...more);
    const open = async () => (await openRanges(alone.store)).filter((one) => one.written === '127.10.2.8/31');
    assert.equal((await start('--from-zero')).code, 1, 'Temporal is down');
    assert.equal((await start('--from-zero')).code, 1);
    assert.deepEqual((await open()).map(({ fromZero }) => fromZero), [true]); // biome-ignore format: short
    const other = await start();
    assert.equal(other.code, 2, 'no quiet start with what was earned');
    assert.match(other.stderr, /127\.10\.2\.8 waits in range/);
    const taken = await alone.run('warmup', 'withdraw', '127.10.2.8/31', '--reason', 'test');
    assert.equal(taken.code, 0, taken.stderr);
    await alone.store.query('delete from range_addresses where address = any($1::inet[])', [block]);
    await alone.store.query('delete from preflights where address = any($1::inet[])', [block]);
    await alone.store.query('delete from lanes where address = any($1::inet[])', [block]);
    await alone.store.query('delete from addresses where address = any($1::inet[])', [block]);
  });

  test('an address that waits in one range can not be put into another, nor started by itself', async () => {
    const other = await alone.run('warmup', 'start', '127.10.1.10-11', '--stagger', '1/day', ...PLAN);
    assert.equal(other.code, 2);
    assert.match(
      other.stderr,
      /127\.10\.1\.10 waits in range 127\.10\.1\.8\/30 until .*: take it out with \.\/rampart warmup withdraw/,
    );
    assert.match((await alone.run('warmup', 'start', '127.10.1.10', ...PLAN)).stderr, /waits in range/);
  });

  test('the range view has a line for each address, of a range or of a pool', async () => {
    await alone.store.query(
      `update lanes set phase = 'ramping', stage = 3, ceiling = 90 where address = $1 and provider = 'google'`,
      [COLD],
    );
    await alone.store.query(`update lanes set phase = 'quarantined' where address = $1 and provider = 'yahoo'`, [COLD]);
    const ran = await alone.run('warmup', 'status', '--range', `127.10.1.8/30,${COLD},${WARM}`);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /^address +worst lane +stages +google +yahoo +all$/m);
    // Nobody walks the range here: the first two are due, and wait.
    assert.match(ran.stdout, /^127\.10\.1\.8 +due since \d{4}-/m);
    assert.match(ran.stdout, /^127\.10\.1\.10 +begins \d{4}-/m);
    assert.match(ran.stdout, /^127\.10\.0\.11 +yahoo quarantined +0\/0 +0\/0! +0\/0$/m);
    assert.match(ran.stdout, /^127\.10\.0\.10 +warm +0\/1000\* +0\/1000\* +0\/2000$/m);
    assert.match(ran.stdout, /^6 addresses +0\/1000 +0\/1000 +0\/2000$/m);
    const pool = await alone.run('warmup', 'status', '--pool', 'marketing', '--json');
    const { addresses } = JSON.parse(pool.stdout);
    assert.equal(addresses.length, 7);
    const cold = addresses.find((one: { address: string }) => one.address === COLD);
    assert.deepEqual(
      [cold.worst.provider, cold.worst.state, cold.providers.google.state],
      ['yahoo', 'quarantined', 'ramping'],
    );
    assert.match((await alone.run('warmup', 'status', '--pool', 'nope')).stderr, /no pool is called "nope"/);
    assert.equal((await alone.run('warmup', 'status', COLD, '--pool', 'marketing')).code, 2);
  });

  test('a look at a range shows those of its addresses that are ours, as the verbs choose them', async () => {
    const ran = await alone.run('warmup', 'status', '--range', '127.10.1.0/28');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /^6 addresses/m);
    const nobody = await alone.run('warmup', 'status', '--range', '127.10.9.0/29');
    assert.deepEqual([nobody.code, /holds no address of any pool/.test(nobody.stderr)], [2, true], nobody.stderr);
    const other = await alone.run('warmup', 'status', '--range', '127.10.1.8/31', '--pool', 'lonely');
    assert.deepEqual([other.code, /holds no address of pool lonely/.test(other.stderr)], [2, true], other.stderr);
  });

  test('an address that waits for its turn is told so, and not that it was never started', async () => {
    const status = (await alone.run('warmup', 'status', '127.10.1.10')).stdout;
    assert.match(status, /^127\.10\.1\.10 +pool marketing, begins \d{4}-.*, its turn in range 127\.10\.1\.8\/30\n$/);
    const why = (await alone.run('why', '127.10.1.10', 'google')).stdout;
    assert.match(why, /binds: begins \d{4}-.*, its turn in range 127\.10\.1\.8\/30/);
    assert.match(why, /change: \.\/rampart warmup withdraw 127\.10\.1\.10 --reason/);
    assert.match(why, /messages this window +0 +a lane that is not started/);
    const late = (await alone.run('warmup', 'status', '127.10.1.8')).stdout;
    assert.match(late, /its turn in range 127\.10\.1\.8\/30 came .*: a worker begins it, see \.\/rampart doctor/);
  });

  test('what waits can be withdrawn, with a reason; then the range has ended', async () => {
    assert.match((await alone.run('warmup', 'withdraw', '127.10.1.8')).stderr, /say why: --reason TEXT/);
    const ran = await alone.run('warmup', 'withdraw', '127.10.1.8/30', '--reason', 'listed', '--json');
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(JSON.parse(ran.stdout), { withdrawn: BLOCK, waiting: [] });
    assert.deepEqual(await openRanges(alone.store), []);
    const none = await alone.run('warmup', 'withdraw', '127.10.1.8/30', '--reason', 'again');
    assert.equal(none.code, 2);
    assert.match(none.stderr, /none of these waits for its turn \(waiting: none\)/);
  });

  test('two commands at once record one range', async () => {
    const start = () => alone.run('warmup', 'start', '127.10.1.8/31', '--stagger', '1/day', ...PLAN);
    await Promise.all([start(), start()]);
    assert.equal((await openRanges(alone.store)).length, 1);
  });
});
