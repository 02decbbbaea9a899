import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MailEasing } from '../../mta/egress/mail-easing.ts';
import { LaneUnits, type Slowing } from '../../mta/egress/units.ts';
import { type Calendar, windowAt } from '../../policy/calendar.ts';
import { type Easing, isEasing } from '../../policy/holds.ts';
import { perMinute } from '../../policy/rate.ts';
import { createStore } from '../../store/connect.ts';
import { writeGrant } from '../../store/grants.ts';
import { clearHolds, easeHolds, easings, placeHold } from '../../store/holds.ts';
import { lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import { registerProcess, renew } from '../../store/processes.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

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

test("mail of a stop that was lifted has a quarter of the lane's even pace to the second, and other mail all of it", () => {
  const from = MONDAY + 6 * HOUR;
  const over = from + HOUR / 2;
  const calendar = DAYS;
  const lane = { address: ADDRESS, provider: 'other', pool: 'marketing', ceiling: 24_000, calendar };
  const mail = { tenant: 'shop', campaign: 'spring', domain: 'a.example', stream: 'marketing', pool: 'marketing' };
  const scopes = ['tenant', 'campaign', 'domain', 'stream'] as const;
  for (const scope of scopes) {
    for (const onNode of [1, 3]) {
      const easing: Easing = { scope, target: mail[scope], reach: 'all', until: over };
      for (const on of [
        { lane, cold: false },
        { lane, cold: true },
      ]) {
        const processes = Array.from({ length: onNode }, () => new MailEasing({ easings: [easing], onNode }));
        let got = 0;
        // Two a second from the same lane, whoever asks; others are never kept waiting.
        for (let at = from; at < over; at += 500)
          for (const one of processes) {
            const mails = [mail, mail, { ...mail, [scope]: 'another' }];
            const mine = one.take(mails, on, 3, at);
            assert.equal(mine.filter((each) => each[scope] === 'another').length, 1);
            got += mine.length - 1;
          }
        // 1,000 an hour are the even pace: 125 are a quarter of half an hour. Each process begins with one.
        assert.ok(got >= 120 && got <= 125 + onNode, `${got} of ${scope} by ${onNode}, cold ${on.cold}`);
        const [first] = processes;
        assert.equal(
          first?.take([mail, mail, mail], on, 3, over - 1).length,
          0,
          'not a moment before its time is over',
        );
        assert.equal(first?.take([mail, mail, mail], on, 3, over).length, 3, 'all of it from then on');
      }
    }
  }
});

test('what did not go is not counted, cold stops ease cold lanes alone, and a pool eases where it overflows to', () => {
  const at = MONDAY + 6 * HOUR;
  const lane = { address: ADDRESS, provider: 'other', pool: 'marketing', ceiling: 24, calendar: DAYS };
  const [cold, warm] = [
    { lane, cold: true },
    { lane, cold: false },
  ];
  const mail = { tenant: 'shop', campaign: '', domain: 'a.example', stream: 'marketing', pool: 'marketing' };
  const held = { campaigns: ['x'], tenants: [], domains: [], streams: [], pools: [] };
  const easing: Easing = { scope: 'tenant', target: 'shop', reach: 'cold', until: at + HOUR };
  const slow = new MailEasing({ easings: [easing], onNode: 1 });
  assert.equal(slow.take([mail, mail], warm, 2, at).length, 2);
  assert.equal(slow.take([mail, mail], cold, 2, at).length, 1);
  assert.equal(slow.allows(mail, cold, at), false);
  assert.deepEqual(slow.without(held, [cold], at).tenants, ['shop']);
  assert.deepEqual(slow.without(held, [cold, warm], at).tenants, [], 'a warm lane takes it');
  slow.giveBack([mail], cold, at);
  assert.equal(slow.allows(mail, cold, at), true);
  assert.deepEqual(slow.without(held, [cold], at), held);
  const pool = new MailEasing({
    easings: [{ ...easing, scope: 'pool', target: 'marketing', reach: 'all' }],
    onNode: 1,
  });
  assert.equal(pool.take([mail, mail], warm, 2, at).length, 2, 'its own lanes come back slowly by their units');
  assert.equal(pool.take([mail, mail], { ...warm, lane: { ...lane, pool: 'spare' } }, 2, at).length, 1);
});

test('a tenant comes back slowly on a real lane while another goes at once', async (context) => {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink('127.31.9.1', world.smtpPort);
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.31.9.1']]);
  await world.lane('127.31.0.9', 'other', 'warm', 24_000);
  const hold = { scope: 'tenant', target: 'shop', reach: 'all', cause: 'operator', actor: 'ann', reason: 'r' } as const;
  const { id } = await placeHold(world.store, hold);
  await world.mail(40, { tenant: 'shop' });
  await world.mta();
  await easeHolds(world.store, [id], Date.now() + HOUR);
  await clearHolds(world.store, [id], { actor: 'ann', reason: 'over' });
  await until('the first of it', () => sink.taken.length > 0);
  await world.mail(20, { tenant: 'bank' });
  const of = async (tenant: string) =>
    (await world.store.query('select count(*)::int as n from queue where tenant = $1', [tenant])).rows[0].n;
  await until('the other tenant is through', async () => (await of('bank')) === 0);
  // 24,000 a day are one every 3.6 s, a quarter of it one every 14.4 s.
  assert.ok((await of('shop')) >= 30, `${await of('shop')} of 40 wait`);
  await world.store.query('update holds set ease_until = now()');
  await until('its time is over', async () => (await of('shop')) === 0);
});
