import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, type TestContext, test } from 'node:test';
import { Retention } from '../../mta/retention.ts';
import { advanceHours, newDetector } from '../../policy/gates/cusum.ts';
import { LEVELS } from '../../policy/gates/levels.ts';
import { packDetector } from '../../policy/gates/packed.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { droppedTo } from '../../store/event-outbox.ts';
import { campaignNumbers, writeCounted, writeGateStates } from '../../store/gate-states.ts';
import { upsertAddress, upsertPool } from '../../store/lanes.ts';
import { dropOldMessages } from '../../store/retention.ts';
import { recordSignal } from '../../store/signals.ts';
import { spool } from '../../store/spool.ts';
import { startDatabases } from '../mta/databases.ts';
import { MailWorld, until } from '../mta/mail-world.ts';

const databases = await startDatabases();
after(() => databases.stop());

const DAY = 86_400_000;
const RAMPING = '127.31.0.1';
const WARM = '127.31.1.1';
const CALENDAR = { kind: 'compressed', epoch: 0, dayLength: DAY } as const;

async function fresh(context: TestContext): Promise<Store> {
  const store = createStore(await databases.create(), { max: 6 });
  context.after(() => store.end());
  await upsertPool(store, { name: 'marketing', overflow: 'warm-peers', calendar: CALENDAR });
  const lanes = [{ provider: 'google', phase: 'warm', ceiling: 1_000, normal: 1_000 }] as const;
  for (const address of [RAMPING, WARM])
    await upsertAddress(store, { address, pool: 'marketing', node: 'node', ehloName: 'mta.example' }, lanes);
  return store;
}

interface Sent {
  /** Days ago. */
  readonly received: number;
  /** Days ago of each recipient's last attempt; null: it still waits. */
  readonly ended: readonly (number | null)[];
  readonly address?: string;
}

/** A message and its attempts, as old as said. Returns its id. */
async function sent(store: Store, { received, ended, address = WARM }: Sent): Promise<number> {
  const [stored] = await spool(store, [
    {
      ...{ raw: Buffer.from('Subject: a\r\n\r\nb\r\n'), messageId: `<${randomUUID()}@x>`, mailFrom: 'a@shop.example' },
      ...{ pool: 'marketing', tenant: 'default', stream: 'marketing', segment: 'all', campaign: 'spring' },
      expires: Date.now() + DAY,
      recipients: ended.map((_, n) => ({ rcpt: `${n}@x.example`, domain: 'x.example', provider: 'google' })),
    },
  ]);
  if (stored === undefined) throw new Error('not stored');
  const ago = (days: number) => new Date(Date.now() - days * DAY);
  await store.query('update messages set received_at = $2 where id = $1', [stored.message, ago(received)]);
  for (const [n, days] of ended.entries()) {
    const recipient = stored.recipients[n];
    const attempt = (at: Date, number: number, severity: string, final: boolean) =>
      store.query(
        `insert into attempts (recipient, message, address, provider, window_index, at, number, first_at, unit, severity,
           class, scope, rule, reply, final, campaign, tenant, process, rcpt)
         values ($1, $2, $3, 'google', 1, $4, $5, $4, true, $6, 'x', 'x', 'x', '250 ok', $7, 'spring', 'default', 'p', 'a@x')`,
        [recipient, stored.message, address, at, number, severity, final],
      );
    await attempt(ago(received), 1, 'deferred', false);
    if (days === null) continue;
    await attempt(ago(days), 2, 'delivered', true);
    await store.query('delete from queue where id = $1', [recipient]);
  }
  return stored.message;
}

const left = async (store: Store) =>
  (await store.query('select id from messages order by id')).rows.map(({ id }) => id);

/** Steps until it rests. */
async function whole(store: Store, days = 45): Promise<number> {
  const retention = new Retention({ store, days, now: () => 0, log: () => {} });
  let dropped = 0;
  for (let step = 0; step < 20; step++) dropped += await retention.step();
  return dropped;
}

test('what ended long ago goes as a whole; what is younger, waits, or a running ramp sent stays', async (context) => {
  const store = await fresh(context);
  await store.query(
    `insert into ramps (id, address, pool, plan, calendar, first_window, started_at, started_by)
     values ('r', $1, 'marketing', '{}', '{}', 1, now() - interval '60 days', 'ann')`,
    [RAMPING],
  );
  const old = await sent(store, { received: 50, ended: [46, 47] });
  const waits = await sent(store, { received: 50, ended: [49, null] });
  const late = await sent(store, { received: 50, ended: [40] });
  const ofRamp = await sent(store, { received: 50, ended: [50], address: RAMPING });
  const beforeRamp = await sent(store, { received: 70, ended: [70], address: RAMPING });
  const young = await sent(store, { received: 1, ended: [1] });
  const { rows: ids } = await store.query('select max(id) as id from attempts where message = any($1::bigint[])', [
    [old, beforeRamp],
  ]);
  await whole(store);
  assert.deepEqual(await left(store), [waits, late, ofRamp, young]);
  const { rows } = await store.query(
    `select (select array_agg(distinct message order by message) from attempts) as attempts,
       (select array_agg(id order by id) from bodies) as bodies`,
  );
  assert.deepEqual(rows[0], { attempts: [waits, late, ofRamp, young], bodies: [waits, late, ofRamp, young] });
  assert.equal((await droppedTo(store)).attempts, ids[0].id, 'sinks are told what they may have missed');

  await store.query(`update ramps set ended_at = now(), outcome = 'complete'`);
  await whole(store);
  assert.deepEqual(await left(store), [waits, late, young], 'the ramp is over');
  await whole(store, 31);
  assert.deepEqual(await left(store), [waits, young]);
});

test('an MTA process does it beside its other work', async (context) => {
  const world = await MailWorld.start(context, databases);
  const [ended, young] = [
    await sent(world.store, { received: 50, ended: [50] }),
    await sent(world.store, { received: 50, ended: [33] }),
  ];
  const stays = await sent(world.store, { received: 50, ended: [29] });
  await world.mta('mta-1', { keepDays: 31 });
  await until('they are gone', async () => (await left(world.store)).join() === `${stays}`);
  assert.ok(ended < young);
});

test('pages end where mail is young, and go on where the last one ended', async (context) => {
  const store = await fresh(context);
  for (let n = 0; n < 5; n++) await sent(store, { received: 50, ended: [50] });
  const young = await sent(store, { received: 2, ended: [2] });
  const first = await dropOldMessages(store, 45, 0, 2);
  assert.deepEqual([first?.dropped, first?.done], [2, false]);
  const second = await dropOldMessages(store, 45, first?.last ?? 0, 2);
  assert.deepEqual([second?.dropped, second?.done], [2, false]);
  const third = await dropOldMessages(store, 45, second?.last ?? 0, 2);
  assert.deepEqual([third?.dropped, third?.done, third?.last], [1, true, young]);
  const end = await dropOldMessages(store, 45, young, 2);
  assert.deepEqual([end?.dropped, end?.done, end?.last], [0, true, young], 'nothing behind it');
});

test('processes that step at once never wait for each other', async (context) => {
  const store = await fresh(context);
  for (let n = 0; n < 3; n++) await sent(store, { received: 50, ended: [50] });
  const holding = await store.connect();
  await holding.query('begin');
  const { rows } = await holding.query(`select pg_try_advisory_xact_lock(7245910313) as mine`);
  assert.equal(rows[0].mine, true);
  assert.equal(await dropOldMessages(store, 45, 0, 10), null);
  await holding.query('rollback');
  holding.release();
  const all = await Promise.all([1, 2, 3].map(() => dropOldMessages(store, 45, 0, 10)));
  assert.equal(all.reduce((sum, one) => sum + (one?.dropped ?? 0), 0), 3); // biome-ignore format: short
  assert.deepEqual(await left(store), []);
});

test('rollups and reports go by their age; what a running ramp needs and the last word of a feed stay', async (context) => {
  const store = await fresh(context);
  await store.query(
    `insert into ramps (id, address, pool, plan, calendar, first_window, started_at, started_by)
     values ('r', $1, 'marketing', '{}', '{}', 1, now() - interval '60 days', 'ann')`,
    [RAMPING],
  );
  // More of one minute than a page holds, and a page of the ramp's before them.
  await store.query(
    `insert into rollups (address, provider, campaign, bucket, attempts)
     select $1::inet, 'google', 'c' || n, date_trunc('day', now() - interval '55 days'), 1 from generate_series(1, 1500) n`,
    [RAMPING],
  );
  await store.query(
    `insert into rollups (address, provider, campaign, bucket, attempts)
     select $1::inet, 'google', 'c' || n, date_trunc('day', now() - d * interval '1 day'), 1
     from generate_series(1, 1200) n, unnest(array[50, 10]) d`,
    [WARM],
  );
  const report = (recipient: number, provider: string, address: string, days: number) =>
    store.query(
      `insert into complaints (recipient, address, provider, sent_at, window_index, campaign, tenant, at, detail)
       values ($1, $3, $2, now() - $4 * interval '1 day', 1, 'c', 't', now() - $4 * interval '1 day', '{}')`,
      [recipient, provider, address, days],
    );
  await report(1, 'yahoo', WARM, 60);
  await report(2, 'yahoo', WARM, 50);
  await report(3, 'yahoo', WARM, 3);
  await report(4, 'aol', WARM, 60);
  await report(5, 'yahoo', RAMPING, 55);
  await whole(store);
  const { rows } = await store.query(
    `select host(address) as address, count(*)::int as n, max(now()::date - bucket::date)::int as days
     from rollups group by 1 order by 1`,
  );
  assert.deepEqual(rows, [
    { address: RAMPING, n: 1_500, days: 55 },
    { address: WARM, n: 1_200, days: 10 },
  ]);
  const reports = await store.query('select recipient from complaints order by recipient');
  assert.deepEqual(reports.rows.map((row) => row.recipient), [3, 4, 5]); // biome-ignore format: short
});

test('a campaign nobody used for long loses its number, unless a detector remembers it; of signals the last word of each source stays', async (context) => {
  const store = await fresh(context);
  const names = ['used', 'counted', 'open', 'blamed', 'forgotten', 'young'];
  const numbers = await campaignNumbers(store, names);
  const idOf = (name: string) => numbers.get(name) ?? 0;
  const level = LEVELS.complaint;
  const detector = newDetector();
  const arrival = { campaign: idOf('open'), day: 3, part: 0, trials: 500, events: 40, matured: 500 };
  advanceHours(detector, level, 0, [arrival], true);
  const state = packDetector(detector);
  const blames = { ...state, cohorts: state.cohorts.slice(0, 6), since: [[idOf('blamed'), 2]] as const };
  const row = { metric: 'complaint' as const, since: 0, at: 0 };
  await writeGateStates(store, WARM, [
    { ...row, provider: 'google', state },
    { ...row, provider: 'yahoo', state: blames },
  ]);
  const cohort = { provider: 'google', metric: 'complaint' as const, day: 9, part: 0, since: 0, trials: 1, events: 0 };
  await writeCounted(store, WARM, [{ ...cohort, campaign: idOf('counted') }], 0);
  await store.query(`update campaign_numbers set seen_at = now() - interval '60 days' where name <> 'young'`);
  await campaignNumbers(store, ['used']);
  const said = (source: string, value: string, days: number) =>
    recordSignal(store, { kind: 'dnsbl', source, address: WARM, value, at: Date.now() - days * DAY });
  for (const [source, value, days] of [
    ['zen', '127.0.0.2', 90],
    ['zen', 'clear', 80],
    ['zen', '127.0.0.3', 70],
    ['psbl', '127.0.0.2', 60],
    ['young', '127.0.0.2', 30],
    ['young', 'clear', 20],
  ] as const)
    await said(source, value, days);
  await whole(store);
  const left = await store.query('select name from campaign_numbers order by name');
  assert.deepEqual(
    left.rows.map((one) => one.name),
    ['blamed', 'counted', 'open', 'used', 'young'],
  );
  assert.equal((await campaignNumbers(store, ['used'])).get('used'), idOf('used'), 'its number stays its own');
  const words = await store.query('select source, value from signals order by id');
  assert.deepEqual(
    words.rows.map((one) => `${one.source} ${one.value}`),
    ['zen 127.0.0.3', 'psbl 127.0.0.2', 'young 127.0.0.2', 'young clear'],
  );
});

test('what a cutover counted goes when it has been over for long; its history, a live one and the line of kept mail stay', async (context) => {
  const store = await fresh(context);
  for (const name of ['old', 'new']) await upsertPool(store, { name, overflow: 'wait', calendar: CALENDAR });
  const ago = (days: number) => new Date(Date.now() - days * DAY);
  const cutover = async (id: string, front: string, ended: number | null) => {
    await store.query(
      `insert into cutovers (id, front, old_arm, new_arm, scope, plan, calendar, phase, rung, phase_since, rung_since,
         evidence_since, started_at, started_by, reason, ended_at)
       values ($1, $2, 'old', $2, '{}', '{}', '{}', $3, 0, $4, $4, $4, $4, 'ada', 'a test', $5)`,
      [id, front, ended === null ? 'running' : 'done', ago(100), ended === null ? null : ago(ended)],
    );
    await store.query(
      `insert into cutover_shares (cutover, window_index, stream, provider, points, binds, step, forecast, needed)
       values ($1, 1, 'marketing', 'google', 1, 'step', 1, 1, 0)`,
      [id],
    );
    await store.query(
      `insert into cutover_hours (cutover, hour, arm, provider, campaign, segment, stream, messages, told, delivered,
         deferred, hard, blocked, complaints) values ($1, now(), 'new', 'google', '', 'all', 'marketing', 1, 1, 1, 0, 0, 0, 0)`,
      [id],
    );
    await store.query(
      `insert into cutover_gates (cutover, gate, rung, asked_at) values ($1, 'confirm-step', 0, now())`,
      [id],
    );
  };
  await cutover('long-over', 'marketing', 50);
  await cutover('just-over', 'new', 10);
  await cutover('live', 'old', null);
  const nothing = JSON.stringify({ marketing: { '*': 0 }, transactional: { '*': 0 } });
  const split = (front: string, ended: Date | null) =>
    store.query(
      `insert into splits (front, old_arm, new_arm, scope, key, revision, thresholds, floor, started_at, ended_at, settled)
       values ($1, 'old', 'new', '{}', 'k', 9, $2, '{}', $3, $4, $5)`,
      [front, nothing, ago(100), ended, ended === null ? null : 'new'],
    );
  await split('marketing', ago(50));
  await split('new', null);
  for (const front of ['marketing', 'new'])
    for (const [revision, days] of [90, 60, 50, 3].entries())
      await store.query(
        `insert into split_changes (front, revision, at, old_arm, new_arm, thresholds, floor)
         values ($1, $2, $3, 'old', 'new', $4, '{}')`,
        [front, revision + 1, ago(days), nothing],
      );
  await store.query(
    `insert into split_releases (front, provider, revision, at_once, gap_ms, next_at) values
       ('marketing', 'google', 1, 0, 0, $1), ('new', 'google', 1, 0, 0, now())`,
    [ago(50)],
  );
  await store.query(`insert into operations (id, result, at) values ('old', '{}', $1), ('young', '{}', $2)`, [
    ago(61),
    ago(50),
  ]);
  await whole(store);
  for (const table of ['cutover_shares', 'cutover_hours', 'cutover_gates']) {
    const { rows } = await store.query(`select cutover from ${table} order by cutover`);
    assert.deepEqual(
      rows.map((row) => row.cutover),
      ['just-over', 'live'],
      table,
    );
  }
  assert.equal((await store.query('select from cutovers')).rowCount, 3);
  const changes = await store.query(
    `select front, array_agg(revision::int order by revision) as kept from split_changes group by 1 order by 1`,
  );
  assert.deepEqual(changes.rows, [
    { front: 'marketing', kept: [3, 4] },
    { front: 'new', kept: [1, 2, 3, 4] },
  ]);
  assert.deepEqual((await store.query('select front from split_releases')).rows, [{ front: 'new' }]);
  assert.deepEqual((await store.query('select id from operations')).rows, [{ id: 'young' }]);
});
