/** What others have a say in: webhooks, a migration, and the ramp of a cold new arm. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, beforeEach, test } from 'node:test';
import { askGate } from '../../activities/cutover/ask.ts';
import { migrate } from '../../activities/cutover/migrate.ts';
import { evaluate } from '../../activities/evaluate.ts';
import { evaluationTimes } from '../../activities/evaluation-times.ts';
import { startRamp } from '../../activities/ramps.ts';
import { windowOf } from '../../policy/calendar.ts';
import { ladderOf } from '../../policy/cutover/ladder.ts';
import { tx } from '../../store/connect.ts';
import { allGrants } from '../../store/grants.ts';
import { lanesOf } from '../../store/lanes.ts';
import { insertMigration, migrationRow } from '../../store/pool-migrations.ts';
import {
  anew,
  begin,
  calendar,
  clock,
  day,
  db,
  decisions,
  deps,
  HOUR,
  look,
  mail,
  notCompared,
  order,
  PLAN,
  points,
  prepared,
  row,
  told,
} from './cutover-world.ts';
import { commit, outcome } from './feeder.ts';

after(() => db.remove());
beforeEach(() => anew());

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function webhook(
  answer: () => number | null,
): Promise<{ url: string; asked: { gate: string; share: number; next: number }[] }> {
  const asked: { gate: string; share: number; next: number }[] = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push(JSON.parse(body));
      const status = answer();
      if (status !== null) response.writeHead(status).end('said so');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}

/** The workflow's part: asks what a look wants asked, then looks again. */
async function lookAndAsk(): Promise<void> {
  const found = await look();
  if (found?.ask == null) return;
  await askGate(deps, { front: 'marketing', ...found.ask, at: clock.now });
  clock.now += 1_000;
  await look();
}

test('a webhook’s no keeps a step for hours, and is asked again; its yes is one step’s', async () => {
  let status = 409;
  const { url, asked } = await webhook(() => status);
  await prepared({ webhooks: [{ gate: 'confirm-step', url, timeoutMs: 2_000 }] });
  await lookAndAsk();
  assert.deepEqual(
    asked.map(({ gate, share, next }) => [gate, share, next]),
    [['confirm-step', 0, 10]],
  );
  await lookAndAsk();
  assert.equal(asked.length, 1, 'a no is a no for a while');
  assert.match(JSON.stringify((await row()).outlook), /the webhook refused/);
  status = 204;
  clock.now += 7 * HOUR;
  await lookAndAsk();
  assert.equal((await told()).at(-1), 'advance > running 0');
  assert.equal(asked.length, 2);
});

test('a rollback asks where somebody wants to be asked: no holds, silence and yes roll back', async () => {
  for (const [answer, phase] of [
    [409, 'holding'],
    [200, 'rolled-back'],
    [null, 'rolled-back'],
  ] as const) {
    await anew();
    const { url, asked } = await webhook(() => answer);
    await prepared({ webhooks: [{ gate: 'confirm-rollback', url, timeoutMs: 300 }] });
    await day();
    assert.equal((await row()).rung, 0);
    await mail({ rates: { blocked: { new: 0.3 } } });
    clock.now += 12 * HOUR;
    await lookAndAsk();
    assert.deepEqual([asked[0]?.gate, (await row()).phase], ['confirm-rollback', phase], String(answer));
    assert.equal((await points()) === 0, phase === 'rolled-back');
    server?.closeAllConnections();
    server?.close();
  }
});

test('a migration: the next pool waits for the one before; a failed one is reverted, the done one stays', async () => {
  const pool = (front: string) => ({
    front,
    from: front === 'news' ? 'pmta' : 'old',
    to: front,
    scope: {},
    plan: PLAN,
  });
  const pools = [pool('marketing'), pool('news')];
  const migration = {
    name: 'off',
    pools,
    onFail: 'revert' as const,
    actor: 'ada',
    reason: 'a test',
    at: clock.now,
  };
  await tx(db.store, (one) => insertMigration(one, migration));
  assert.deepEqual((await migrate(deps, { name: 'off' })).fronts, ['marketing']);
  assert.deepEqual((await migrate(deps, { name: 'off' })).fronts, ['marketing'], 'again: the same');
  await notCompared();
  for (let n = 0; n < 20 && (await row()).endedAt === null; n++) await day();
  assert.equal((await row()).phase, 'done');
  const step = await migrate(deps, { name: 'off' });
  assert.deepEqual(step.fronts, ['news']);
  assert.ok(step.nextAt !== null && step.nextAt > clock.now);
  await notCompared('news');
  const mailing = { front: 'news', upstream: true } as const;
  for (let n = 0; n < 14 && (await row('news')).rung < 1; n++) await day(mailing);
  await order('rollback', { to: 10, reason: 'complaints' }, 'news');
  assert.equal((await row('news')).rung, 0);
  await migrate(deps, { name: 'off' });
  assert.deepEqual(
    [(await row('news')).phase, (await row('news')).rung, await points('google', 'marketing', 'news')],
    ['rolled-back', -1, 0],
  );
  assert.match((await migrationRow(db.store, 'off'))?.held ?? '', /news is rolled-back: complaints/);
  assert.equal((await row()).phase, 'done');
  await order('resume', {}, 'news');
  await migrate(deps, { name: 'off' });
  assert.equal((await migrationRow(db.store, 'off'))?.held, null);
  for (let n = 0; n < 20 && (await row('news')).endedAt === null; n++) await day(mailing);
  assert.deepEqual(await migrate(deps, { name: 'off' }), { fronts: [], nextAt: null });
  assert.equal((await migrationRow(db.store, 'off'))?.outcome, 'done');
});

const COLD = '198.51.100.8';

/** A day of a cutover to a cold address: its own evaluations, and units used for what the split gives it. */
async function coldDay(messages: number): Promise<void> {
  const window = windowOf(clock.now, calendar);
  clock.now = window.start + HOUR / 2;
  await look();
  const share = { google: await points('google'), yahoo: await points('yahoo') };
  await mail({ campaigns: 3, messages: messages / 3 });
  const grants = (await allGrants(db.store)).filter(
    (grant) => grant.address === COLD && grant.windowIndex === window.index,
  );
  for (const grant of grants) {
    const units = Math.min(grant.units, Math.round((messages * (share[grant.provider as 'google'] ?? 0)) / 100));
    const one = { address: COLD, provider: grant.provider, at: window.start + 4 * HOUR, windowIndex: window.index };
    await commit(
      db.store,
      Array.from({ length: units }, () => outcome(one)),
    );
  }
  for (const at of ['middle', 'final'] as const) {
    clock.now = evaluationTimes(window, COLD)[at];
    await evaluate(deps, { operationId: `ramp-${clock.now}`, address: COLD, trigger: 'schedule' });
    await look();
  }
  clock.now = window.end;
}

test('a cold new arm: ramp and ladder pull each other up, neither waits for the other, and the grants are never passed', async () => {
  await db.store.query(`update lanes set phase = 'planned', ceiling = 0, last_sent_at = null where address = $1`, [
    COLD,
  ]);
  await db.store.query(`update pools set overflow = 'wait' where name = 'marketing'`);
  const ramp = { plan: 'six-week', start: 50, targets: { default: 2_000 }, days: 20 };
  await startRamp(deps, { ...ramp, address: COLD, actor: 'ada', reason: 'a test', operationId: `ramp-${clock.now}` });
  await db.store.query('update lanes set evidence_since = $1, phase_since = $1', [new Date(clock.now)]);
  const steps = [1, 2, 5, 10, 20, 40, 100];
  await begin({
    steps,
    minCampaigns: 1,
    minHours: 12,
    lagFrom: 100,
    uncapped: false,
    baseline: { hours: 12, messages: 1 },
  });
  await notCompared();
  const rungs: number[] = [];
  for (let n = 0; n < 40 && (await row()).rung < 4; n++) {
    await coldDay(1_500);
    rungs.push((await row()).rung);
    // Small shares take long to compare: a person goes on when that is all it waits for.
    const { waits } = (await row()).outlook as { waits: string[] };
    const { phase } = await row();
    if (phase === 'running' && waits.every((wait) => /more on the new arm/.test(wait))) await order('advance');
  }
  assert.ok((await row()).rung >= 4, `it stayed at ${rungs.at(-1)}: ${JSON.stringify((await row()).outlook)}`);
  const ladder = ladderOf((await row()).plan, {});
  assert.ok(ladder.length > 4);
  const lanes = await lanesOf(db.store, COLD);
  assert.ok(
    lanes.every((lane) => lane.ceiling > 50),
    'the ramp rose with what it was offered',
  );
  for (const grant of await allGrants(db.store)) assert.ok(grant.handed <= grant.units);
  assert.ok((await decisions()).every((one) => one.event !== 'step-back' && one.event !== 'rollback'));
});
