import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Claims } from '../../mta/egress/claims.ts';
import { GroupCommit } from '../../mta/injection/group-commit.ts';
import { RefusedMessage } from '../../mta/injection/message.ts';
import { type ClaimQuery, claim, START } from '../../store/claims.ts';
import { createStore, tx } from '../../store/connect.ts';
import { LeaseWatch } from '../../store/lease-watch.ts';
import { registerProcess, renew } from '../../store/processes.ts';
import { commitOutcomes, expireDue, type Outcome, recoverDead, unroutedDomains } from '../../store/queue.ts';
import { type SpoolMessage, spool, spoolOnce } from '../../store/spool.ts';
import { startDatabases } from '../mta/databases.ts';

const databases = await startDatabases();
after(() => databases.stop());

async function fresh(context: import('node:test').TestContext) {
  const store = createStore(await databases.create(), { max: 6 });
  context.after(() => store.end());
  return store;
}

function message(over: Partial<SpoolMessage> = {}): SpoolMessage {
  return {
    raw: Buffer.from('Subject: a\r\n\r\nb\r\n'),
    messageId: `<${randomUUID()}@shop.example>`,
    mailFrom: 'a@shop.example',
    pool: 'marketing',
    tenant: 'default',
    stream: 'marketing',
    segment: 'all',
    campaign: 'spring',
    expires: Date.now() + 3_600_000,
    recipients: [{ rcpt: 'b@provider.example', domain: 'provider.example', provider: 'other' }],
    ...over,
  };
}

const SCALE = { bucketMs: 60_000, idleMs: 7 * 86_400_000 };
const nobody = { campaigns: [], tenants: [], domains: [], streams: [], pools: [] };

function flow(most: number) {
  return { stream: 'marketing', tenant: 'default', most, after: START };
}

function lane(address: string, kept: number, cold: boolean) {
  return {
    address,
    kept,
    cold,
    segments: cold ? ['engaged-30d'] : null,
    after: { transactional: START, marketing: START },
  };
}

function query(over: Partial<ClaimQuery> = {}): ClaimQuery {
  return {
    process: 'p1',
    pool: 'marketing',
    provider: 'other',
    lanes: [lane('127.31.1.1', 5, false)],
    cold: { most: 0, flows: [], segments: [], held: nobody },
    warm: { most: 5, flows: [flow(5)], held: nobody, leave: [] },
    ...over,
  };
}

function outcome(id: number, over: Partial<Outcome> = {}): Outcome {
  const now = Date.now();
  return {
    recipient: id,
    message: 1,
    address: '127.31.1.1',
    provider: 'other',
    windowIndex: 0,
    at: now,
    number: 1,
    firstAt: now,
    unit: true,
    severity: 'deferred',
    class: 'throttle',
    scope: 'ip',
    rule: 'test',
    reply: '451 later',
    campaign: 'spring',
    tenant: 'default',
    probe: false,
    retry: { due: now - 1, free: false },
    ...over,
  };
}

test('claims of two processes never overlap, and what warm lanes take leaves what cold ones may', async (context) => {
  const store = await fresh(context);
  await spool(
    store,
    Array.from({ length: 40 }, (_, n) => message({ segment: n < 30 ? 'all' : 'engaged-30d' })),
  );
  const cold = { most: 3, flows: [flow(3)], segments: ['engaged-30d'], held: nobody };
  const lanes = [lane('127.31.0.1', 2, true), lane('127.31.1.1', 5, false)];
  const both = await Promise.all(['p1', 'p2'].map((process) => claim(store, query({ process, lanes, cold }))));
  const ids = both.flat().map((one) => one.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const one of both) {
    assert.equal(one.filter((row) => row.segment === 'engaged-30d').length, 3);
    assert.equal(one.length, 8);
  }
});

test('an outcome committed again after a lost answer counts once and leaves a new claim alone', async (context) => {
  const store = await fresh(context);
  const [spooled] = await spool(store, [message()]);
  const id = spooled?.recipients[0] ?? 0;
  await claim(store, query());
  await commitOutcomes(store, [outcome(id)], 'p1', SCALE);
  const again = await claim(store, query());
  assert.deepEqual(
    again.map((one) => [one.id, one.attempts]),
    [[id, 1]],
  );
  await commitOutcomes(store, [outcome(id)], 'p1', SCALE);
  const { rows } = await store.query('select claim from queue');
  assert.deepEqual(rows, [{ claim: 'p1' }], 'the repeated outcome took the message from whoever sends it now');
  assert.equal((await store.query('select from attempts')).rowCount, 1);
  assert.deepEqual((await store.query('select attempts, deferred from rollups')).rows, [{ attempts: 1, deferred: 1 }]);
});

test('a commit whose answer was lost is waited for, not done twice', async (context) => {
  const store = await fresh(context);
  const batch = randomUUID();
  const messages = [message(), message()];
  let first: unknown;
  let second: Promise<unknown> | undefined;
  await tx(store, async (client) => {
    first = await spool(client, messages, batch);
    second = spoolOnce(store, messages, batch);
    await sleep(200);
  });
  assert.deepEqual(await second, first);
  assert.equal((await store.query('select from messages')).rowCount, 2);
  await spoolOnce(store, messages, randomUUID());
  assert.equal((await store.query('select from messages')).rowCount, 4);
});

test('a commit found again names each recipient by its own id, though some are finished by now', async (context) => {
  const store = await fresh(context);
  const batch = randomUUID();
  const [one] = message().recipients;
  const recipients = ['a', 'b', 'a', 'c'].map((name) => ({ ...one, rcpt: `${name}@provider.example` }));
  const messages = [message({ recipients: recipients as SpoolMessage['recipients'] }), message()];
  const claims = { process: 'p1', taken: [[false, true, false, true], [true]] };
  const first = await spool(store, messages, batch, claims);
  assert.deepEqual(first.map((one) => one.claimed), claims.taken); // biome-ignore format: short
  // Another process delivers the first recipient meanwhile.
  const [id] = first[0]?.recipients ?? [];
  await store.query(`update queue set claim = 'p2' where id = $1`, [id]);
  await commitOutcomes(store, [{ ...outcome(id ?? 0), severity: 'delivered', retry: null }], 'p2', SCALE);
  assert.deepEqual(await spoolOnce(store, messages, batch, claims), first);
});

test('one message the store can not hold does not cost the others of its group their commit', async (context) => {
  const store = await fresh(context);
  const commit = new GroupCommit(store);
  const results = await Promise.allSettled([
    commit.submit(message()),
    commit.submit(message({ campaign: 'a\0b' })),
    commit.submit(message()),
  ]);
  assert.deepEqual(
    results.map((one) => one.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  const refused = results[1];
  assert.ok(refused?.status === 'rejected' && refused.reason instanceof RefusedMessage && refused.reason.reply === 554);
  assert.equal((await store.query('select from messages')).rowCount, 2);
});

test("a claim in nobody's hands is let go; one in hand and one of another process are not", async (context) => {
  const store = await fresh(context);
  await spool(
    store,
    Array.from({ length: 3 }, () => message()),
  );
  const claims = new Claims(store, 'p1');
  const {
    messages: [mine],
  } = await claims.claim(query({ warm: { most: 1, flows: [flow(1)], held: nobody, leave: [] } }));
  await claim(store, query({ process: 'p1', warm: { most: 1, flows: [flow(1)], held: nobody, leave: [] } }));
  await claim(store, query({ process: 'p2', warm: { most: 1, flows: [flow(1)], held: nobody, leave: [] } }));
  assert.equal(await claims.releaseUnknown(60_000), 0, 'a statement may still be on its way');
  assert.equal(await claims.releaseUnknown(0), 1);
  const { rows } = await store.query('select id, claim from queue order by claim nulls last');
  assert.deepEqual(
    rows.map((row) => row.claim),
    ['p1', 'p2', null],
  );
  assert.equal(rows[0].id, mine?.id);
});

test('what a dead process left is in doubt once; a living one of this node is never taken for dead', async (context) => {
  const store = await fresh(context);
  await registerProcess(store, { id: 'dead', role: 'mta', node: 'node', pid: 2 ** 22 + 1 }, 0);
  await registerProcess(store, { id: 'alive', role: 'mta', node: 'node', pid: process.pid }, 0);
  // Another machine with the same name: its pids are not to be found here, and it may be in the midst of its mail.
  const elsewhere = { id: 'elsewhere', role: 'mta', node: 'node', pid: 2 ** 22 + 1, machine: 'another' } as const;
  await registerProcess(store, elsewhere, 0);
  await spool(store, [message(), message(), message()]);
  await claim(store, query({ process: 'elsewhere', warm: { most: 1, flows: [flow(1)], held: nobody, leave: [] } }));
  await claim(store, query({ process: 'dead', warm: { most: 1, flows: [flow(1)], held: nobody, leave: [] } }));
  await claim(store, query({ process: 'alive', warm: { most: 1, flows: [flow(1)], held: nobody, leave: [] } }));
  await sleep(20);
  const watch = new LeaseWatch(() => 0);
  const recovered = await Promise.all(['a', 'b'].map((by) => recoverDead(store, by, watch, 60_000)));
  assert.deepEqual(recovered.toSorted(), [0, 1]);
  const { rows } = await store.query('select claim, attempts from queue order by claim nulls first');
  assert.deepEqual(rows, [
    { claim: null, attempts: 1 },
    { claim: 'alive', attempts: 0 },
    { claim: 'elsewhere', attempts: 0 },
  ]);
  assert.deepEqual((await store.query('select severity, number from attempts')).rows, [
    { severity: 'in-doubt', number: 1 },
  ]);
});

test('a store whose clock is set forward kills nobody: a process is dead when its lease stands still', async (context) => {
  const store = await fresh(context);
  for (const id of ['living', 'gone']) {
    await registerProcess(store, { id, role: 'mta', node: id, pid: 1, machine: `machine of ${id}` }, 3_000);
    await spool(store, [message()]);
    await claim(store, query({ process: id, warm: { most: 1, flows: [flow(1)], held: nobody, leave: [] } }));
  }
  // An hour later by the store's clock, a moment later by everybody else's.
  await store.query(`update processes set lease_until = lease_until - interval '1 hour'`);
  let now = 0;
  const watch = new LeaseWatch(() => now);
  const look = () => recoverDead(store, 'me', watch, 330_000);
  assert.equal(await look(), 0);
  await renew(store, 'living', 'mta', 3_000);
  now = 4_000;
  assert.equal(await look(), 0);
  now = 6_000;
  assert.equal(await look(), 1);
  const { rows } = await store.query('select claim from queue order by claim nulls first');
  assert.deepEqual(rows, [{ claim: null }, { claim: 'living' }]);
});

test('what is done again and again reads a few rows of a large queue, never all of them', async (context) => {
  // Plans are made for a large queue even when it is small, as in the MTA's sessions.
  const store = createStore(await databases.create(), { max: 2, settings: { enable_seqscan: 'off' } });
  context.after(() => store.end());
  const many = 20_000;
  await store.query(
    `with n as (select generate_series(1, $1::int) as n),
       b as (insert into bodies (id, raw) overriding system value select n, 'Subject: a' from n),
       m as (insert into messages (id, body_id, batch, message_id, mail_from, pool, tenant, stream, segment, campaign, recipients)
         overriding system value select n, n, gen_random_uuid(), '<' || n || '@shop.example>', 'a@shop.example', 'marketing',
           'tenant-' || n % 7, 'marketing', 'all', 'spring', 1 from n)
     insert into queue (message, body_id, rcpt, domain, provider, address, pool, tenant, stream, segment, campaign, due, expires)
     select n, n, 'r' || n || '@provider.example', 'provider.example', 'other', case when n % 2 = 0 then '127.31.1.1'::inet end,
       'marketing', 'tenant-' || n % 7, 'marketing', 'all', 'spring', now() - interval '1 hour', now() + interval '3 days'
     from n`,
    [many],
  );
  await store.query('analyze queue');
  const read = async () => {
    await store.query('select pg_stat_force_next_flush()');
    const { rows } = await store.query(
      `select pg_stat_get_tuples_returned('queue'::regclass) + pg_stat_get_tuples_fetched('queue'::regclass) as n`,
    );
    return rows[0].n as number;
  };
  const first = await read();
  assert.equal(await expireDue(store, 'p1'), 0);
  assert.deepEqual(await unroutedDomains(store, [], 10), []);
  const claimed = await claim(store, query());
  assert.ok(claimed.length > 0);
  await commitOutcomes(
    store,
    claimed.map(({ id }) => outcome(id)),
    'p1',
    SCALE,
  );
  await recoverDead(store, 'p1', new LeaseWatch(() => 0), 10_000);
  const rows = (await read()) - first;
  assert.ok(rows < many / 10, `${rows} rows were read`);
});
