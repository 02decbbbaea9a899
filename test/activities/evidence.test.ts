import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type { ActivityDeps } from '../../activities/deps.ts';
import { gatherEvidence } from '../../activities/evidence.ts';
import type { Metric } from '../../policy/defaults.ts';
import { lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import { insertProbe, setPlacement } from '../../store/probes.ts';
import { startDatabase } from './database.ts';
import { BLOCKED, commit, outcome } from './feeder.ts';

const db = await startDatabase();
after(() => db.remove());
const { store } = db;

const ADDRESS = '198.51.100.8';
const HOUR = 3_600_000;
const NOW = Date.UTC(2030, 0, 7, 12);
const calendar = {
  kind: 'civil',
  zone: 'UTC',
  sendDays: [1, 2, 3, 4, 5, 6, 7],
  sendHours: { from: 0, to: 24 },
} as const;
const seed = { provider: 'google', address: 'seed@gmail.com' } as ActivityDeps['seeds'][number];
const deps: ActivityDeps = {
  store,
  seeds: [seed],
  placement: { minCeiling: 500, share: 0.01, minObserved: 3, collapse: 0.5, everyWindows: 1, seeds: 5 },
  complaintFeeds: ['yahoo'],
  now: () => NOW,
  log: () => {},
};

beforeEach(async () => {
  await db.clear();
  await upsertPool(store, { name: 'marketing', overflow: 'wait', calendar });
  await upsertAddress(
    store,
    { address: ADDRESS, pool: 'marketing', node: 'n', ehloName: 'a.example' },
    ['google', 'yahoo'].map((provider) => ({ provider, phase: 'warm' as const, ceiling: 500, normal: 500 })),
  );
  await store.query(`update lanes set evidence_since = '2029-01-01'`);
});

async function gathered() {
  const lanes = await lanesOf(store, ADDRESS);
  const all = await gatherEvidence(deps, store, ADDRESS, lanes, calendar, 100, NOW, []);
  return (provider: string, metric: Metric, span: 'week' | 'recent' = 'week') =>
    all.get(provider)?.[span].find((one) => one.metric === metric);
}

async function probed(results: readonly ('inbox' | 'spam' | 'unobserved')[]) {
  for (const [n, result] of results.entries()) {
    await insertProbe(store, {
      address: ADDRESS,
      provider: 'google',
      window: 100,
      seed: seed.address,
      messageId: `<${n}>`,
      recipient: n,
    });
    await store.query(`update probes set sent_at = $1`, [new Date(NOW)]);
    await setPlacement(store, n + 1, result, null);
  }
}

test('a lane that sent nothing has its metrics with no trials, never none', async () => {
  const of = await gathered();
  for (const metric of ['deferral', 'block', 'hard-bounce'] as const) {
    const one = of('google', metric);
    assert.deepEqual([one?.feed, one?.trials, one?.events], ['ok', 0, 0]);
  }
});

test('complaints count where a feedback loop is enrolled, and are not configured elsewhere', async () => {
  const of = await gathered();
  assert.equal(of('yahoo', 'complaint')?.feed, 'ok');
  assert.equal(of('google', 'complaint')?.feed, 'none');
});

test('the week decides about advancing, the last 24 hours about stopping', async () => {
  const at = (hours: number) => ({ address: ADDRESS, provider: 'google', at: NOW - hours * HOUR });
  await commit(store, [outcome({ ...at(30), ...BLOCKED }), outcome(at(5)), outcome({ ...at(8 * 24), ...BLOCKED })]);
  const of = await gathered();
  assert.deepEqual([of('google', 'block')?.trials, of('google', 'block')?.events], [2, 1]);
  assert.deepEqual([of('google', 'block', 'recent')?.trials, of('google', 'block', 'recent')?.events], [1, 0]);
  assert.equal(of('google', 'block')?.from, NOW - 7 * 24 * HOUR);
});

test('placement needs seeds and volume; seeds nobody could read are stale, not bad', async () => {
  assert.equal((await gathered())('yahoo', 'placement')?.feed, 'none', 'no seeds there');
  await probed(['unobserved', 'unobserved']);
  const blind = (await gathered())('google', 'placement');
  assert.deepEqual([blind?.feed, blind?.trials, blind?.events], ['stale', 0, 0]);
  await store.query('truncate probes restart identity');
  await probed(['inbox', 'spam', 'unobserved']);
  const seen = (await gathered())('google', 'placement');
  assert.deepEqual([seen?.feed, seen?.trials, seen?.events], ['ok', 2, 1]);
  await store.query('update lanes set ceiling = 499');
  assert.equal((await gathered())('google', 'placement')?.feed, 'none', 'below 500 a day');
});

test('a complaint feed that went silent is stale, for every address at that provider', async () => {
  const sent = async (at: number, deliveries: number, reports: number) => {
    await store.query(
      `insert into rollups (address, provider, campaign, bucket, delivered, attempts) values ($1, 'yahoo', 'news', $2, $3, $3)`,
      ['198.51.100.77', new Date(at), deliveries],
    );
    for (let n = 0; n < reports; n++) {
      await store.query(
        `insert into complaints (recipient, provider, sent_at, campaign, tenant, at, detail)
         values ($1, 'yahoo', $2, 'news', 'acme', $2, '{}')`,
        [deliveries + n, new Date(at)],
      );
    }
  };
  const DAY = 24 * HOUR;
  await sent(NOW - 40 * DAY, 50_000, 50);
  await sent(NOW - 5 * DAY, 10_000, 10);
  assert.equal((await gathered())('yahoo', 'complaint')?.feed, 'ok', 'silent, but nothing was sent since');
  await sent(NOW - 4 * DAY, 7_999, 0);
  assert.equal((await gathered())('yahoo', 'complaint')?.feed, 'ok');
  await sent(NOW - 3 * DAY, 1, 0);
  assert.equal((await gathered())('yahoo', 'complaint')?.feed, 'stale', 'eight reports were due');
  await sent(NOW - HOUR, 2, 1);
  assert.equal((await gathered())('yahoo', 'complaint')?.feed, 'ok', 'it speaks again');
});
