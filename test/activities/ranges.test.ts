import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRamp } from '../../activities/ramps.ts';
import { startDue } from '../../activities/ranges.ts';
import { windowOf } from '../../policy/calendar.ts';
import { planNamed } from '../../policy/plan.ts';
import { tx } from '../../store/connect.ts';
import { decisionsOf, noticesToSend } from '../../store/decisions.ts';
import { lanesOf, rampOf } from '../../store/lanes.ts';
import { replaceLegacyVolumes } from '../../store/legacy-volumes.ts';
import { insertPreflight } from '../../store/preflights.ts';
import {
  AddressWaitsAlready,
  insertRange,
  openRanges,
  rangeAddresses,
  rangeByFingerprint,
  rangeRow,
  withdraw,
} from '../../store/ranges.ts';
import { anew, clock, db, deps, HOUR, known, MONDAY, order, weekdays } from './clocked-pool.ts';

const FIVE = Array.from({ length: 5 }, (_, n) => `203.0.113.${n + 1}`);
const plan = planNamed('six-week', { start: 50, targets: { default: 400 }, days: 10 });

async function record(
  id = 'r',
  addresses = FIVE,
  perDay: number | null = 2,
  preflight: number | null = null,
  fromZero = false,
) {
  for (const address of addresses) await known(address, 'planned', ['google']);
  const row = {
    id,
    written: '203.0.113.0/29',
    pool: 'marketing',
    plan,
    perDay,
    actor: 'ada',
    reason: 'a new block',
    fromZero,
  };
  await tx(db.store, (client) =>
    insertRange(
      client,
      { ...row, fingerprint: 'f' },
      addresses.map((address) => ({ address, dueAt: clock.now, preflight })),
    ),
  );
}

const step = () => startDue(deps, { range: 'r' });
const states = async () => (await rangeAddresses(db.store, 'r')).map(({ state }) => state[0]).join('');
const days = async () =>
  (await rangeAddresses(db.store, 'r')).map(({ startedAt, dueAt }) =>
    new Date(startedAt ?? dueAt).toISOString().slice(0, 10),
  );

/** Looks when the last look said to. */
async function walk(looks: number) {
  let next: number | null = clock.now;
  for (let n = 0; n < looks && next !== null; n++) {
    clock.now = next;
    next = (await step()).nextAt;
  }
  return next;
}

test('two a day begin, in order, and the range ends with the last', async () => {
  await record();
  const first = await step();
  assert.deepEqual([first.started, await states()], [FIVE.slice(0, 2), 'sswww']);
  assert.equal(first.nextAt, windowOf(clock.now, weekdays).end);
  assert.equal((await openRanges(db.store)).length, 1);
  assert.equal(await walk(5), null);
  assert.equal(await states(), 'sssss');
  assert.deepEqual(await days(), ['2030-01-07', '2030-01-07', '2030-01-08', '2030-01-08', '2030-01-09']);
  assert.deepEqual(await openRanges(db.store), []);
  assert.deepEqual(await step(), { started: [], nextAt: null }, 'a look at what is done changes nothing');
});

test('a look that is repeated starts nobody twice, and nobody more', async () => {
  await record();
  const [once, again, third] = [await step(), await step(), await step()];
  assert.deepEqual([again, third], [once, once]);
  const rows = await decisionsOf(db.store, FIVE[0] ?? '', 'google');
  assert.deepEqual([rows.length, rows[0]?.kind, rows[0]?.actor], [1, 'start', 'ada']);
  assert.match(rows[0]?.reason ?? '', /a new block \(range 203\.0\.113\.0\/29\)/);
});

test('a look that died between a start and its note goes on where it was', async () => {
  await record();
  await step();
  // What a process that was killed leaves: the ramp is there, the row says nothing of it.
  await db.store.query(`update range_addresses set state = 'waiting', ramp_id = null where address = $1`, [FIVE[1]]);
  const before = (await rampOf(db.store, FIVE[1] ?? ''))?.id;
  clock.now += HOUR;
  await step();
  assert.equal(await states(), 'sswww');
  const row = (await rangeAddresses(db.store, 'r'))[1];
  assert.deepEqual([row?.rampId, row?.running], [before, true]);
});

test('looks at the same time start each address once', async () => {
  await record();
  await Promise.allSettled([step(), step(), step()]);
  await step();
  assert.equal(await states(), 'sswww');
  const { rows } = await db.store.query('select count(*)::int as n from ramps');
  assert.equal(rows[0].n, 2);
});

test('after an absence the next ones follow; nobody is caught up with', async () => {
  await record();
  await step();
  clock.now = MONDAY + 3 * 24 * HOUR;
  await step();
  assert.equal(await states(), 'ssssw');
  assert.equal(await walk(3), null);
  assert.deepEqual((await days()).slice(2), ['2030-01-10', '2030-01-10', '2030-01-11']);
});

test('a look that lasts into the next day starts no more on that day than its number', async () => {
  await record('r', FIVE, 2);
  // Every look at the clock takes six hours: the first two starts fall on two days.
  const slow = { ...deps, now: () => (clock.now += 6 * HOUR) };
  for (let n = 0; n < 12; n++) await startDue(slow, { range: 'r' });
  assert.equal(await states(), 'sssss');
  for (const group of Map.groupBy(await days(), (day) => day).values()) assert.ok(group.length <= 2);
});

test('an address that can not start any more is left out and told; the others go on', async () => {
  await record();
  await startRamp(deps, { ...order(), address: FIVE[0] ?? '' });
  await step();
  assert.equal(await states(), 'fssww');
  assert.match((await rangeAddresses(db.store, 'r'))[0]?.says ?? '', /is warming already/);
  assert.deepEqual(
    (await noticesToSend(db.store)).map(({ kind, subject }) => [kind, subject]),
    [['range-failed', '203.0.113.1 of range 203.0.113.0/29 did not start']],
  );
});

test('while one of them is quarantined the rest wait, and say why; a release lets them go on', async () => {
  await record();
  await step();
  await db.store.query(`update lanes set phase = 'quarantined' where address = $1`, [FIVE[0]]);
  clock.now += 24 * HOUR;
  const put = await step();
  assert.deepEqual([put.started, await states()], [[], 'sswww']);
  assert.equal(put.nextAt, MONDAY + 2 * 24 * HOUR);
  const row = (await rangeAddresses(db.store, 'r'))[2];
  assert.match(row?.says ?? '', /waits: the google lane of 203\.0\.113\.1 is quarantined/);
  assert.equal(row?.dueAt, MONDAY + 2 * 24 * HOUR);
  clock.now = put.nextAt ?? 0;
  await step();
  assert.equal((await noticesToSend(db.store)).filter(({ kind }) => kind === 'range-waits').length, 1, 'told once');
  await db.store.query(`update lanes set phase = 'stepped-back' where address = $1`, [FIVE[0]]);
  await step();
  assert.equal(await states(), 'ssssw');
  assert.equal((await rangeAddresses(db.store, 'r'))[4]?.says, null);
});

test('withdrawn addresses do not begin; a range nobody waits in has ended', async () => {
  await record();
  await step();
  assert.deepEqual(await tx(db.store, (client) => withdraw(client, [...FIVE.slice(0, 3), '192.0.2.9'], 'no')), [
    FIVE[2],
  ]);
  assert.equal((await openRanges(db.store)).length, 1);
  await tx(db.store, (client) => withdraw(client, FIVE, 'no'));
  assert.deepEqual([await openRanges(db.store), await states()], [[], 'sswww']);
  clock.now += 24 * HOUR;
  assert.deepEqual(await step(), { started: [], nextAt: null });
});

test('an address waits in one range only, and a range that is refused leaves nothing', async () => {
  await record();
  await assert.rejects(record('other', ['203.0.113.9', FIVE[4] ?? '']), AddressWaitsAlready);
  assert.equal(await rangeRow(db.store, 'other'), undefined);
  assert.equal((await rangeByFingerprint(db.store, 'f'))?.id, 'r');
});

test('what the preflight found is named by the start and kept with the ramp', async () => {
  await known(FIVE[0] ?? '', 'planned', ['google']);
  const id = await insertPreflight(db.store, {
    address: FIVE[0] ?? '',
    node: 'n',
    actor: 'ada',
    checks: [
      { name: 'bind', about: 'x', verdict: 'pass', says: 'fine' },
      { name: 'dmarc', about: 'x', verdict: 'skipped', says: 'none (skipped: next week)' },
    ],
  });
  await record('r', FIVE, null, id);
  await step();
  assert.equal(await states(), 'sssss', 'without a stagger all begin at once');
  const reason = (await decisionsOf(db.store, FIVE[0] ?? '', 'google'))[0]?.reason ?? '';
  assert.match(reason, new RegExp(`; preflight ${id}: 1 pass, 1 skipped \\(dmarc\\)$`));
  const { rows } = await db.store.query('select preflight from ramps where address = $1', [FIVE[0]]);
  assert.equal(rows[0].preflight, id);
});

test('a range from zero begins every address at its first stage, also when a later look begins it', async () => {
  const earned = [450, 430, 420, 410].map((messages, n) => ({
    ...{ provider: 'google', day: new Date(clock.now - (n + 1) * 86_400_000).toISOString().slice(0, 10), messages },
  }));
  const log = { id: Buffer.from('acct'.padEnd(32)), name: 'acct.csv', format: 'powermta' as const, records: 4 };
  const days = FIVE.flatMap((address) => earned.map((day) => ({ ...day, address })));
  for (const fromZero of [true, false]) {
    await anew();
    await db.store.query('delete from legacy_sources');
    await db.store.query('delete from ranges');
    await replaceLegacyVolumes(db.store, { ...log, first: null, last: null }, days, 'ada');
    await record('r', FIVE, 2, null, fromZero);
    assert.equal(await walk(5), null);
    const lanes = await Promise.all(FIVE.map((address) => lanesOf(db.store, address)));
    const found = await decisionsOf(db.store, FIVE[4] as string);
    assert.equal(/has sustained 4\d\d a day elsewhere/.test(found[0]?.reason ?? ''), !fromZero);
    assert.deepEqual(
      lanes.map((rows) => rows[0]?.stage === 0),
      FIVE.map(() => fromZero),
    );
  }
});
