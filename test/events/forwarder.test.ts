import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { askReplay, deadLetters } from '../../store/event-dead-letters.ts';
import { positionsBefore } from '../../store/event-outbox.ts';
import { holdSink, moveSink, registerSink, rewindSink, sinkRows } from '../../store/event-sinks.ts';
import { clearHolds, placeHold } from '../../store/holds.ts';
import { commitOutcomes, type Outcome } from '../../store/queue.ts';
import { recordComplaint } from '../../store/reports.ts';
import { spool } from '../../store/spool.ts';
import { startDatabases } from '../mta/databases.ts';
import { attempts, deliveries, endpoint, forward, freshStore, recipients, until, webhook } from './world.ts';

const databases = await startDatabases();
after(() => databases.stop());

test('a sink starts with what happens from then on; each attempt is one event, probes are none', async (context) => {
  const store = await freshStore(context, databases);
  await attempts(store, deliveries(1, 3));
  const [message] = await spool(store, [
    {
      raw: Buffer.from('Subject: a\r\n\r\nb\r\n'),
      messageId: '<1@shop.example>',
      mailFrom: 'a@shop.example',
      pool: 'marketing',
      tenant: 'shop',
      stream: 'marketing',
      segment: 'all',
      campaign: 'spring',
      expires: Date.now() + 3_600_000,
      recipients: [{ rcpt: 'b@gmail.com', domain: 'gmail.com', provider: 'google' }],
    },
  ]);
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)]);
  const of = { message: message?.message ?? 0, recipient: 50, rcpt: 'b@gmail.com', tenant: 'shop' };
  await attempts(store, [
    { ...of, number: 1, severity: 'deferred', final: false },
    { recipient: 60, probe: true },
    { recipient: 61, campaign: 'probe' },
    { ...of, number: 2, severity: 'blocked', final: false },
    { ...of, number: 3, severity: 'in-doubt', final: false },
    { ...of, number: 4, severity: 'hard' },
    { recipient: 51, severity: 'expired' },
    { recipient: 52, severity: 'delivered' },
  ]);
  await until('all are told', () => hook.taken.length === 6);
  assert.deepEqual(
    hook.taken.map((one) => one.type.replace('rampart.message.', '')),
    ['deferred', 'deferred', 'in-doubt', 'bounced', 'expired', 'delivered'],
  );
  const bounced = hook.taken[3];
  assert.equal(bounced?.source, hook.taken[0]?.source);
  assert.match(bounced?.source ?? '', /^urn:uuid:[0-9a-f-]{36}$/);
  assert.deepEqual(bounced?.data, {
    recipient: 'b@gmail.com',
    recipientId: 50,
    messageId: '<1@shop.example>',
    tenant: 'shop',
    pool: 'marketing',
    stream: 'marketing',
    campaign: 'spring',
    address: '127.1.1.1',
    provider: 'google',
    attempt: 4,
    class: 'other',
    scope: 'message',
    rule: 'test',
    reply: '250 2.0.0 OK',
    host: null,
    tls: null,
    bounce: 'hard',
  });
});

test('an outcome the MTA commits names its recipient and message, though its queue row and body are gone', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)]);
  const [one] = await spool(store, [
    {
      raw: Buffer.from('Subject: a\r\n\r\nb\r\n'),
      messageId: '<2@shop.example>',
      mailFrom: 'a@shop.example',
      pool: 'marketing',
      tenant: 'shop',
      stream: 'transactional',
      segment: 'all',
      campaign: 'receipts',
      expires: Date.now() + 3_600_000,
      recipients: [{ rcpt: 'c@gmail.com', domain: 'gmail.com', provider: 'google' }],
    },
  ]);
  const recipient = one?.recipients[0] ?? 0;
  await store.query(`update queue set claim = 'p1', claimed_at = now()`);
  const at = Date.now();
  const outcome: Outcome = {
    ...{
      recipient,
      message: one?.message ?? 0,
      address: '127.1.1.1',
      provider: 'google',
      windowIndex: 1,
      at,
      number: 1,
    },
    ...{ firstAt: at, unit: true, severity: 'delivered', class: 'delivered', scope: 'message', rule: 'none' },
    ...{ reply: '250 ok', campaign: 'receipts', tenant: 'shop', probe: false, retry: null },
  };
  await commitOutcomes(store, [outcome], 'p1', { bucketMs: 60_000, idleMs: 7 * 86_400_000 });
  await until('it is told', () => hook.taken.length === 1);
  assert.equal((await store.query('select from queue')).rowCount, 0);
  const data = hook.taken[0]?.data as Record<string, unknown>;
  assert.deepEqual(
    [data.recipient, data.messageId, data.pool, data.stream],
    ['c@gmail.com', '<2@shop.example>', 'marketing', 'transactional'],
  );
});

test('what changes a row is told as well: holds that are placed and cleared, complaints after their delivery', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)]);
  await until('somebody listens', async () => (await sinkRows(store))[0]?.running === true);
  const hold = await placeHold(store, {
    scope: 'tenant',
    target: 'shop',
    reach: 'all',
    cause: 'operator',
    actor: 'ann',
    reason: 'they asked',
  });
  await clearHolds(store, [hold.id], { actor: 'bob', reason: 'it is over' });
  await attempts(store, [{ recipient: 9, rcpt: 'reader@yahoo.com' }]);
  await recordComplaint(store, 9, { type: 'abuse' });
  await until('all are told', () => hook.taken.length === 4);
  const kinds = hook.taken.map((one) => one.type);
  assert.deepEqual(
    kinds.filter((kind) => kind.includes('hold')),
    ['rampart.hold.placed', 'rampart.hold.cleared'],
  );
  assert.deepEqual(
    kinds.filter((kind) => kind.includes('message')),
    ['rampart.message.delivered', 'rampart.message.complained'],
  );
  const cleared = hook.taken.find((one) => one.type === 'rampart.hold.cleared')?.data as Record<string, unknown>;
  assert.deepEqual([cleared.clearedBy, cleared.clearReason, cleared.target], ['bob', 'it is over', 'shop']);
  const complained = hook.taken.find((one) => one.type === 'rampart.message.complained')?.data as Record<
    string,
    unknown
  >;
  assert.deepEqual([complained.recipient, complained.report], ['reader@yahoo.com', { type: 'abuse' }]);
});

test('a complaint waits for a backlog of attempts, a hold does not', async (context) => {
  const store = await freshStore(context, databases);
  await registerSink(store, 'hook', 'webhook');
  await holdSink(store, 'hook', 'nobody', 1);
  for (let first = 1; first <= 2_000; first += 500) await attempts(store, deliveries(first, 500));
  await recordComplaint(store, 2_000, {});
  await placeHold(store, { scope: 'all', target: '*', reach: 'all', cause: 'operator', actor: 'a', reason: 'b' });
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)]);
  await until('all are told', () => hook.taken.length === 2_002);
  const types = hook.taken.map((one) => one.type);
  assert.equal(types.indexOf('rampart.hold.placed'), 0);
  assert.equal(types.indexOf('rampart.message.complained'), 2_001);
});

test('nothing is noted while nobody listens', async (context) => {
  const store = await freshStore(context, databases);
  const place = (target: string) =>
    placeHold(store, { scope: 'tenant', target, reach: 'all', cause: 'operator', actor: 'a', reason: 'b' });
  await place('one');
  assert.equal((await store.query('select from event_log')).rowCount, 0);
  await registerSink(store, 'hook', 'webhook');
  await holdSink(store, 'hook', 'somebody', 1);
  await place('two');
  assert.equal((await store.query('select from event_log')).rowCount, 1);
  await store.query(`update event_sinks set lease_until = now() - interval '15 days'`);
  await place('three');
  assert.equal((await store.query('select from event_log')).rowCount, 1);
});

test('filters: kinds, tenants, pools; what is about no tenant is not for a tenant', async (context) => {
  const store = await freshStore(context, databases);
  const [some, shop, all] = [await endpoint(context), await endpoint(context), await endpoint(context)];
  await forward(context, store, [
    webhook('some', some.url, { filter: { kinds: ['message.bounced', 'hold.*'] } }),
    webhook('shop', shop.url, { filter: { tenants: ['shop'] } }),
    webhook('all', all.url),
  ]);
  await until('they listen', async () => (await sinkRows(store)).every((row) => row.running));
  await attempts(store, [
    { recipient: 1, tenant: 'shop' },
    { recipient: 2, tenant: 'other', severity: 'hard' },
  ]);
  await placeHold(store, { scope: 'all', target: '*', reach: 'all', cause: 'operator', actor: 'a', reason: 'b' });
  await until('all are told', () => all.taken.length === 3 && some.taken.length === 2 && shop.taken.length === 1);
  assert.deepEqual(some.taken.map((one) => one.type).toSorted(), ['rampart.hold.placed', 'rampart.message.bounced']);
  assert.deepEqual(recipients(shop.taken), [1]);
  await until('none is behind', async () => (await sinkRows(store)).every((row) => row.backlog === 0));
});

test('a dead sink and a slow one do not keep the others waiting; the backlog of each is shown', async (context) => {
  const store = await freshStore(context, databases);
  const gone = await endpoint(context);
  await gone.stop();
  const slow = await endpoint(context, () => ({ status: 200, after: null }));
  const well = await endpoint(context);
  await forward(context, store, [
    webhook('gone', gone.url),
    webhook('slow', slow.url, { timeoutMs: 60_000 }),
    webhook('well', well.url),
  ]);
  for (let first = 1; first <= 3_000; first += 500) await attempts(store, deliveries(first, 500));
  await until('the third has all', () => well.taken.length === 3_000);
  await until('the store knows', async () => (await sinkRows(store)).some((row) => row.backlog === 0));
  const rows = Object.fromEntries((await sinkRows(store)).map((row) => [row.name, row]));
  assert.deepEqual([rows.gone?.backlog, rows.slow?.backlog, rows.well?.backlog], [3_000, 3_000, 0]);
  assert.match(rows.gone?.lastError ?? '', /ECONNREFUSED/);
  assert.ok(rows.gone?.failingSince !== null && rows.gone?.oldestAt !== null);
  assert.equal(rows.well?.confirmed, 3_000);
});

test('two processes share the sinks; one sends at a time, and each event reaches the endpoint in its order', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context);
  const settings = [webhook('hook', hook.url, { batch: 50 })];
  const first = await forward(context, store, settings, { owner: 'first', leaseMs: 600 });
  await until('the first has it', async () => (await sinkRows(store))[0]?.owner === 'first');
  await forward(context, store, settings, { owner: 'second', leaseMs: 600 });
  await attempts(store, deliveries(1, 500));
  await until('half is told', () => hook.taken.length >= 250);
  await first.stop();
  await attempts(store, deliveries(501, 500));
  await until('all are told', () => hook.taken.length >= 1_000);
  assert.equal((await sinkRows(store))[0]?.owner, 'second');
  assert.deepEqual(
    recipients(hook.taken),
    deliveries(1, 1_000).map((row) => row.recipient),
  );
});

test('who lost the sink can not move it', async (context) => {
  const store = await freshStore(context, databases);
  await registerSink(store, 'hook', 'webhook');
  const held = await holdSink(store, 'hook', 'first', 1);
  assert.ok(held);
  await new Promise((done) => setTimeout(done, 20));
  const other = await holdSink(store, 'hook', 'second', 60_000);
  assert.ok(other);
  assert.equal(await holdSink(store, 'hook', 'first', 60_000), null);
  const to = { ...held.positions, attempts: 10 };
  assert.equal(await moveSink(store, 'hook', 'first', held.positions, to, 10), false);
  assert.equal(await moveSink(store, 'hook', 'second', other.positions, to, 10), true);
  assert.equal(await moveSink(store, 'hook', 'second', other.positions, to, 10), false, 'moved from where it was not');
});

test('dead letters are sent again when asked; refused again, they stay', async (context) => {
  const store = await freshStore(context, databases);
  let open = false;
  const hook = await endpoint(context, () => ({ status: open ? 200 : 403 }));
  await forward(context, store, [webhook('hook', hook.url)]);
  await attempts(store, deliveries(1, 20));
  await until('they are given up', async () => (await deadLetters(store, 'hook', 100)).length === 20);
  assert.equal(await askReplay(store, 'hook'), 20);
  await until('they are refused again', async () =>
    (await deadLetters(store, 'hook', 100)).every((letter) => !letter.replayAsked),
  );
  open = true;
  await askReplay(store, 'hook');
  await until('they are taken', () => hook.taken.length === 20);
  await until('none is left', async () => (await deadLetters(store, 'hook', 100)).length === 0);
  assert.deepEqual(
    recipients(hook.taken),
    deliveries(1, 20).map((row) => row.recipient),
  );
});

test('a running sink is set back to a time: everything since is sent again, with the same ids', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)], { leaseMs: 600 });
  await attempts(store, deliveries(1, 40));
  await until('they are told', () => hook.taken.length === 40);
  await store.query(`update attempts set at = at - interval '1 hour' where recipient <= 30`);
  await rewindSink(store, 'hook', await positionsBefore(store, Date.now() - 600_000, 1_000));
  await until('ten are told again', () => hook.taken.length === 50);
  assert.deepEqual(
    recipients(hook.taken.slice(40)),
    deliveries(31, 10).map((row) => row.recipient),
  );
  assert.equal(new Set(hook.taken.map((one) => one.id)).size, 40);
});

test('attempts dropped before a sink got to them are counted and told of, not passed by in silence', async (context) => {
  const store = await freshStore(context, databases);
  await registerSink(store, 'hook', 'webhook');
  await attempts(store, deliveries(1, 100));
  await store.query('delete from attempts where recipient <= 60');
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)]);
  await until(
    'the rest is told',
    () => recipients(hook.taken.filter((one) => one.type.includes('message'))).length === 40,
  );
  const [row] = await sinkRows(store);
  assert.equal(row?.missed, 60);
  const { rows } = await store.query('select kind, body from notices');
  assert.deepEqual([rows.length, rows[0]?.kind, rows[0]?.body.events], [1, 'events-missed', 60]);
  await attempts(store, deliveries(101, 5));
  await store.query('delete from attempts where recipient <= 100');
  await until('new ones are told', () => hook.taken.filter((one) => one.type.includes('message')).length === 45);
  assert.equal((await sinkRows(store))[0]?.missed, 60, 'what it had got was counted as missed');
});

test('the store goes away and comes back: nothing is lost', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url, { batch: 20 })]);
  await attempts(store, deliveries(1, 200));
  await until('some are told', () => hook.taken.length >= 40);
  await databases.restart();
  await attempts(store, deliveries(201, 100));
  await until('all are told', () => new Set(recipients(hook.taken)).size === 300, 30_000);
});
