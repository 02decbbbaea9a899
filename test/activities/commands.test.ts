import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadInput } from '../../activities/deps.ts';
import { pauseLanes, resumeLanes, startRamp } from '../../activities/ramps.ts';
import { liveHolds } from '../../store/holds.ts';
import { upsertPool } from '../../store/lanes.ts';
import { by, COLD, day, db, deps, lane, order, start, told, WARM, weekdays } from './clocked-pool.ts';

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
  await db.store.query(`update lanes set phase = 'stepped-back' where address = $1`, [COLD]);
  await assert.rejects(start(), /no lane that could start \(google stepped-back/);
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
