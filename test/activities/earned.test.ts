import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRamp } from '../../activities/ramps.ts';
import { drawOwn, stageOf } from '../../policy/plan.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { allGrants } from '../../store/grants.ts';
import { legacyDays, replaceLegacyVolumes } from '../../store/legacy-volumes.ts';
import { by, COLD, clock, db, deps, lane, monday } from './clocked-pool.ts';

const plan = drawOwn('mine', { rows: { default: [50, 100, 200, 400, 800] } });
const start = (over: object = {}) => startRamp(deps, { ...by(), plan: plan.name, drawn: plan, address: COLD, ...over });

const dayBefore = (days: number) => new Date(clock.now - days * 86_400_000).toISOString().slice(0, 10);
const log = (name: string, records: number) => ({
  id: Buffer.from(name.padEnd(32)),
  name,
  format: 'powermta' as const,
  records,
  first: null,
  last: null,
});
const volumes = (provider: string, messages: readonly number[]) =>
  messages.map((count, n) => ({ address: COLD, provider, day: dayBefore(n + 1), messages: count }));
const keep = (name: string, records: number, days: ReturnType<typeof volumes>) =>
  replaceLegacyVolumes(db.store, log(name, records), days, 'ada');

test('a lane starts at the stage its mail elsewhere has earned, and the decision says why', async () => {
  await db.store.query('delete from legacy_sources');
  await keep('acct-1.csv', 3, volumes('google', [450, 430, 420, 410]));
  await start();
  const google = await lane('google');
  assert.deepEqual([google.stage, google.ceiling, google.phase], [3, 400, 'ramping']);
  assert.equal((await lane('yahoo')).stage, 0);
  const decisions = await decisionsOf(db.store, COLD, 'google');
  assert.match(decisions.at(-1)?.reason ?? '', /starts at stage 4 of 5: it has sustained 420 a day elsewhere/);
  const grant = (await allGrants(db.store)).find((one) => one.provider === 'google' && one.windowIndex === monday);
  assert.equal(grant?.units, stageOf(plan, 'google', 3)?.ceiling);
});

test('a lane that stepped back here earns nothing by what it did elsewhere', async () => {
  await db.store.query('delete from legacy_sources');
  await keep('acct-1.csv', 3, volumes('google', [450, 430, 420, 410]));
  await db.store.query(`update lanes set phase = 'stepped-back' where address = $1 and provider = 'google'`, [COLD]);
  await start();
  assert.deepEqual([(await lane('google')).stage, (await lane('google')).phase], [0, 'ramping']);
});

test('from zero means from zero', async () => {
  await db.store.query('delete from legacy_sources');
  await keep('acct-1.csv', 3, volumes('google', [450, 430, 420, 410]));
  await start({ fromZero: true });
  assert.deepEqual([(await lane('google')).stage, (await lane('google')).ceiling], [0, 50]);
});

test('a log that is read again replaces what it said; an older copy of it changes nothing', async () => {
  await db.store.query('delete from legacy_sources');
  assert.equal(await keep('acct-1.csv', 10, volumes('google', [100])), 'new');
  assert.equal(await keep('acct-1.csv', 10, volumes('google', [100])), 'same');
  assert.equal(await keep('acct-1.csv', 20, volumes('google', [150])), 'replaced');
  assert.equal(await keep('acct-1.csv', 15, volumes('google', [120])), 'shorter');
  assert.equal(await keep('acct-2.csv', 5, volumes('google', [7])), 'new');
  const [day] = await legacyDays(db.store, COLD, dayBefore(30));
  assert.equal(day?.messages, 157);
});
