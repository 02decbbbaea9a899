import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { LaneUnits, type Slowing } from '../../mta/egress/units.ts';
import { type Calendar, windowAt } from '../../policy/calendar.ts';
import { isEasing } from '../../policy/holds.ts';
import { perMinute } from '../../policy/rate.ts';
import { createStore } from '../../store/connect.ts';
import { writeGrant } from '../../store/grants.ts';
import { clearHolds, easeHolds, easings, placeHold } from '../../store/holds.ts';
import { lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import { registerProcess, renew } from '../../store/processes.ts';
import { startDatabases } from './databases.ts';

const databases = await startDatabases();
after(() => databases.stop());

const ADDRESS = '127.31.0.1';
const MONDAY = Date.UTC(2026, 0, 5);
const HOUR = 3_600_000;
const DAYS: Calendar = { kind: 'civil', zone: 'UTC', sendDays: [1, 2, 3, 4, 5, 6, 7], sendHours: { from: 0, to: 24 } };

async function laneOf(context: import('node:test').TestContext, phase: 'warm' | 'ramping', slowing: () => Slowing) {
  const store = createStore(await databases.create(), { max: 3 });
  context.after(() => store.end());
  await upsertPool(store, { name: 'marketing', overflow: 'warm-peers', calendar: DAYS });
  const place = { address: ADDRESS, pool: 'marketing', node: 'node', ehloName: 'mta.example' };
  await upsertAddress(store, place, [{ provider: 'other', phase, ceiling: 24_000, normal: 24_000 }]);
  const window = windowAt(MONDAY / 86_400_000, DAYS);
  if (phase === 'ramping') {
    const write = { address: ADDRESS, provider: 'other', window, planUnits: 24_000, revision: 0 } as const;
    await writeGrant(store, { ...write, units: 24_000, origin: 'decided' });
  }
  const [lane] = await lanesOf(store, ADDRESS);
  assert.ok(lane !== undefined);
  return { store, lane, units: new LaneUnits(store, ADDRESS, 'other', slowing) };
}

for (const phase of ['warm', 'ramping'] as const) {
  test(`a ${phase} lane that comes back after a stop has a quarter of its pace until the time is over`, async (context) => {
    let eased: number | null = 0.25;
    const { lane, units } = await laneOf(context, phase, () => ({ messages: null, eased }));
    const from = MONDAY + 6 * HOUR;
    let got = 0;
    // It asks for more than it may have, every second for half an hour.
    for (let at = from; at < from + HOUR / 2; at += 1_000)
      got += (await units.take(lane, phase !== 'warm', 50, 1, at)).length;
    // 24,000 a day are 1,000 an hour; what is left at six, if nothing was used, are 24,000 in 18 hours: 1,333 an hour.
    const pace = phase === 'warm' ? 1_000 : 1_333;
    assert.ok(got <= pace / 8 + 2, `${got} in half an hour at a pace of ${pace} an hour`);
    assert.ok(got >= (pace / 8) * 0.9, `${got} in half an hour at a pace of ${pace} an hour`);
    eased = null;
    const freely = (await units.take(lane, phase !== 'warm', 50, 1, from + HOUR / 2)).length;
    assert.equal(freely, 50, 'after that it has what is due');
  });
}

test('units of a block that were taken before the stop do not pass by the slow return', async (context) => {
  let eased: number | null = null;
  const { lane, units } = await laneOf(context, 'warm', () => ({ messages: null, eased }));
  assert.equal((await units.take(lane, false, 1, 1, MONDAY + HOUR)).length, 1, 'a block is at hand');
  eased = 0.25;
  assert.deepEqual(units.takeAtHand(lane, 10, MONDAY + HOUR + 1), []);
  assert.equal((await units.take(lane, false, 10, 1, MONDAY + HOUR + 2)).length, 1);
  assert.equal(units.binds, 'easing');
});

test('messages a minute bind whatever the grant has, and a message that was not sent is not counted', async (context) => {
  const { lane, units } = await laneOf(context, 'warm', () => ({ messages: perMinute(60, 1), eased: null }));
  const at = MONDAY + HOUR;
  const [first, ...more] = await units.take(lane, false, 10, 1, at);
  assert.equal(more.length, 0, 'one a second');
  assert.ok(first !== undefined);
  assert.equal(units.binds, 'messages a minute');
  assert.equal(units.mayHave(at + 500), false);
  assert.equal(units.mayHave(at + 1_000), true);
  await units.putBack(first);
  assert.equal(units.mayHave(at + 1), true);
  let sent = 0;
  for (let ms = 0; ms < 60_000; ms += 100) sent += units.takeAtHand(lane, 5, at + ms).length;
  assert.ok(sent >= 58 && sent <= 61, `${sent} in a minute`);
});

test('a lifted stop reaches the processes with their lease until its time is over', async (context) => {
  const { store, lane } = await laneOf(context, 'warm', () => ({ messages: null, eased: null }));
  const hold = {
    scope: 'provider',
    target: 'other',
    reach: 'all',
    cause: 'operator',
    actor: 'ann',
    reason: 'r',
  } as const;
  const { id } = await placeHold(store, hold);
  await registerProcess(store, { id: 'p', role: 'mta', node: 'node', pid: process.pid }, 3_000);
  await easeHolds(store, [id], Date.now() + 60_000);
  assert.deepEqual((await renew(store, 'p', 'mta', 3_000))?.easings, [], 'not while it is in force');
  await clearHolds(store, [id], { actor: 'ann', reason: 'over' });
  const renewal = await renew(store, 'p', 'mta', 3_000);
  assert.equal(renewal?.onNode, 1);
  const [easing] = renewal?.easings ?? [];
  assert.deepEqual([easing?.scope, easing?.target], ['provider', 'other']);
  assert.deepEqual(await easings(store), renewal?.easings);
  const now = Date.now();
  assert.ok(isEasing(renewal?.easings ?? [], { ...lane, cold: false }, now));
  assert.ok(!isEasing(renewal?.easings ?? [], { ...lane, cold: false }, now + 61_000), 'its time is over');
  assert.ok(!isEasing(renewal?.easings ?? [], { ...lane, provider: 'google', cold: false }, now), 'another provider');
});
