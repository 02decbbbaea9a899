import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decisionsOf } from '../../store/decisions.ts';
import { liveHolds } from '../../store/holds.ts';
import { DEAD } from '../activities/feeder.ts';
import { COLD, checkHistory, laneOf, reachesStage, startOrder, startSystem, until } from './system.ts';

// A world of its own: a lane that met anything else before would step back for that.
const system = await startSystem();
after(() => system.stop());
const { store, feeder } = system;
await system.startWorker();
await system.temporal().ensureAddress(COLD);
await system.temporal().ensureWatch();

test('a campaign of dead addresses is suspended by itself, once; the lane that carried it holds, no lane steps back', async () => {
  await system.temporal().startRamp(COLD, startOrder());
  await reachesStage(store, 1, 'google');
  const yahoo = await reachesStage(store, 1, 'yahoo');
  feeder.answer = (lane, nth) =>
    lane.provider === 'yahoo' && nth % 2 === 0 ? { ...DEAD, campaign: 'dead' } : undefined;
  const hold = await until('a suspended campaign', async () =>
    (await liveHolds(store)).find((one) => one.scope === 'campaign'),
  );
  feeder.answer = () => undefined;
  assert.deepEqual([hold.target, hold.cause, hold.reach], ['dead', 'gate:hard-bounce', 'all']);

  const about = /^hard-bounce|^campaign dead is suspended/;
  const held = await until('a hold of the lane that carried it', async () =>
    (await decisionsOf(store, COLD, 'yahoo')).find((row) => row.kind === 'hold' && about.test(row.reason)),
  );
  assert.ok(held.fromStage >= yahoo.stage);
  // What is over is the campaign's: the lane that carried it goes on, and the other one never stopped.
  await reachesStage(store, held.toStage + 1, 'yahoo');
  await reachesStage(store, (await laneOf(store, 'google')).stage + 1, 'google');
  await checkHistory(store);

  const decisions = await decisionsOf(store, COLD);
  assert.deepEqual(
    decisions.filter((row) => !['start', 'advance', 'hold'].includes(row.kind) || row.toStage < row.fromStage),
    [],
    'nothing but the start, advances and holds',
  );
  assert.deepEqual(
    decisions.filter((row) => about.test(row.reason) && row.provider !== 'yahoo'),
    [],
    'held for what another lane carried',
  );
  const holds = await store.query('select scope, target, cleared_at from holds');
  assert.deepEqual(holds.rows, [{ scope: 'campaign', target: 'dead', cleared_at: null }], 'one, and no lane has any');
  const incidents = await store.query('select scope, target, cause from incidents');
  assert.deepEqual(incidents.rows, [{ scope: 'campaign', target: 'dead', cause: 'gate:hard-bounce' }]);
});
