import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityDeps } from '../../activities/deps.ts';
import { startRelay } from '../../activities/relay.ts';
import { watch } from '../../activities/watch.ts';
import { measureCohorts } from '../../store/cohorts.ts';
import { tx } from '../../store/connect.ts';
import { addNotice, applyLane, StaleRevision } from '../../store/decisions.ts';
import { clearHolds, holdsSince, liveHolds, openIncident } from '../../store/holds.ts';
import { lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import type { Outcome } from '../../store/queue.ts';
import { startDatabase } from './database.ts';
import { BLOCKED, commit, DEAD, outcome } from './feeder.ts';

const db = await startDatabase();
after(() => db.remove());
const { store } = db;

const ADDRESS = '198.51.100.8';
const DAY = 24_000;
const deps: ActivityDeps = {
  store,
  seeds: [],
  placement: { minCeiling: 500, share: 0.01, minObserved: 3, collapse: 0.5, everyWindows: 1, seeds: 5 },
  complaintFeeds: [],
  now: () => Date.now(),
  log: () => {},
};

beforeEach(async () => {
  await db.clear();
  const calendar = { kind: 'compressed', epoch: Date.now() - 10 * DAY, dayLength: DAY } as const;
  await upsertPool(store, { name: 'marketing', overflow: 'wait', calendar });
  await upsertAddress(
    store,
    { address: ADDRESS, pool: 'marketing', node: 'n', ehloName: 'a.example' },
    ['google', 'yahoo'].map((provider) => ({ provider, phase: 'warm' as const, ceiling: 100, normal: 100 })),
  );
  await store.query('update lanes set evidence_since = $1', [new Date(Date.now() - 9 * DAY)]);
});

async function waitFor(check: () => boolean) {
  while (!check()) await sleep(20);
}

/** Some looks of the watch; returns how often it beat. */
async function looks(): Promise<number> {
  let beats = 0;
  const cancel = new AbortController();
  const running = watch(deps, () => ++beats, cancel.signal);
  // A watch that fails ends without a beat: its error is what the test should say.
  await Promise.race([running, waitFor(() => beats >= 2)]);
  cancel.abort();
  await running;
  return beats;
}

const mail = (count: number, over: Partial<Outcome> = {}) =>
  commit(
    store,
    Array.from({ length: count }, () => outcome({ address: ADDRESS, provider: 'google', at: Date.now(), ...over })),
  );

const incidents = async () =>
  (await store.query('select scope, target, cause, host(address) as address, provider from incidents order by id'))
    .rows;

test('reputation answers within the hour place one hold and one incident, however often it looks', async () => {
  await mail(20);
  await mail(3, { ...BLOCKED, severity: 'deferred' });
  assert.ok((await looks()) >= 2);
  const holds = await liveHolds(store);
  assert.deepEqual(
    holds.map((hold) => [hold.scope, hold.target, hold.reach, hold.cause]),
    [['lane', `${ADDRESS} google`, 'all', 'gate:reputation']],
  );
  assert.match(holds[0]?.reason ?? '', /^3 of 23 attempts/);
  assert.equal(holds[0]?.until, null, 'it stays until a decision has answered it');
  await looks();
  assert.equal((await liveHolds(store)).length, 1);
  assert.deepEqual(await incidents(), [
    { scope: 'lane', target: `${ADDRESS} google`, cause: 'gate:reputation', address: ADDRESS, provider: 'google' },
  ]);
});

test('fewer answers, a smaller share, or answers from before the last retreat stop nothing', async () => {
  const slowed = { ...BLOCKED, severity: 'deferred' } as const;
  await mail(2, slowed);
  await mail(100, { provider: 'yahoo' });
  await mail(4, { ...slowed, provider: 'yahoo' });
  await looks();
  assert.deepEqual(await liveHolds(store), []);
  await mail(10, BLOCKED);
  await store.query('update lanes set evidence_since = $1', [new Date(Date.now() + 1_000)]);
  await looks();
  assert.deepEqual(await liveHolds(store), []);
});

test('an evaluation that read the lane before a gate crossed has to read again', async () => {
  const [read] = await lanesOf(store, ADDRESS);
  assert.ok(read);
  await mail(5, BLOCKED);
  await looks();
  const apply = { lane: read, decision: null, operationId: 'x', rampId: null, window: 1, actor: 'rampart' };
  const rest = { policyVersion: '1', at: 0, final: true, pauseReasons: [], missed: [], grants: [] };
  await assert.rejects(
    tx(store, (client) => applyLane(client, { ...apply, ...rest })),
    StaleRevision,
  );
});

test('a campaign of dead addresses is suspended on all lanes; a person who lifts it is believed', async () => {
  await mail(10, { ...DEAD, campaign: 'dead' });
  await mail(10, { campaign: 'dead', provider: 'yahoo' });
  await mail(300, { campaign: 'fine' });
  await mail(3, { ...DEAD, campaign: 'fine' });
  await looks();
  const holds = await liveHolds(store);
  assert.deepEqual(
    holds.map((hold) => [hold.scope, hold.target, hold.cause]),
    [['campaign', 'dead', 'gate:hard-bounce']],
  );
  assert.equal((await incidents())[0]?.address, null);
  await clearHolds(store, [holds[0]?.id ?? 0], { actor: 'ada', reason: 'list was cleaned' });
  await looks();
  assert.deepEqual(await liveHolds(store), []);
  await mail(20, { ...DEAD, campaign: 'dead', at: Date.now() + 1_000 });
  await looks();
  assert.equal((await liveHolds(store)).length, 1, 'new dead addresses suspend it again');
  assert.equal((await incidents()).length, 2, 'and that is an incident of its own: the first one was closed');
});

test('the relay tells until it was heard, once, and an outbox that is stuck does not stop the other', async () => {
  const incident = {
    scope: 'lane',
    target: 't',
    cause: 'gate:x',
    address: ADDRESS,
    provider: 'google',
    detail: {},
  } as const;
  await openIncident(store, incident);
  await openIncident(store, { scope: 'campaign', target: 'dead', cause: 'gate:hard-bounce', detail: {} });
  await addNotice(store, 'complete', 'a lane is warm', {});
  const heard: string[] = [];
  const notices: string[] = [];
  let failures = 2;
  const relay = startRelay(store, {
    incident: async (address, { cause }) => {
      if (failures-- > 0) throw new Error('nobody there');
      heard.push(`${address} ${cause}`);
    },
    notice: async ({ subject }) => void notices.push(subject),
    log: () => {},
  });
  while (notices.length === 0) await sleep(20);
  assert.deepEqual(heard, []);
  while (heard.length === 0) await sleep(20);
  await sleep(500);
  await relay.stop();
  assert.deepEqual(heard, [`${ADDRESS} gate:x`]);
  assert.deepEqual(notices, ['a lane is warm']);
  const { rows } = await store.query('select count(*)::int as n from incidents where relayed_at is null');
  assert.equal(rows[0].n, 0);
});

const OTHER = '203.0.113.8';
const BUSY: Partial<Outcome> = {
  severity: 'deferred',
  class: 'infrastructure',
  rule: 'test',
  reply: '451 4.3.0 try later',
};

async function otherPool() {
  const calendar = { kind: 'compressed', epoch: Date.now() - 10 * DAY, dayLength: DAY } as const;
  await upsertPool(store, { name: 'receipts', overflow: 'wait', calendar });
  await upsertAddress(store, { address: OTHER, pool: 'receipts', node: 'n', ehloName: 'b.example' }, [
    { provider: 'google', phase: 'warm', ceiling: 100, normal: 100 },
  ]);
}

test("a provider's outage holds its cold lanes with one notice, and what it answered is no lane's deferral", async () => {
  await otherPool();
  const due = { due: Date.now() + 60_000, free: false };
  await mail(10, { ...BUSY, retry: due });
  await looks();
  assert.deepEqual(await liveHolds(store), [], 'one pool alone is not the provider');
  await mail(10, { ...BUSY, retry: due });
  await mail(10, { ...BUSY, address: OTHER, retry: due });
  await looks();
  // It lasts a quarter of a plan hour, which is over by now.
  const [hold] = await holdsSince(store, Date.now() - DAY);
  assert.deepEqual(
    [hold?.scope, hold?.target, hold?.reach, hold?.cause],
    ['provider', 'google', 'cold', 'incident:provider-outage'],
  );
  assert.match(hold?.reason ?? '', /2 of 2 warm lanes met infrastructure answers at google within 15 min/);
  const notices = await store.query(`select subject from notices where kind = 'provider-incident'`);
  assert.deepEqual(
    notices.rows.map((row) => row.subject),
    ['google has an outage'],
  );
  assert.deepEqual(await incidents(), [], 'no lane is told to retreat');
  const now = Date.now() + 60_000;
  const windows = [{ index: 0, start: now - 9 * DAY, end: now }];
  const query = { address: ADDRESS, windows, now, deferralAfterMs: 1_000 };
  const measured = (incidentMs: number) => measureCohorts(store, { ...query, incidentMs });
  assert.deepEqual(await measured(60_000), [], 'those trials do not count');
  await store.query("update holds set since = since + interval '1 hour'");
  const counted = (await measured(1_000)).filter((row) => row.metric === 'deferral');
  assert.equal(
    counted.reduce((sum, row) => sum + row.events, 0),
    20,
    'outside of it they do',
  );
});

test('a lane that meets reputation answers, or a provider that is slow for few, is no outage', async () => {
  await otherPool();
  const due = { due: Date.now() + 60_000, free: false };
  const blamed = { severity: 'deferred', class: 'throttle', retry: due } as const;
  await mail(10, blamed);
  await mail(10, { ...blamed, address: OTHER });
  await mail(6, { ...BUSY, provider: 'yahoo', retry: due });
  await looks();
  assert.deepEqual(
    (await liveHolds(store)).filter((one) => one.scope === 'provider'),
    [],
  );
});
