import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type { Counted } from '../../policy/gates/levels.ts';
import { type CohortCount, measureCohorts } from '../../store/cohorts.ts';
import { tx } from '../../store/connect.ts';
import { upsertAddress, upsertPool } from '../../store/lanes.ts';
import { campaignBounces, campaignRollups, measurePlacement, recentRollups, unitsUsed } from '../../store/measures.ts';
import { insertProbe, setPlacement } from '../../store/probes.ts';
import type { Outcome } from '../../store/queue.ts';
import { recordComplaint, recordLateBounce } from '../../store/reports.ts';
import { startDatabase } from './database.ts';
import { BLOCKED, commit, DEAD, outcome } from './feeder.ts';

const db = await startDatabase();
after(() => db.remove());

const ADDRESS = '198.51.100.8';
const OTHER = '198.51.100.9';
const HOUR = 3_600_000;
const NOW = Date.UTC(2030, 0, 7, 12);
const LANES = ['google', 'yahoo'].map((provider) => ({ provider, phase: 'warm' as const, ceiling: 10, normal: 10 }));

beforeEach(async () => {
  await db.clear();
  await upsertPool(db.store, {
    name: 'marketing',
    overflow: 'wait',
    calendar: { kind: 'compressed', epoch: 0, dayLength: 24 * HOUR },
  });
  for (const address of [ADDRESS, OTHER]) {
    await upsertAddress(db.store, { address, pool: 'marketing', node: 'n', ehloName: 'a.example' }, LANES);
  }
  await db.store.query(`update lanes set evidence_since = '2029-01-01'`);
});

/** A message of google's lane, first attempted `hoursAgo`. */
const mail = (hoursAgo: number, over: Partial<Outcome> = {}): Outcome =>
  outcome({ address: ADDRESS, provider: 'google', at: NOW - hoursAgo * HOUR, ...over });

/** The next attempt of a message. */
const again = (first: Outcome, hoursLater: number, over: Partial<Outcome>): Outcome => ({
  ...first,
  severity: 'delivered',
  class: 'delivered',
  ...over,
  at: first.at + hoursLater * HOUR,
  firstAt: first.firstAt,
  number: first.number + 1,
});

const deferred = { severity: 'deferred', class: 'throttle', retry: { due: NOW, free: false } } as const;
const greylisted = { ...deferred, class: 'greylist' } as const;

/** Totals of google's lane over the cohorts of some days, and the cohorts. */
async function measured(outcomes: Outcome[], days = 7) {
  await commit(db.store, outcomes);
  const DAY = 24 * HOUR;
  const windows = Array.from({ length: days }, (_, n) => ({
    index: n,
    start: NOW - (days - n) * DAY,
    end: NOW - (days - n - 1) * DAY + (n === days - 1 ? 1 : 0),
  }));
  const all = await measureCohorts(db.store, {
    ...{ address: ADDRESS, windows, now: NOW, deferralAfterMs: 4 * HOUR, incidentMs: 900_000 },
  });
  const cohorts = all.filter((row) => row.provider === 'google');
  const sum = (metric: Counted, of: (row: CohortCount) => number) =>
    cohorts.filter((row) => row.metric === metric).reduce((total, row) => total + of(row), 0);
  const of = (metric: Counted) => [sum(metric, (row) => row.trials), sum(metric, (row) => row.events)];
  return { of, undecided: sum('deferral', (row) => row.undecided), cohorts };
}

test('a deferral is a message that was deferred and not delivered 4 hours after its first attempt', async () => {
  const slow = mail(10, deferred);
  const quick = mail(10, deferred);
  const never = mail(10, deferred);
  const young = mail(2, deferred);
  const m = await measured([slow, again(slow, 5, {}), quick, again(quick, 3, {}), never, young, mail(2), mail(10)]);
  assert.deepEqual(m.of('block'), [6, 0]);
  assert.deepEqual(m.of('deferral'), [5, 2], 'of all that are decided: slow and never');
  assert.equal(m.undecided, 1, 'young');
});

test('greylisting is no deferral, and the retry that meets something else is', async () => {
  const grey = mail(10, greylisted);
  const both = mail(10, greylisted);
  const m = await measured([grey, again(grey, 5, {}), both, again(both, 1, deferred)]);
  assert.deepEqual(m.of('deferral'), [2, 1]);
});

test('a hard bounce is a bounce trial and no deferral trial; a block is both a message and a bounce trial', async () => {
  const m = await measured([
    mail(10, DEAD),
    mail(10, { ...DEAD, campaign: 'other' }),
    mail(10, BLOCKED),
    mail(10, { severity: 'soft', class: 'mailbox-full' }),
    mail(10),
  ]);
  assert.deepEqual(m.of('hard-bounce'), [5, 2]);
  assert.deepEqual(m.of('block'), [5, 1]);
  assert.deepEqual(m.of('delivery'), [5, 1], 'what failed for neither');
  assert.deepEqual(m.of('deferral'), [3, 0]);
  const bounces = m.cohorts.filter((row) => row.metric === 'hard-bounce' && row.events > 0);
  assert.deepEqual(bounces.map((row) => row.campaign).sort(), ['news', 'other']);
});

test('one message is one trial however often it was tried; in-doubt and probes are none', async () => {
  const first = mail(10, deferred);
  const m = await measured([
    first,
    again(first, 1, deferred),
    again(again(first, 1, deferred), 1, {}),
    mail(10, { severity: 'in-doubt' }),
    mail(10, { probe: true, campaign: 'probe' }),
    mail(10, { unit: false, severity: 'deferred' }),
  ]);
  assert.deepEqual(m.of('block'), [1, 0]);
});

test('what expired after it was tried on the lane was not delivered', async () => {
  const first = mail(30, deferred);
  await commit(db.store, [first, mail(30)]);
  // As the queue writes it when a message's time is over (store/queue.ts).
  await db.store.query(
    `insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope, rule,
       reply, final, campaign, tenant, process)
     values ($1, $1, $2, 'google', $3, 2, $4, false, 'expired', 'infrastructure', 'message', 'expired', '', true, 'news', 'acme', 'p')`,
    [first.recipient, ADDRESS, new Date(NOW - HOUR), new Date(first.at)],
  );
  const m = await measured([]);
  assert.deepEqual(m.of('delivery'), [2, 1]);
  assert.deepEqual(m.of('deferral'), [2, 1]);
});

test('a complaint counts once, and only about a message that was delivered', async () => {
  const fresh = mail(0);
  const m = await measured([fresh, mail(24), mail(24)]);
  assert.deepEqual(m.of('complaint'), [3, 0]);
  assert.equal(await recordComplaint(db.store, fresh.recipient, {}), 'recorded');
  assert.equal(await recordComplaint(db.store, fresh.recipient, {}), 'known');
  assert.equal(await recordComplaint(db.store, 999_999, {}), 'no-such-delivery');
  assert.deepEqual((await measured([])).of('complaint'), [3, 1]);
});

test('a hard bounce after 250 counts as one where its message was sent, and is nobody who could complain', async () => {
  const old = mail(6 * 24);
  const soft = mail(10);
  const fine = mail(10);
  await measured([old, soft, fine, mail(9, DEAD)]);
  const bounce = (severity: 'hard' | 'soft') => ({ severity, class: 'recipient', reply: '550 5.1.1', detail: {} });
  assert.equal(await recordLateBounce(db.store, old.recipient, bounce('soft')), 'recorded');
  assert.equal(await recordLateBounce(db.store, old.recipient, bounce('hard')), 'recorded', 'a hard one says more');
  assert.equal(await recordLateBounce(db.store, old.recipient, bounce('soft')), 'known');
  assert.equal(await recordLateBounce(db.store, soft.recipient, bounce('soft')), 'recorded');
  assert.equal(await recordLateBounce(db.store, 999_999, bounce('hard')), 'no-such-delivery');
  const week = await measured([]);
  assert.deepEqual(week.of('hard-bounce'), [4, 2]);
  assert.deepEqual(week.of('complaint'), [2, 0], 'soft and fine');
  const today = await measured([], 1);
  assert.deepEqual(today.of('hard-bounce'), [3, 1], 'it was sent six days ago');
  const { rows } = await db.store.query('select recipient, window_index, severity from late_bounces order by 1');
  assert.deepEqual(rows[0], { recipient: old.recipient, window_index: old.windowIndex, severity: 'hard' });
});

test('a late answer belongs to the time its message was first sent, not to today', async () => {
  const early = mail(30, deferred);
  const m = await measured([early, again(early, 29, {}), mail(1)], 1);
  assert.deepEqual(m.of('block'), [1, 0]);
});

test('what was first sent before the last retreat does not count, also when its answer comes after', async () => {
  await db.store.query(`update lanes set evidence_since = $1 where provider = 'google'`, [new Date(NOW - 5 * HOUR)]);
  const before = mail(6, deferred);
  const m = await measured([before, again(before, 3, BLOCKED), mail(4)]);
  assert.deepEqual(m.of('block'), [1, 0]);
});

test('answers to the address are cohorts of six hours; mail is cohorts of a campaign and a day, or six hours without one', async () => {
  const m = await measured(
    [
      mail(1, { campaign: 'a' }),
      mail(2, { campaign: 'a' }),
      mail(13, { campaign: 'a' }),
      mail(13, { campaign: 'b' }),
      mail(1, { campaign: '' }),
      mail(13, { campaign: '' }),
    ],
    1,
  );
  const cohorts = (metric: Counted) =>
    m.cohorts
      .filter((row) => row.metric === metric)
      .map((row) => `${row.campaign}/${row.part}: ${row.trials}`)
      .sort();
  assert.deepEqual(cohorts('block'), ['/1: 3', '/3: 3']);
  assert.deepEqual(cohorts('hard-bounce'), ['/1: 1', '/3: 1', 'a/0: 3', 'b/0: 1']);
});

test('another address, another lane and the future are not counted', async () => {
  const m = await measured([mail(3), mail(3, { address: OTHER }), mail(3, { provider: 'yahoo' }), mail(-1)]);
  assert.deepEqual(m.of('block'), [1, 0]);
});

test('units are counted by the window they were charged to, by lane', async () => {
  for (const [window, starts] of [
    [7, 6],
    [8, 30],
  ] as const) {
    for (const provider of ['google', 'yahoo']) {
      await db.store.query(
        `insert into grants (address, provider, window_index, starts, ends, send_from, send_to, units, peak_units,
           plan_units, revision, origin, hours)
         values ($1, $2, $3, $4, $5, $4, $5, 10, 10, 10, 1, 'decided', array_fill(0, array[25]))`,
        [ADDRESS, provider, window, new Date(NOW - starts * HOUR - 8 * HOUR), new Date(NOW)],
      );
    }
  }
  await commit(db.store, [
    mail(3, { windowIndex: 7 }),
    mail(2, { windowIndex: 7, ...DEAD }),
    mail(1, { windowIndex: 7, unit: false }),
    mail(1, { windowIndex: 7, provider: 'yahoo', probe: true }),
    mail(20, { windowIndex: 8 }),
    mail(1, { windowIndex: 7, address: OTHER }),
  ]);
  assert.deepEqual(Object.fromEntries(await unitsUsed(db.store, ADDRESS, 7)), { google: 2, yahoo: 1 });
});

test('rollups: reputation answers and blocks by lane since its retreat, bounces by campaign over the pool', async () => {
  await commit(db.store, [
    mail(0.5, BLOCKED),
    mail(0.5, { ...deferred, class: 'reputation' }),
    mail(0.5, { campaign: 'dead', ...DEAD }),
    mail(0.5, { campaign: 'dead', address: OTHER, ...DEAD }),
    mail(3, BLOCKED),
  ]);
  const [lane] = (await recentRollups(db.store, 'marketing', NOW - HOUR)).filter((row) => row.address === ADDRESS);
  assert.deepEqual(
    { ...lane },
    { address: ADDRESS, provider: 'google', attempts: 3, reputation: 2, blocked: 1, revision: 0 },
  );
  assert.deepEqual(
    (await campaignRollups(db.store, 'marketing', NOW - HOUR)).map((row) => ({ ...row })),
    [{ campaign: 'dead', attempts: 2, bounces: 2 }],
  );
  const carried = await campaignBounces(db.store, ADDRESS, NOW - HOUR, ['dead', 'none']);
  assert.deepEqual({ ...carried[0] }, { provider: 'google', campaign: 'dead', bounces: 1, attempts: 1 });
  await db.store.query('update lanes set evidence_since = $1', [new Date(NOW)]);
  assert.deepEqual(await recentRollups(db.store, 'marketing', NOW - HOUR), []);
  assert.deepEqual(await recentRollups(db.store, 'elsewhere', NOW - HOUR), []);
});

test('placement: spam and missing are bad, unobserved is no trial, open probes wait', async () => {
  const results = ['inbox', 'tab', 'spam', 'missing', 'unobserved', null] as const;
  for (const [n, result] of results.entries()) {
    const probe = { address: ADDRESS, provider: 'google', window: 7, seed: 's', messageId: `<${n}>`, recipient: n };
    await insertProbe(db.store, probe);
    const { rows } = await db.store.query('select id from probes where message_id = $1', [`<${n}>`]);
    if (result !== null) await setPlacement(db.store, rows[0].id, result, null);
  }
  await db.store.query(`update probes set sent_at = $1`, [new Date(NOW)]);
  const of = async (window: number) =>
    (await measurePlacement(db.store, ADDRESS, window, 3)).map((row) => ({ ...row }));
  assert.deepEqual(await of(7), [
    {
      provider: 'google',
      observed: 4,
      bad: 2,
      unobserved: 1,
      waiting: 1,
      lastObserved: 4,
      lastBad: 2,
      brokenSince: null,
      worse: 0,
      better: 0,
    },
  ]);
  assert.deepEqual(await of(8), []);
});

test('placement: where few seeds are asked, the last run is the last ones that together saw three folders', async () => {
  const runs = [
    ['spam', 'spam'],
    ['spam', 'unobserved'],
    ['inbox', 'inbox'],
    ['inbox', 'inbox'],
  ] as const;
  for (const [day, results] of runs.entries())
    for (const [n, result] of results.entries()) {
      const messageId = `<${day} ${n}>`;
      const probe = { address: ADDRESS, provider: 'google', window: 7 + day, seed: `s${n}`, messageId, recipient: n };
      await insertProbe(db.store, probe);
      const { rows } = await db.store.query('select id from probes where message_id = $1', [messageId]);
      await setPlacement(db.store, rows[0].id, result, null);
    }
  await db.store.query(`update probes set sent_at = $1`, [new Date(NOW)]);
  const last = async () => {
    const [row] = await measurePlacement(db.store, ADDRESS, 7, 3);
    return [row?.observed, row?.bad, row?.lastObserved, row?.lastBad];
  };
  assert.deepEqual(await last(), [7, 3, 4, 0]);
  await db.store.query('delete from probes where window_index = 10');
  assert.deepEqual(await last(), [5, 3, 3, 1]);
  await db.store.query('delete from probes where window_index > 7');
  assert.deepEqual(await last(), [2, 2, 2, 2], 'fewer than three: all there are');
});

test('placement: seeds are paired with what a warm address of the pool saw in the same window', async () => {
  const probe = async (address: string, seed: string, result: 'inbox' | 'spam' | 'missing', window = 7) => {
    const messageId = `<${address} ${seed} ${window}>`;
    await insertProbe(db.store, { address, provider: 'google', window, seed, messageId, recipient: 1 });
    const { rows } = await db.store.query('select id from probes where message_id = $1', [messageId]);
    await setPlacement(db.store, rows[0].id, result, null);
  };
  await db.store.query(`update lanes set phase = 'ramping' where address = $1`, [ADDRESS]);
  for (const [seed, ours, theirs] of [
    ['a', 'spam', 'inbox'],
    ['b', 'missing', 'inbox'],
    ['c', 'inbox', 'spam'],
    ['d', 'inbox', 'inbox'],
    ['e', 'spam', 'spam'],
  ] as const) {
    await probe(ADDRESS, seed, ours);
    await probe(OTHER, seed, theirs);
  }
  await probe(ADDRESS, 'a', 'spam', 8);
  await db.store.query('update probes set sent_at = $1', [new Date(NOW)]);
  const [row] = await measurePlacement(db.store, ADDRESS, 7, 3);
  assert.deepEqual([row?.worse, row?.better, row?.bad], [2, 1, 4]);
});

test('every query of an evaluation and of the watch finds its rows by index among 100,000 attempts', async () => {
  await db.store.query(
    `insert into attempts (recipient, message, address, provider, window_index, at, number, first_at, unit, severity, class,
       scope, rule, reply, final, campaign, tenant, process)
     select 1000000 + n, n, $1::inet + n % 20, (array['google', 'yahoo'])[1 + n % 2], 100 + n / 2000,
       $2::timestamptz - n * interval '40 seconds', 1, $2::timestamptz - n * interval '40 seconds', true, 'delivered', 'delivered',
       'message', 'accepted', '250', true, 'news', 'acme', 'p' from generate_series(1, 100000) n`,
    [ADDRESS, new Date(NOW)],
  );
  await db.store.query(
    `insert into rollups (address, provider, campaign, bucket, attempts)
     select $1::inet + n % 20, 'google', 'c' || n % 7, $2::timestamptz - n * interval '1 minute', 1 from generate_series(1, 60000) n`,
    [ADDRESS, new Date(NOW)],
  );
  await db.store.query(
    `insert into complaints (recipient, provider, sent_at, campaign, tenant, detail)
     select 1000000 + n * 5, 'google', now(), 'news', 'acme', '{}' from generate_series(1, 20000) n`,
  );
  await db.store.query('analyze');
  const plans: string[] = [];
  await tx(db.store, async (client) => {
    const explain: Pick<typeof client, 'query'> = {
      query: (async (sql: string, values: unknown[]) => {
        const { rows } = await client.query(`explain ${sql}`, values);
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return { rows: [] };
      }) as typeof client.query,
    };
    await measureCohorts(explain, {
      ...{ address: ADDRESS, now: NOW, deferralAfterMs: 4 * HOUR, incidentMs: 900_000 },
      windows: [{ index: 0, start: NOW - 24 * HOUR, end: NOW }],
    });
    await unitsUsed(explain, ADDRESS, 120);
    await campaignBounces(explain, ADDRESS, NOW - 24 * HOUR, ['c1']);
    await recentRollups(explain, 'marketing', NOW - HOUR);
    await campaignRollups(explain, 'marketing', NOW - 24 * HOUR);
    await measurePlacement(explain, ADDRESS, 100, 3);
  });
  assert.equal(plans.length, 6);
  for (const plan of plans) assert.doesNotMatch(plan, /Seq Scan on (attempts|rollups|complaints)/, plan);
  assert.match(plans[0] ?? '', /attempts_of_lane[\s\S]*at >= /);
});
