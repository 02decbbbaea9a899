import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadInput } from '../../activities/deps.ts';
import { pauseLanes, startRamp } from '../../activities/ramps.ts';
import { setPlan } from '../../activities/set-plan.ts';
import { windowAt, windowOf } from '../../policy/calendar.ts';
import { drawOwn, type OwnPlan, type Plan, planNamed, rowOf, stageOf } from '../../policy/plan.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { allGrants } from '../../store/grants.ts';
import { rampOf } from '../../store/lanes.ts';
import { poolVolumes, sentInStage } from '../../store/volumes.ts';
import {
  anew,
  by,
  COLD,
  clock,
  day,
  db,
  deps,
  grants,
  lane,
  look,
  MONDAY,
  mail,
  order,
  start,
  told,
  weekdays,
} from './clocked-pool.ts';

const own = (written: OwnPlan) => drawOwn('mine', written);
const startWith = (drawn: Plan) => startRamp(deps, { ...order(), plan: drawn.name, drawn, address: COLD });
const change = (plan: Plan) => setPlan(deps, { ...by(), plan, address: COLD });

test('a ramp follows the plan its caller drew up', async () => {
  await startWith(own({ rows: { default: [30, 40], google: [{ ceiling: 12, segment: '60d' }, 20] } }));
  assert.deepEqual([(await lane()).ceiling, (await lane()).segment], [12, '60d']);
  assert.equal((await lane('yahoo')).ceiling, 30);
  assert.equal((await rampOf(db.store, COLD))?.plan.name, 'mine');
});

test('a drawn plan that can not be followed is refused', async () => {
  const plan = own({ rows: { default: [30, 40] } });
  const falling = { ...plan, rows: { default: [...rowOf(plan, 'default')].reverse() } };
  await assert.rejects(startWith(falling), (error) => error instanceof BadInput && /ceiling falls/.test(error.message));
  assert.equal(await rampOf(db.store, COLD), undefined);
});

test("a plan's own days and hours win over the pool's, and are kept with the ramp", async () => {
  // Monday 00:00 UTC is Sunday evening in New York: not a send day there.
  await startWith(
    own({ rows: { default: [48, 60] }, calendar: { zone: 'America/New_York', sendHours: { from: 8, to: 20 } } }),
  );
  const ramp = await rampOf(db.store, COLD);
  assert.deepEqual(ramp?.calendar, { ...weekdays, zone: 'America/New_York', sendHours: { from: 8, to: 20 } });
  const first = (await allGrants(db.store)).filter((grant) => grant.address === COLD);
  assert.ok(first.length > 0 && first.every((grant) => grant.units === 0), 'Sunday sends nothing');
  const window = windowOf(MONDAY, ramp.calendar);
  assert.equal(window.label, '2030-01-06');
  assert.ok(first.every((grant) => grant.start === window.start && grant.sendFrom === window.sendFrom));
  assert.deepEqual((await lane()).calendar, ramp.calendar);
});

test("days of another zone are refused where a lane has sent by the pool's days lately", async () => {
  await start();
  await day();
  await db.store.query(`update ramps set ended_at = $1, outcome = 'aborted'`, [new Date(clock.now)]);
  await db.store.query(`update lanes set phase = 'cooling' where address = $1`, [COLD]);
  const elsewhere = own({ rows: { default: [48] }, calendar: { zone: 'Asia/Tokyo' } });
  await assert.rejects(startWith(elsewhere), /had mail by the days of UTC within two days: start it with --zone UTC/);
  await startWith(own({ rows: { default: [48] }, calendar: { sendHours: { from: 8, to: 20 } } }));
});

test('calendar advances a window with little mail, send-days only one with mail, gated neither', async () => {
  const stageAfter = async (advance: OwnPlan['advance'], share: number) => {
    await anew();
    await startWith(own({ rows: { default: [100, 110, 120, 130] }, advance }));
    // One full day, so that the gates pass on fresh evidence; then the day in question.
    await day();
    await day({}, share);
    return (await lane()).stage;
  };
  assert.equal(await stageAfter('gated', 0.3), 1);
  assert.equal(await stageAfter('calendar', 0.3), 2);
  assert.equal(await stageAfter('calendar', 0), 2);
  assert.equal(await stageAfter('send-days', 0.3), 2);
  assert.equal(await stageAfter('send-days', 0), 1);
});

test('volume-stage: a stage ends when its volume was sent, over as many days as that takes', async () => {
  await startWith(own({ rows: { default: [100, 110, 120] }, advance: 'volume-stage' }));
  const said = async () => (await decisionsOf(db.store, COLD, 'google')).at(-1)?.reason ?? '';
  await day({}, 0.95);
  assert.match(await said(), /^volume-limited: 95 of 100 sent since/);
  assert.equal((await sentInStage(db.store, COLD)).get('google'), 95);
  await day({}, 0.5);
  assert.equal((await lane()).stage, 1, '145 of 100 in two days');
  assert.equal((await sentInStage(db.store, COLD)).get('google'), undefined, 'the next stage begins with nothing');
  await day({}, 0.5);
  assert.match(await said(), /^volume-limited: 55 of 110 sent since/);
});

test('an edit keeps the executed stages, the ceiling and the phase; the new rows follow; each lane says who and why', async () => {
  await start();
  await day();
  await day();
  const before = await rampOf(db.store, COLD);
  const at = await lane();
  const granted = await grants();
  assert.ok(at.stage === 2 && before !== undefined);
  const fresh = planNamed('four-week', { start: 50, targets: { default: 9_000 } });
  const order = { ...by(), reason: 'a launch', plan: fresh, address: COLD };
  const first = await setPlan(deps, order);
  assert.deepEqual(await setPlan(deps, order), first, 'the same operation says the same');
  const after = (await rampOf(db.store, COLD))?.plan as Plan;
  assert.deepEqual(after.rows.google?.slice(0, 3), rowOf(before.plan, 'google').slice(0, 3));
  assert.equal(after.rows.google?.at(-1)?.ceiling, 9_000);
  assert.equal(after.name, 'four-week');
  const { stage, ceiling, phase, revision, normal } = await lane();
  assert.deepEqual([stage, ceiling, phase, normal], [at.stage, at.ceiling, at.phase, 11_700]);
  assert.ok(revision > at.revision, 'a decision from the old plan is stale');
  assert.deepEqual(await grants(), granted, 'no grant changes');
  const row = (await decisionsOf(db.store, COLD, 'google')).at(-1);
  assert.deepEqual([row?.kind, row?.actor], ['set-plan', 'ada']);
  assert.match(
    row?.reason ?? '',
    /^plan six-week \(10 stages to 400 a day\) becomes four-week \(\d+ stages to 9000 a day\) after stage 3\. a launch$/,
  );
  await day();
  assert.equal((await lane()).ceiling, stageOf(after, 'google', 3)?.ceiling, 'it advances along the new rows');
});

test('an edit of what is not warming, or done, is refused, and one under a pause keeps the pause', async () => {
  const fresh = planNamed('four-week', { start: 50, targets: { default: 900 } });
  await assert.rejects(change(fresh), /is not warming: start it/);
  await start();
  await assert.rejects(change({ ...fresh, rows: {} }), /can not be used: no row "default"/);
  await pauseLanes(deps, { ...by(), address: COLD, provider: null });
  await change(fresh);
  assert.deepEqual((await lane()).pauseReasons, ['operator']);
  await db.store.query(`update lanes set phase = 'graduating' where address = $1 and provider = 'google'`, [COLD]);
  const kept = rowOf((await rampOf(db.store, COLD))?.plan as Plan, 'google');
  assert.match(
    (await change(planNamed('six-week', { targets: { default: 70 } }))).says,
    /1 lanes; 1 have their plan behind them/,
  );
  assert.deepEqual((await rampOf(db.store, COLD))?.plan.rows.google, kept);
  await db.store.query(`update lanes set phase = 'graduating' where address = $1`, [COLD]);
  await assert.rejects(change(fresh), /there is nothing to change/);
});

test('an evaluation that read the old plan is decided again', async () => {
  await start();
  await mail();
  await look('middle');
  const other = own({ rows: { default: [100, 101] } });
  await Promise.all([look('final'), change(other)]);
  const rows = (await told()).filter((row) => row.includes('advance') || row.includes('set-plan'));
  const plan = (await rampOf(db.store, COLD))?.plan as Plan;
  const { stage, ceiling } = await lane();
  assert.equal(rows.length, 2, 'both are told');
  assert.equal(ceiling, stageOf(plan, 'google', stage)?.ceiling, 'what the lane may send is a row of the plan it has');
});

test("a pool's mail by provider and window", async () => {
  await start();
  await day({}, 0.5);
  await day();
  const today = windowOf(clock.now, weekdays).index;
  const windows = Array.from({ length: 5 }, (_, index) => windowAt(today - 5 + index, weekdays));
  const rows = (await poolVolumes(db.store, 'marketing', windows)).filter(({ provider }) => provider === 'google');
  assert.deepEqual(
    rows.map(({ window, messages }) => [today - window, messages]),
    [
      [2, 50],
      [1, 100],
    ],
  );
  assert.deepEqual(await poolVolumes(db.store, 'other', windows), []);
});
