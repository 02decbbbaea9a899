import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { windowOf } from '../../policy/calendar.ts';
import { tx } from '../../store/connect.ts';
import { type DecisionRow, decisionsOf } from '../../store/decisions.ts';
import { liveHolds, openIncident, placeHold } from '../../store/holds.ts';
import { rampOf } from '../../store/lanes.ts';
import { addressId, TASK_QUEUE } from '../../temporal/contracts.ts';
import { by, COLD, checkHistory, DAY, laneOf, reachesStage, startOrder, startSystem, until } from './system.ts';

const system = await startSystem();
after(() => system.stop());
const { store } = system;
await system.startWorker();
await system.temporal().client.workflow.start('address', {
  workflowId: addressId(COLD),
  taskQueue: TASK_QUEUE,
  args: [{ address: COLD, historyLimit: 40 }],
  workflowTaskTimeout: '2s',
});
const order = startOrder();

const run = async () => (await system.temporal().client.workflow.getHandle(addressId(COLD)).describe()).runId;

async function activitiesOf(runId: string): Promise<string[]> {
  const history = await system.temporal().client.workflow.getHandle(addressId(COLD), runId).fetchHistory();
  return (history.events ?? []).flatMap(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
  );
}

test('continue-as-new carries on: the ramp advances, and a repeated command is answered from memory', async () => {
  const started = await system.temporal().startRamp(COLD, order);
  const pause = { ...by(), provider: null };
  const paused = await system.temporal().pause(COLD, pause);
  await system.temporal().resume(COLD, {
    ...by(),
    provider: null,
    holds: (await liveHolds(store)).map((hold) => hold.id),
  });
  // A run that began after the commands: what it does with them it knows from the one before.
  const commanded = await run();
  const later = await until('another run', async () => (await run()) !== commanded && (await run()));
  assert.deepEqual(await system.temporal().startRamp(COLD, order), started);
  assert.deepEqual(await system.temporal().pause(COLD, pause), paused);
  const ran = await activitiesOf(later);
  assert.ok(
    ran.every((name) => name === 'evaluate'),
    `${ran}`,
  );
  assert.deepEqual(await liveHolds(store), []);
  await reachesStage(store, 2);
  await checkHistory(store);
  // One evaluation may also write the windows that nobody evaluated.
  const ids = (await decisionsOf(store, COLD, 'google')).map((row) => `${row.operationId} ${row.window}`);
  assert.equal(new Set(ids).size, ids.length);
});

test('a worker killed with -9 in mid-ramp: it goes on, repeats and skips nothing, and says what was missed', async () => {
  const killedIn = windowOf(Date.now(), (await laneOf(store)).calendar).index;
  const until2Days = performance.now() + 2.2 * DAY;
  let killed: number | undefined;
  while (performance.now() < until2Days) {
    const { pid } = system.worker;
    if (pid !== undefined && pid !== killed) {
      process.kill(pid, 'SIGKILL');
      killed = pid;
    }
    await sleep(50);
  }
  await tx(store, async (db) => {
    const hold = {
      scope: 'lane',
      target: `${COLD} yahoo`,
      reach: 'all',
      cause: 'gate:test',
      actor: 'rampart',
    } as const;
    await placeHold(db, { ...hold, reason: 'while the worker was down' });
    await openIncident(db, { ...hold, address: COLD, provider: 'yahoo', detail: {} });
  });
  const stepped = await until('the incident to be heard', async () =>
    (await decisionsOf(store, COLD, 'yahoo')).find((row) => row.kind === 'step-back' && !/^idle/.test(row.reason)),
  );
  assert.equal(stepped.reason, 'while the worker was down');

  const { stage } = await laneOf(store);
  await reachesStage(store, stage + 1);
  await checkHistory(store);
  const rows = await decisionsOf(store, COLD, 'google');
  const absent = rows.filter((row) => row.reason.startsWith('orchestrator-absent')).map((row) => row.window);
  assert.ok(absent.includes(killedIn + 1), `${absent} of ${killedIn}`);
  assert.equal(new Set(absent).size, absent.length);
  // A lane that silence lowered cools down, and a window of its own ends with that.
  const recovers = (row: DecisionRow) => row.kind === 'resume' && row.actor === 'rampart';
  const ends = rows.filter((row) => ['hold', 'advance'].includes(row.kind) || recovers(row)).map((row) => row.window);
  assert.equal(new Set(ends).size, ends.length, 'no window ends twice');
  // On a busy machine the worker may be away for more than seven short days: silence lowers the lane then.
  const idle = rows.filter((row) => row.reason.startsWith('idle')).map((row) => row.window);
  const closed = [...new Set([...ends, ...idle])].sort((a, b) => a - b);
  const [from, to] = [closed[0] ?? 0, closed.at(-1) ?? 0];
  assert.deepEqual(
    closed,
    Array.from({ length: to - from + 1 }, (_, n) => from + n),
    'every window has one row, evaluated or absent',
  );
});

test("Temporal's data lost in mid-ramp: the addresses begin again from their lanes, and nothing is raised by it", async () => {
  const before = { lane: await laneOf(store), ramp: await rampOf(store, COLD), holds: await liveHolds(store) };
  await system.loseTemporal();
  const lost = await laneOf(store);
  const decided = (await decisionsOf(store, COLD)).length;
  await assert.rejects(run(), 'its workflows were expected to be gone');
  await system.temporal().ensureAddress(COLD);
  await until('a first evaluation', async () => (await activitiesOf(await run())).length > 0);
  const again = await until('a decision of the new workflow', async () =>
    (await decisionsOf(store, COLD)).slice(decided).find((row) => row.provider === 'google'),
  );
  assert.equal(again.fromStage, lost.stage);
  assert.deepEqual(await system.temporal().startRamp(COLD, order), {
    says: `ramp ${before.ramp?.id} started: 2 lanes, plan six-week`,
    rampId: before.ramp?.id,
  });
  assert.deepEqual(
    (await liveHolds(store)).map((hold) => hold.id),
    before.holds.map((hold) => hold.id),
  );
  assert.equal((await rampOf(store, COLD))?.endedAt, null);
  await reachesStage(store, lost.stage + 1);
  await checkHistory(store);
});
