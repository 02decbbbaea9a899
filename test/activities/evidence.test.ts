import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type { ActivityDeps } from '../../activities/deps.ts';
import { complaintFeeds, gatherEvidence } from '../../activities/evidence.ts';
import { LOOK_BACK, stepGates } from '../../activities/gates.ts';
import { windowOf } from '../../policy/calendar.ts';
import type { Metric } from '../../policy/evidence.ts';
import { type GateOptions, gatesOf } from '../../policy/gates/settings.ts';
import { tx } from '../../store/connect.ts';
import { type LaneRow, lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import { insertProbe, setPlacement } from '../../store/probes.ts';
import { recordLateBounce } from '../../store/reports.ts';
import { startDatabase } from './database.ts';
import { BLOCKED, commit, DEAD, outcome } from './feeder.ts';

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

/** One look at the lanes, stored as the evaluation stores it. */
async function gathered(over: { now?: number; suspended?: string[]; keep?: boolean; gates?: GateOptions } = {}) {
  const { now = NOW, suspended = [], keep = true } = over;
  const settings = (lane: LaneRow) => gatesOf(over.gates, lane.provider);
  const window = windowOf(now, calendar).index;
  const all = await tx(store, async (client) => {
    const lanes = await lanesOf(client, ADDRESS);
    const feeds = await complaintFeeds(deps, client, lanes, calendar, now);
    const about = { address: ADDRESS, lanes, calendar, now, feeds };
    const gates = await stepGates(client, {
      ...{ ...about, suspended, windows: LOOK_BACK + 1 },
      levels: gatesOf(over.gates).levels,
      levelsOf: (lane) => settings(lane).levels,
    });
    const evidence = await gatherEvidence(deps, client, gates, { ...about, window, settings });
    if (keep) await gates.save();
    return evidence;
  });
  return (provider: string, metric: Metric) => {
    const found = all.get(provider)?.find((one) => one.metric === metric);
    assert.ok(found);
    return found;
  };
}

async function probed(results: readonly ('inbox' | 'spam' | 'unobserved')[]) {
  for (const [n, result] of results.entries()) {
    await insertProbe(store, {
      address: ADDRESS,
      provider: 'google',
      window: windowOf(NOW, calendar).index,
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
  for (const metric of ['deferral', 'block', 'hard-bounce', 'delivery'] as const) {
    const one = of('google', metric);
    assert.deepEqual([one?.feed, one?.trials, one?.events], ['ok', 0, 0]);
  }
});

test('complaints count where a feedback loop is enrolled, and are not configured elsewhere', async () => {
  const of = await gathered();
  assert.equal(of('yahoo', 'complaint')?.feed, 'ok');
  assert.equal(of('google', 'complaint')?.feed, 'none');
});

const at = (hours: number) => ({ address: ADDRESS, provider: 'google', at: NOW - hours * HOUR });

test('what was sent in the last week counts, and each message once however often it is looked at', async () => {
  await commit(store, [outcome({ ...at(30), ...BLOCKED }), outcome(at(5)), outcome({ ...at(10 * 24), ...BLOCKED })]);
  for (let look = 0; look < 3; look++) {
    const block = (await gathered({ now: NOW + look * HOUR }))('google', 'block');
    assert.deepEqual([block.trials, block.events], [2, 1]);
    assert.equal(block.from, Date.UTC(2030, 0, 6), 'the first day that is counted');
  }
});

test('each metric looks back as far as its gate says, at each provider', async () => {
  const gates: GateOptions = {
    metrics: { block: { lookbackDays: 2 }, placement: { lookbackDays: 1 } },
    providers: { yahoo: { metrics: { block: { lookbackDays: 1 } } } },
  };
  const each = [90, 50, 30, 2].flatMap((hours) =>
    ['google', 'yahoo'].map((provider) => outcome({ ...at(hours), provider })),
  );
  await commit(store, each);
  await probed(['inbox', 'spam']);
  await store.query('update probes set window_index = window_index - 3');
  const of = await gathered({ gates });
  const trials = (provider: string, metric: Metric) => of(provider, metric).trials;
  assert.deepEqual([trials('google', 'block'), trials('yahoo', 'block'), trials('google', 'deferral')], [2, 1, 4]);
  assert.equal(of('yahoo', 'block').from, Date.UTC(2030, 0, 7));
  assert.equal(trials('google', 'placement'), 0);
  assert.equal((await gathered())('google', 'placement').trials, 2, 'as shipped: a week');
  assert.equal(
    (await gathered({ gates: { metrics: { block: { lookbackDays: 28 } } } }))('google', 'block').trials,
    2,
    'forgotten is forgotten',
  );
});

test("a metric's own lag is its lane's, and its address has that of all", async () => {
  const mail = (provider: string) => Array.from({ length: 100 }, () => outcome({ ...at(12), provider }));
  await commit(store, [...mail('google'), ...mail('yahoo')]);
  const gates: GateOptions = { providers: { yahoo: { metrics: { 'hard-bounce': { lagHours: 24 } } } } };
  const of = await gathered({ gates });
  assert.equal(of('google', 'hard-bounce').trials, 100);
  const late = of('yahoo', 'hard-bounce');
  assert.ok(late.trials > 10 && late.trials < 60, `${late.trials}`);
  assert.ok(Math.abs(late.trials + late.awaiting - 100) < 0.1);
  const { rows } = await store.query(`select state from gate_states where provider = '' and metric = 'hard-bounce'`);
  assert.deepEqual(
    rows[0].state.days.map((day: number[]) => day.slice(2)),
    [[200, 0]],
    'nothing waits there',
  );
});

test('a look that is undone leaves nothing: the next one counts the same', async () => {
  await commit(store, [outcome({ ...at(3), ...BLOCKED }), outcome(at(3))]);
  const undone = (await gathered({ keep: false }))('google', 'block');
  const kept = (await gathered())('google', 'block');
  assert.deepEqual(kept, undone);
  assert.ok((kept.sums?.lane ?? 0) > 1);
});

test('a late event joins the cohort of the day its message was sent, and no newer one', async () => {
  const mail = Array.from({ length: 50 }, () => outcome({ ...at(50), campaign: 'spring' }));
  await commit(store, mail);
  await gathered();
  for (const one of mail.slice(0, 5)) {
    const bounce = { severity: 'hard' as const, class: 'recipient', reply: '550 5.1.1', detail: {} };
    await recordLateBounce(store, one.recipient, bounce);
  }
  const bounced = (await gathered({ now: NOW + HOUR }))('google', 'hard-bounce');
  assert.deepEqual([bounced.trials, bounced.events], [50, 5]);
  const { rows } = await store.query(
    `select day, trials, events from gate_counted where metric = 'hard-bounce' and trials > 0`,
  );
  assert.deepEqual(rows, [{ day: windowOf(NOW - 50 * HOUR, calendar).index, trials: 50, events: 5 }]);
});

test('complaints mature with their lag, and an hour of time is passed for once', async () => {
  await commit(
    store,
    Array.from({ length: 100 }, () => outcome({ ...at(0), provider: 'yahoo' })),
  );
  const young = (await gathered())('yahoo', 'complaint');
  assert.ok(young.trials < 25 && Math.abs(young.trials + young.awaiting - 100) < 0.1, `${young.trials}`);
  const later = async (hours: number) => (await gathered({ now: NOW + hours * HOUR }))('yahoo', 'complaint').trials;
  const [once, again, day] = [await later(1), await later(1), await later(25)];
  assert.ok(Math.abs(once - again) < 0.1);
  assert.ok(once > young.trials && day > 60 && day < 75, `${once}, ${day}`);
});

test("a suspended campaign's bounces are its own, from before it was suspended too; its blocks stay the lane's", async () => {
  const sent = (count: number, over: object) => Array.from({ length: count }, () => outcome({ ...at(3), ...over }));
  await commit(store, [
    ...sent(40, { ...DEAD, campaign: 'dead' }),
    ...sent(200, { campaign: 'fine' }),
    ...sent(9, { ...BLOCKED, campaign: 'dead' }),
  ]);
  const before = (await gathered())('google', 'hard-bounce');
  assert.equal(before.sums?.blames, 'dead');
  assert.ok((before.sums?.lane ?? 0) > 5.5);
  await commit(store, sent(10, { ...DEAD, campaign: 'dead' }));
  const after = await gathered({ suspended: ['dead'] });
  const bounces = after('google', 'hard-bounce');
  assert.deepEqual([bounces.trials, bounces.events, bounces.sums?.lane], [200, 0, 0]);
  assert.equal(after('google', 'block').events, 9);
  const lifted = (await gathered({ now: NOW + HOUR }))('google', 'hard-bounce');
  assert.equal(lifted.events, 0, 'a person who lifted it has seen these');
});

test('a retreat empties the sums and the week; what was sent before it never comes back', async () => {
  const mail = Array.from({ length: 20 }, () => outcome({ ...at(3), ...BLOCKED }));
  await commit(store, [...mail, outcome(at(3))]);
  assert.ok(((await gathered())('google', 'block').sums?.lane ?? 0) > 5.5);
  await store.query(`update lanes set evidence_since = $1 where provider = 'google'`, [new Date(NOW - HOUR)]);
  const emptied = (await gathered())('google', 'block');
  assert.deepEqual([emptied.trials, emptied.events, emptied.sums?.lane], [0, 0, 0]);
  await commit(store, [outcome(at(0.5))]);
  const anew = (await gathered())('google', 'block');
  assert.deepEqual([anew.trials, anew.events], [1, 0]);
});

test('the sum over an address sees what is too little on each lane', async () => {
  const mail = ['google', 'yahoo'].flatMap((provider) =>
    Array.from({ length: 60 }, (_, n) => outcome({ ...at(3), provider, ...(n < 3 ? BLOCKED : {}) })),
  );
  await commit(store, mail);
  const sums = (await gathered())('google', 'block').sums;
  assert.ok((sums?.lane ?? 9) < 5.5 && (sums?.address ?? 0) > (sums?.lane ?? 0), JSON.stringify(sums));
});

test('placement needs seeds and volume; seeds nobody could read are stale, not bad', async () => {
  assert.equal((await gathered())('yahoo', 'placement')?.feed, 'none', 'no seeds there');
  await probed(['unobserved', 'unobserved']);
  const blind = (await gathered())('google', 'placement');
  assert.deepEqual([blind.feed, blind.trials, blind.events, blind.brokenHours], ['stale', 0, 0, 0]);
  await store.query('truncate probes restart identity');
  await probed(['inbox', 'unobserved', 'spam']);
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
  const silent = (await gathered())('yahoo', 'complaint');
  assert.deepEqual(
    [silent.feed, silent.brokenHours],
    ['stale', 48],
    'eight reports were due; beyond three days it counts',
  );
  await sent(NOW - HOUR, 2, 1);
  assert.equal((await gathered())('yahoo', 'complaint')?.feed, 'ok', 'it speaks again');
});
