import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadInput } from '../../activities/deps.ts';
import { pauseLanes, resumeLanes, startRamp } from '../../activities/ramps.ts';
import { clearHolds, liveHolds, openIncident, placeHold } from '../../store/holds.ts';
import { upsertPool } from '../../store/lanes.ts';
import {
  by,
  COLD,
  clock,
  day,
  db,
  deps,
  hold,
  lane,
  look,
  order,
  start,
  told,
  WARM,
  weekdays,
} from './clocked-pool.ts';

test('starts that are refused write nothing', async () => {
  const nothing = async () => {
    const { rows } = await db.store.query(
      `select (select count(*) from ramps) + (select count(*) from decisions) + (select count(*) from grants)
         + (select count(*) from operations) as n`,
    );
    return Number(rows[0].n) === 0;
  };
  await assert.rejects(
    start('192.0.2.1'),
    (error) => error instanceof BadInput && /not an address of any pool/.test(error.message),
  );
  await assert.rejects(start(WARM), /is warm/);
  await assert.rejects(startRamp(deps, { ...order(), plan: 'nope', address: COLD }), BadInput);
  await assert.rejects(startRamp(deps, { ...order(), targets: {}, address: COLD }), BadInput);
  await db.store.query(`update lanes set phase = 'planned', ceiling = 0 where address = $1`, [WARM]);
  await assert.rejects(start(), /no warm address to take what/);
  await db.store.query(`update lanes set phase = 'quarantined' where address = $1`, [COLD]);
  await assert.rejects(start(), /no lane that could start \(google quarantined/);
  assert.ok(await nothing());
  await db.store.query(`update lanes set phase = 'planned'`);
  await upsertPool(db.store, { name: 'marketing', overflow: 'wait', calendar: weekdays });
  await start();
  await assert.rejects(start(), /is warming already/);
  assert.equal((await told()).length, 1);
});

test('a pause is a hold and a row per lane; a resume lifts what was seen and goes on at the same stage', async () => {
  await start();
  await day();
  const pause = { ...by(), address: COLD, provider: null };
  const first = await pauseLanes(deps, pause);
  const held = await liveHolds(db.store);
  assert.deepEqual(
    held.map((one) => [one.scope, one.target, one.reach, one.cause]),
    [['address', COLD, 'cold', 'operator']],
  );
  const resume = { ...by(), address: COLD, provider: null };
  await assert.rejects(resumeLanes(deps, { ...resume, holds: [] }), BadInput);
  await assert.rejects(resumeLanes(deps, { ...resume, holds: [4_711] }), BadInput);
  await resumeLanes(deps, { ...resume, holds: held.map((one) => one.id) });
  assert.deepEqual(await told(), ['0 start 0', '0 advance 1', '1 pause 1', '1 resume 1']);
  assert.deepEqual(await pauseLanes(deps, pause), first);
  assert.deepEqual(await liveHolds(db.store), [], 'a late retry of a pause does not pause again');
});

test('lifting one of two pauses leaves the lane paused', async () => {
  await start();
  await pauseLanes(deps, { ...by(), address: COLD, provider: 'google' });
  await pauseLanes(deps, { ...by(), address: COLD, provider: null });
  const whole = (await liveHolds(db.store)).find((one) => one.scope === 'address');
  await resumeLanes(deps, { ...by(), address: COLD, provider: null, holds: [whole?.id ?? 0] });
  assert.deepEqual((await lane()).pauseReasons, ['operator']);
  assert.deepEqual((await lane('yahoo')).pauseReasons, []);
});

test('pausing or resuming what does not exist is refused and writes no hold', async () => {
  await assert.rejects(pauseLanes(deps, { ...by(), address: COLD, provider: 'nope' }), /has no lane for nope/);
  await assert.rejects(pauseLanes(deps, { ...by(), address: '192.0.2.1', provider: null }), BadInput);
  await assert.rejects(resumeLanes(deps, { ...by(), address: '192.0.2.1', provider: null, holds: [1] }), BadInput);
  assert.deepEqual(await liveHolds(db.store), []);
});

test('a lane the provider refused goes on only when a person names its hold: it probes, a step lower, evidence emptied', async () => {
  await start();
  await day();
  await day();
  const before = await lane();
  await hold('incident:ms-s3140');
  await openIncident(db.store, {
    ...{ scope: 'lane', target: `${COLD} google`, cause: 'incident:ms-s3140' },
    ...{ address: COLD, provider: 'google', detail: {} },
  });
  await look('middle');
  assert.equal((await lane()).phase, 'quarantined');
  const [held] = await liveHolds(db.store);
  await assert.rejects(resumeLanes(deps, { ...by(), address: COLD, provider: 'google', holds: [] }), BadInput);
  await resumeLanes(deps, { ...by(), address: COLD, provider: 'google', holds: [held?.id ?? 0] });
  const after = await lane();
  assert.deepEqual([after.phase, after.stage, after.pauseReasons], ['probing', before.stage - 1, []]);
  assert.equal(after.evidenceSince, clock.now);
  assert.equal((await lane('yahoo')).phase, 'ramping');
  const again = { scope: 'lane', target: `${COLD} google`, cause: 'incident:ms-s3140', detail: {} } as const;
  assert.equal(await openIncident(db.store, again), true, 'the same refusal is a new incident');
});

test('a pause that is heard after it was lifted stays lifted', async () => {
  await start();
  const pause = { ...by(), address: COLD, provider: null };
  const { id } = await placeHold(db.store, {
    ...{ scope: 'address', target: COLD, reach: 'cold', cause: 'operator', actor: 'ada', reason: 'test' },
  });
  await clearHolds(db.store, [id], { actor: 'ada', reason: 'over' });
  const heard = await pauseLanes(deps, { ...pause, hold: id });
  assert.match(heard.says, /was lifted before this was heard/);
  assert.deepEqual(await liveHolds(db.store), []);
  assert.deepEqual((await lane()).pauseReasons, []);
});
