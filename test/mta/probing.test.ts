import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { LaneUnits } from '../../mta/egress/units.ts';
import { type Calendar, windowAt } from '../../policy/calendar.ts';
import { hoursIn, type PacedGrant, unitsDue } from '../../policy/pacing.ts';
import { createStore } from '../../store/connect.ts';
import { writeGrant } from '../../store/grants.ts';
import { lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const DAY = 86_400_000;
const MINUTE = 60_000;
const MONDAY = Date.UTC(2026, 0, 5);
const daily: Calendar = { kind: 'civil', zone: 'UTC', sendDays: [1, 2, 3, 4, 5, 6, 7], sendHours: { from: 0, to: 24 } };
const INDEX = MONDAY / DAY;

test('units of a lane that probes come due one a minute, never two, whatever the day has left', () => {
  const window = windowAt(INDEX, daily);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(3 * MINUTE), { maxLength: 60 }), (units, waits) => {
      let grant: PacedGrant & { handed: number; handedAt: number | null } = {
        ...{ ...window, units, handed: 0, hours: Array.from({ length: hoursIn(window) }, () => 0) },
        ...{ gapMs: MINUTE, handedAt: null },
      };
      let now = window.start;
      for (const wait of waits) {
        now += wait;
        const due = unitsDue(grant, undefined, now, 5_000);
        assert.ok(due.units <= 1 && grant.handed + due.units <= units);
        const apart = grant.handedAt === null || now - grant.handedAt >= MINUTE;
        assert.equal(due.units, apart && grant.handed < units ? 1 : 0);
        if (due.units === 0 && grant.handed < units) assert.equal(due.nextAt, (grant.handedAt ?? 0) + MINUTE);
        if (due.units > 0) grant = { ...grant, handed: grant.handed + 1, handedAt: now };
      }
    }),
  );
});

test('processes that ask at once share the one message a minute, also across midnight', async (context) => {
  const store = createStore(await databases.create(), { max: 8 });
  context.after(() => store.end());
  await upsertPool(store, { name: 'marketing', overflow: 'wait', calendar: daily });
  const place = { address: '127.31.0.1', pool: 'marketing', node: 'node', ehloName: 'mta.example' };
  await upsertAddress(store, place, [{ provider: 'google', phase: 'probing', ceiling: 1_200, normal: 1_200 }]);
  const [lane] = await lanesOf(store, place.address);
  assert.ok(lane !== undefined);
  for (const index of [INDEX, INDEX + 1]) {
    const window = windowAt(index, daily);
    const write = {
      address: place.address,
      provider: 'google',
      window,
      units: 20,
      planUnits: 20,
      revision: 0,
    } as const;
    await writeGrant(store, { ...write, origin: 'decided', gapMs: MINUTE });
  }
  const processes = Array.from({ length: 5 }, () => new LaneUnits(store, place.address, 'google'));
  const sent: number[] = [];
  const from = MONDAY + DAY - 4 * MINUTE;
  for (let now = from; now < from + 8 * MINUTE; now += 15_000) {
    const taken = await Promise.all(processes.map((units) => units.take(lane, true, 5, 5, now)));
    for (const _ of taken.flat()) sent.push(now);
  }
  assert.ok(sent.length >= 6, `${sent.length} messages in 8 minutes`);
  for (const [n, at] of sent.entries())
    assert.ok(n === 0 || at - (sent[n - 1] ?? 0) >= MINUTE, `message ${n} came early`);
  const handed = (await store.query('select sum(handed)::int as n from grants')).rows[0].n;
  assert.equal(handed, sent.length);
});

test('a carried grant of a lane that probes goes on probing', async (context) => {
  const store = createStore(await databases.create(), { max: 3 });
  context.after(() => store.end());
  await upsertPool(store, { name: 'marketing', overflow: 'wait', calendar: daily });
  const place = { address: '127.31.0.2', pool: 'marketing', node: 'node', ehloName: 'mta.example' };
  await upsertAddress(store, place, [{ provider: 'google', phase: 'probing', ceiling: 1_200, normal: 1_200 }]);
  const [lane] = await lanesOf(store, place.address);
  assert.ok(lane !== undefined);
  const window = windowAt(INDEX, daily);
  const write = { address: place.address, provider: 'google', window, units: 20, planUnits: 20, revision: 0 } as const;
  await writeGrant(store, { ...write, origin: 'decided', gapMs: MINUTE });
  const units = new LaneUnits(store, place.address, 'google');
  const noon = MONDAY + DAY + DAY / 2;
  assert.equal((await units.take(lane, true, 9, 1, noon)).length, 1);
  assert.equal((await units.take(lane, true, 9, 1, noon + MINUTE / 2)).length, 0);
  assert.equal(units.binds, 'probing');
  assert.equal((await units.take(lane, true, 9, 1, noon + MINUTE)).length, 1);
});

async function world(context: Parameters<typeof MailWorld.start>[0], mx: string) {
  const made = await MailWorld.start(context, databases);
  const sink = await startSink(mx, made.smtpPort);
  context.after(() => sink.stop());
  made.domain('provider.example', [['mx.provider.example', mx]]);
  return { made, sink };
}

test('two MTA processes send a probing lane its few messages and no more; the rest waits', async (context) => {
  const { made, sink } = await world(context, '127.30.0.41');
  await made.pool('marketing', 'wait');
  await made.lane('127.31.0.41', 'other', 'probing');
  const { start, calendar } = { start: Date.now(), calendar: made.calendar };
  const window = windowAt(0, calendar);
  const write = { address: '127.31.0.41', provider: 'other', window, units: 4, planUnits: 4, revision: 0 } as const;
  await writeGrant(made.store, { ...write, origin: 'decided', gapMs: 400 });
  await made.mail(12);
  await Promise.all([made.mta('mta-1'), made.mta('mta-2')]);
  await until('four are delivered', () => sink.taken.length === 4, 60_000);
  const { rows } = await made.store.query('select handed, extract(epoch from handed_at) * 1000 as at from grants');
  assert.equal(rows[0].handed, 4);
  assert.ok(rows[0].at - start >= 3 * 400, 'the fourth unit came three gaps after the first');
  await until('the fourth is settled', async () => (await made.queue()).length === 8);
  assert.equal(sink.taken.length, 4);
});

test('mail that was deferred to a lane goes to a warm one when its ramp is ended', async (context) => {
  const { made, sink } = await world(context, '127.30.0.42');
  await made.lane('127.31.0.42', 'other', 'ramping');
  await made.lane('127.31.1.42', 'other', 'warm');
  await made.mail(3);
  await made.store.query(
    `update queue set provider = 'other', address = '127.31.0.42', due = now() + interval '1 hour'`,
  );
  await made.mta();
  await made.store.query(
    `insert into ramps (id, address, pool, plan, calendar, first_window, started_at, started_by, ended_at, outcome)
     select 'r1', '127.31.0.42', 'marketing', '{"rows": {}}', calendar, 0, now(), 'ada', now(), 'aborted' from pools
     where name = 'marketing'`,
  );
  const ended = `phase = 'planned', ceiling = 0, ramp_id = 'r1', revision = revision + 1, phase_since = now()`;
  await made.store.query(`update lanes set ${ended} where address = '127.31.0.42'`);
  await until(
    'they are free',
    async () => (await made.queue()).every((one) => one.freed && one.address === null),
    60_000,
  );
  await made.store.query('update queue set due = now()');
  await until('they are delivered', () => sink.taken.length === 3, 60_000);
  assert.ok(sink.taken.every((one) => one.from === '127.31.1.42'));
});
