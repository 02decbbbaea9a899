import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type SuppressibleMail, stops } from '../../policy/suppression.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { envelopeKey, normalRecipient } from '../../store/recipient-key.ts';
import {
  confirmSuppressions,
  EVERYWHERE,
  expireSuppressions,
  type SuppressionEntry,
  type SuppressionScope,
  suppress,
  suppressedAmong,
  suppressionEntries,
  suppressionHistory,
  suppressionPage,
  unsuppress,
} from '../../store/suppressions.ts';
import { startDatabases } from '../mta/databases.ts';

const databases = await startDatabases();
after(() => databases.stop());

async function fresh(context: TestContext): Promise<Store> {
  const store = createStore(await databases.create(), { max: 4 });
  context.after(() => store.end());
  return store;
}

/** The entry that stops each recipient's mail, as injection works it out. */
async function suppressionsOf(store: Store, recipients: readonly string[], mail: SuppressibleMail) {
  const entries = await suppressionEntries(store, recipients);
  return new Map(
    recipients.flatMap((one) => {
      const found = entries.get(one)?.find((entry) => stops(entry, mail));
      return found === undefined ? [] : [[one, found] as const];
    }),
  );
}

function entry(recipient: string, over: Partial<SuppressionEntry> = {}): SuppressionEntry {
  return {
    key: envelopeKey(recipient),
    recipient: normalRecipient(recipient) ?? recipient,
    scope: EVERYWHERE,
    streams: 'all',
    source: 'manual',
    reason: 'asked by phone',
    actor: 'anna',
    ...over,
  };
}

const MAIL = { pool: 'marketing', tenant: 'shop', stream: 'marketing' } as const;
const POOL: SuppressionScope = { kind: 'pool', target: 'marketing' };
const TENANT: SuppressionScope = { kind: 'tenant', target: 'shop' };

test('an entry that is known by its MD5 or SHA-1 alone stops the mail it means', async (context) => {
  const store = await fresh(context);
  const digest = (name: string, address: string) => createHash(name).update(address).digest();
  const stopped = async () => [
    ...(await suppressionsOf(store, ['Old@X.example', 'older@x.example', 'free@x.example'], MAIL)).keys(),
  ];
  await suppress(store, [entry('plain@x.example')]);
  assert.deepEqual(await stopped(), []);
  await suppress(store, [
    entry('old@x.example', { key: digest('sha1', 'old@x.example'), recipient: null }),
    entry('older@x.example', { key: digest('md5', 'older@x.example'), recipient: null }),
  ]);
  assert.deepEqual(await stopped(), ['Old@X.example', 'older@x.example']);
});

test('the check before an attempt is one query for a claimed batch of any size, and none for nothing', async (context) => {
  const store = await fresh(context);
  let queries = 0;
  const counted = {
    query: (...args: Parameters<Store['query']>) => {
      queries += 1;
      return store.query(...args);
    },
  } as unknown as Store;
  await suppress(store, [entry('r3@x.example'), entry('r7@x.example', { scope: TENANT })]);
  const batch = Array.from({ length: 500 }, (_, id) => ({ ...MAIL, id, rcpt: `r${id}@x.example` }));
  assert.deepEqual([...(await suppressedAmong(counted, batch)).keys()], [3, 7]);
  assert.equal(queries, 1);
  assert.equal((await suppressedAmong(counted, [])).size, 0);
  assert.equal(queries, 1);
});

test('an entry stops the mail it names and no other', async (context) => {
  const store = await fresh(context);
  await suppress(store, [
    entry('everywhere@x.example'),
    entry('pool@x.example', { scope: POOL }),
    entry('tenant@x.example', { scope: TENANT, streams: 'marketing', source: 'complaint' }),
    entry('hash@x.example', { recipient: null, source: 'import' }),
    entry('past@x.example', { until: Date.now() - 1_000 }),
    entry('soon@x.example', { until: Date.now() + 60_000 }),
  ]);
  const all = ['Everywhere@X.example', 'pool@x.example', 'tenant@x.example', 'hash@x.example', 'past@x.example'];
  const stopped = async (mail: SuppressibleMail) =>
    [...(await suppressionsOf(store, [...all, 'soon@x.example', 'free@x.example'], mail)).keys()].map(
      (rcpt) => rcpt.split('@')[0],
    );
  assert.deepEqual(await stopped(MAIL), ['Everywhere', 'pool', 'tenant', 'hash', 'soon']);
  assert.deepEqual(await stopped({ ...MAIL, stream: 'transactional' }), ['Everywhere', 'pool', 'hash', 'soon']);
  assert.deepEqual(await stopped({ ...MAIL, pool: 'other' }), ['Everywhere', 'tenant', 'hash', 'soon']);
  assert.deepEqual(await stopped({ ...MAIL, tenant: 'other' }), ['Everywhere', 'pool', 'hash', 'soon']);
  const found = (await suppressionsOf(store, ['tenant@x.example'], MAIL)).get('tenant@x.example');
  assert.equal(found?.source, 'complaint');
  assert.equal(found?.reason, 'asked by phone');
  assert.ok(found?.since instanceof Date);
});

test('what the store matches is what the rule says, for any entries and any mail', async (context) => {
  const store = await fresh(context);
  const names = ['a', 'b', 'c'];
  const scopes: SuppressionScope[] = [
    EVERYWHERE,
    ...names.map((target) => ({ kind: 'pool' as const, target })),
    ...names.map((target) => ({ kind: 'tenant' as const, target })),
  ];
  const entries = fc.array(
    fc.record({
      rcpt: fc.constantFrom('1@x.example', '2@x.example'),
      scope: fc.constantFrom(...scopes),
      streams: fc.constantFrom('all' as const, 'marketing' as const),
      until: fc.constantFrom(null, Date.now() - 60_000, Date.now() + 600_000),
    }),
    { maxLength: 8 },
  );
  const mail = fc.record({
    rcpt: fc.constantFrom('1@x.example', '2@X.EXAMPLE', '3@x.example'),
    pool: fc.constantFrom(...names),
    tenant: fc.constantFrom(...names),
    stream: fc.constantFrom('marketing', 'transactional'),
  });
  await fc.assert(
    fc.asyncProperty(entries, fc.array(mail, { minLength: 1, maxLength: 6 }), async (given, rows) => {
      await store.query('truncate suppressions');
      // One by one: what comes later must widen, never narrow.
      for (const { rcpt, ...one } of given) await suppress(store, [entry(rcpt, one)]);
      const asked = rows.map((row, id) => ({ ...row, id }));
      const found = await suppressedAmong(store, asked);
      for (const row of asked) {
        const stream = row.stream === 'marketing' ? 'marketing' : 'transactional';
        const atTheDoor = await suppressionsOf(store, [row.rcpt], { pool: row.pool, tenant: row.tenant, stream });
        assert.equal(atTheDoor.has(row.rcpt), found.has(row.id), 'the rule and the query agree');
        const matches = given.some(
          (one) =>
            one.rcpt === row.rcpt.toLowerCase() &&
            (one.until === null || one.until > Date.now()) &&
            (one.streams === 'all' || row.stream === 'marketing') &&
            (one.scope.kind === 'global' || one.scope.target === (one.scope.kind === 'pool' ? row.pool : row.tenant)),
        );
        // Entries of one scope are one row: all streams and the longest time of those that were live.
        if (matches) assert.ok(found.has(row.id), JSON.stringify(row));
        else if (!given.some((one) => one.rcpt === row.rcpt.toLowerCase())) assert.ok(!found.has(row.id));
      }
    }),
    { numRuns: 40 },
  );
});

test('adding again changes nothing; more streams, a longer time or the clear address do', async (context) => {
  const store = await fresh(context);
  const one = entry('a@x.example', { recipient: null, streams: 'marketing', until: Date.now() + 60_000 });
  assert.equal(await suppress(store, [one, one]), 1, 'twins in one call are one');
  assert.equal(await suppress(store, [one]), 0);
  assert.equal(await suppress(store, [{ ...one, recipient: 'a@x.example' }]), 1);
  assert.equal(await suppress(store, [entry('a@x.example', { until: Date.now() + 30_000, reason: 'later' })]), 1);
  assert.equal(await suppress(store, [entry('a@x.example', { streams: 'marketing' })]), 1, 'it stays now');
  const [row] = await suppressionPage(store, {}, 0, 10);
  assert.deepEqual([row?.recipient, row?.streams, row?.until], ['a@x.example', 'all', null]);
  assert.match(row?.reason ?? '', /asked by phone; later/);
});

test('who ended an entry, and why, stays with what it was', async (context) => {
  const store = await fresh(context);
  await suppress(store, [entry('a@x.example'), entry('a@x.example', { scope: TENANT }), entry('b@x.example')]);
  const by = { actor: 'berta', reason: 'asked again' };
  const gone = await unsuppress(store, { keys: [envelopeKey('A@x.example')], scope: TENANT }, by);
  assert.deepEqual(gone, [{ recipient: 'a@x.example', scope: 'tenant', target: 'shop' }]);
  assert.equal((await suppressionsOf(store, ['a@x.example'], MAIL)).size, 1, 'the global entry stands');
  assert.equal((await unsuppress(store, { keys: [envelopeKey('a@x.example')], scope: null }, by)).length, 1);
  assert.equal((await suppressionsOf(store, ['a@x.example', 'b@x.example'], MAIL)).size, 1);
  const story = await suppressionHistory(store, [envelopeKey('a@x.example')]);
  assert.deepEqual(
    story.map((one) => [one.scope, one.actor, one.endedBy, one.endReason]),
    [
      ['tenant', 'anna', 'berta', 'asked again'],
      ['global', 'anna', 'berta', 'asked again'],
    ],
  );
});

test('provisional entries end by themselves, or stay when a person confirms them', async (context) => {
  const store = await fresh(context);
  const later = Date.now() + 60_000;
  await suppress(
    store,
    ['a', 'b', 'c'].map((name) => entry(`${name}@x.example`, { until: later })),
  );
  const by = { actor: 'anna', reason: 'they are dead' };
  assert.equal(await confirmSuppressions(store, [envelopeKey('a@x.example')], by), 1);
  assert.equal(await expireSuppressions(store), 0);
  await store.query(`update suppressions set until = now() - interval '1 s' where recipient = 'b@x.example'`);
  assert.equal(await expireSuppressions(store), 1);
  assert.equal((await suppressionHistory(store, [envelopeKey('b@x.example')]))[0]?.endedBy, 'expiry');
  const left = await suppressionPage(store, { provisional: true }, 0, 10);
  assert.deepEqual(
    left.map((row) => row.recipient),
    ['c@x.example'],
  );
  assert.equal((await unsuppress(store, { keys: null, scope: null }, by)).length, 1, 'all that are provisional');
  assert.deepEqual(
    (await suppressionPage(store, {}, 0, 10)).map((row) => row.recipient),
    ['a@x.example'],
  );
});
