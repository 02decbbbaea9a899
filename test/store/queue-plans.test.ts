/** The queue's statements read it by its indexes and in their order, whatever a planner thinks of its size. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SESSION } from '../../mta/start.ts';
import { claim, START, unclaim } from '../../store/claims.ts';
import { createStore, type Queryable } from '../../store/connect.ts';
import { commitOutcomes } from '../../store/queue.ts';
import { spool } from '../../store/spool.ts';
import { startDatabases } from '../mta/databases.ts';

const databases = await startDatabases();
after(() => databases.stop());
const store = createStore(await databases.create(), { max: 1, settings: SESSION });
after(() => store.end());

const TENANTS = ['acme', 'globex', 'initech', 'umbrella'];
for (const tenant of TENANTS) {
  const recipients = Array.from({ length: 5_000 }, (_, n) => ({
    rcpt: `${n}@provider.example`,
    domain: 'provider.example',
    provider: 'other',
  }));
  const kind = { stream: 'marketing', segment: 'all', campaign: 'spring', expires: Date.now() + 3_600_000 } as const;
  const content = { raw: Buffer.from('Subject: a\r\n\r\nb\r\n'), messageId: `<${tenant}@shop.example>` };
  await spool(store, [{ ...content, ...kind, mailFrom: 'a@shop.example', pool: 'marketing', tenant, recipients }]);
}
await store.query('analyze queue');

/** What PostgreSQL does for a statement of a prepared kind, a node a line. */
async function planOf(run: (db: Queryable) => Promise<unknown>): Promise<string[]> {
  let text = '';
  const asked = (query: string | { text: string }) => {
    text = typeof query === 'string' ? query : query.text;
    return Promise.resolve({ rows: [], rowCount: 0 });
  };
  await run({ query: asked } as unknown as Queryable);
  const { rows } = await store.query(`explain (generic_plan) ${text}`);
  return rows.map((row) => row['QUERY PLAN'] as string);
}

const nobody = { campaigns: [], tenants: [], domains: [], streams: [], pools: [] };
const flows = TENANTS.map((tenant) => ({ stream: 'marketing', tenant, most: 10, after: START }));
const lanes = ['127.31.1.1', '127.31.1.2'].map((address) => ({
  ...{ address, kept: 5, cold: false, segments: null },
  after: { transactional: START, marketing: START },
}));

test('a claim walks the ready mail of a flow in its order, and the kept mail of a lane', async () => {
  const plan = await planOf((db) =>
    claim(db, {
      ...{ process: 'p1', pool: 'marketing', provider: 'other', lanes },
      cold: { most: 5, flows, segments: ['engaged-30d'], held: nobody },
      warm: { most: 5, flows, held: nobody, leave: [] },
    }),
  );
  const scans = plan.filter((line) => /Scan.* on queue|Scan.*queue_/.test(line));
  assert.equal(scans.filter((line) => /Index (Only )?Scan using queue_ready/.test(line)).length, 2, scans.join('\n'));
  assert.equal(scans.filter((line) => /Index Scan using queue_kept/.test(line)).length, 1);
  assert.deepEqual(
    scans.filter((line) => !/Index (Only )?Scan using queue_(ready|kept|pkey)/.test(line)),
    [],
  );
  // The one sort is that of the answer: one inside would read a whole backlog for each claim.
  assert.equal(plan.filter((line) => line.includes('Sort Key')).length, 1, plan.join('\n'));
});

test('an outcome and a message handed back find their rows by id, never through the index of claims', async () => {
  const outcome = {
    ...{
      recipient: 1,
      message: 1,
      address: '127.31.1.1',
      provider: 'other',
      windowIndex: 0,
      at: Date.now(),
      number: 1,
    },
    ...{ firstAt: Date.now(), unit: true, severity: 'delivered', class: 'none', scope: 'message', rule: 'accepted' },
    ...{ reply: '250 ok', campaign: 'spring', tenant: 'acme', probe: false, retry: null },
  } as const;
  const plans = [
    await planOf((db) => commitOutcomes(db, [outcome as never], 'p1', { bucketMs: 60_000, idleMs: 1 })),
    await planOf((db) => unclaim(db, [1], 'p1', null, null)),
  ];
  for (const plan of plans) {
    const scans = plan.filter((line) => /Scan.* on queue|Scan.*queue_/.test(line));
    assert.ok(scans.length > 0);
    for (const scan of scans) assert.match(scan, /Index Scan using queue_pkey/);
  }
});
