import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { drawOwn, rowOf } from '../../policy/plan.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { rampOf } from '../../store/lanes.ts';
import { CommandRefused } from '../../temporal/client.ts';
import { by, COLD, checkHistory, laneOf, reachesStage, startSystem } from './system.ts';

const system = await startSystem();
after(() => system.stop());
const { store } = system;
await system.startWorker();

const first = drawOwn('first', { rows: { default: [40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150] } });
const second = drawOwn('second', { rows: { default: [30, 45, 75, 110, 160, 200] }, advance: 'calendar' });

test("a ramp follows its caller's plan, takes another one in its stride, and says no to what can not be", async () => {
  const temporal = system.temporal();
  await assert.rejects(temporal.setPlan(COLD, { ...by(), plan: second }), /is not warming/);
  await temporal.startRamp(COLD, { ...by(), plan: first.name, drawn: first });
  await reachesStage(store, 1);
  await assert.rejects(temporal.setPlan(COLD, { ...by(), reason: ' ', plan: second }), /say why/);
  const falling = { ...second, rows: { default: [...rowOf(second, 'default')].reverse() } };
  await assert.rejects(
    temporal.setPlan(COLD, { ...by(), plan: falling }),
    (error) =>
      error instanceof CommandRefused && /can not be used: default, stage 2: ceiling falls/.test(error.message),
  );
  const order = { ...by(), plan: second };
  const result = await temporal.setPlan(COLD, order);
  assert.deepEqual(await temporal.setPlan(COLD, order), result, 'the same operation says the same');
  const change = (await decisionsOf(store, COLD, 'google')).find((row) => row.kind === 'set-plan');
  assert.ok(change !== undefined);
  const plan = (await rampOf(store, COLD))?.plan;
  assert.deepEqual([plan?.name, plan?.advance], ['second', 'calendar']);
  const row = plan?.rows.google ?? [];
  const executed = change.fromStage + 1;
  assert.deepEqual(row.slice(0, executed), rowOf(first, 'google').slice(0, executed));
  assert.equal(row.at(-1)?.ceiling, 200);
  await reachesStage(store, executed + 1);
  const { stage, ceiling } = await laneOf(store);
  assert.ok(ceiling <= (row[stage]?.ceiling ?? 0), `stage ${stage} sends ${ceiling}`);
  await checkHistory(store);
});
