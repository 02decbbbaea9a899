import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { windowOf } from '../../policy/calendar.ts';
import { tx } from '../../store/connect.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { allGrants } from '../../store/grants.ts';
import { liveHolds, openIncident, placeHold } from '../../store/holds.ts';
import { rampOf } from '../../store/lanes.ts';
import { CommandRefused } from '../../temporal/client.ts';
import { addressId, WATCH_ID } from '../../temporal/contracts.ts';
import { BLOCKED } from '../activities/feeder.ts';
import { by, COLD, checkHistory, DAY, laneOf, reachesStage, startOrder, startSystem, until, WARM } from './system.ts';

const system = await startSystem();
after(() => system.stop());
const { store, feeder } = system;
await system.startWorker();
await system.temporal().ensureAddress(COLD);
await system.temporal().ensureAddress(WARM);

const lengthOf = async (id: string) => (await system.temporal().client.workflow.getHandle(id).describe()).historyLength;
const evaluations = async () =>
  (await store.query(`select count(*)::int as n from operations where id like '%/%'`)).rows[0].n as number;

test('registering search attributes again is harmless', async () => {
  await system.temporal().prepare();
  await Promise.all([system.temporal().prepare(), system.temporal().prepare()]);
});

test('commands without an actor or a reason are refused and leave no event', async () => {
  await until('a first evaluation', async () => (await lengthOf(addressId(COLD))) > 8);
  const handle = system.temporal().client.workflow.getHandle(addressId(COLD));
  const temporal = system.temporal();
  const refused = await Promise.allSettled([
    temporal.startRamp(COLD, { ...startOrder(), actor: ' ' }),
    temporal.pause(COLD, { ...by(), reason: '', provider: null }),
    temporal.resume(COLD, { ...by(), actor: '', provider: null, holds: [1] }),
  ]);
  const messages = refused.map(
    (one) => one.status === 'rejected' && one.reason instanceof CommandRefused && one.reason.message,
  );
  assert.deepEqual(messages, [
    'say who does it: --actor NAME',
    'say why: --reason TEXT',
    'say who does it: --actor NAME',
  ]);
  const events = (await handle.fetchHistory()).events ?? [];
  assert.deepEqual(
    events.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes),
    [],
  );
});

test('starts that cannot be are refused with the way out, and an unknown address leaves no workflow running', async () => {
  const temporal = system.temporal();
  await assert.rejects(temporal.startRamp('192.0.2.1', startOrder()), /not an address of any pool/);
  await assert.rejects(temporal.startRamp(WARM, startOrder()), /is warm/);
  await assert.rejects(temporal.startRamp(COLD, { ...startOrder(), plan: 'nope' }), CommandRefused);
  const stray = temporal.client.workflow.getHandle(addressId('192.0.2.1'));
  await until('its end', async () => (await stray.describe()).status.name === 'COMPLETED');
  assert.equal(await rampOf(store, COLD), undefined);
});

test('a ramp advances stage by stage, each next grant written before its window', async () => {
  const order = startOrder();
  const result = await system.temporal().startRamp(COLD, order);
  assert.match(result.rampId ?? '', new RegExp(`^${COLD}/`));
  assert.deepEqual(await system.temporal().startRamp(COLD, order), result, 'the same operation says the same');
  await assert.rejects(system.temporal().startRamp(COLD, startOrder()), /is warming already/);
  await reachesStage(store, 4);
  await checkHistory(store);
  const advances = (await decisionsOf(store, COLD, 'google')).filter((row) => row.kind === 'advance');
  const grants = await allGrants(store);
  for (const row of advances) {
    const next = grants.find(
      (grant) => grant.address === COLD && grant.provider === 'google' && grant.windowIndex === row.window + 1,
    );
    assert.ok(next !== undefined && row.at < next.start, `window ${row.window + 1} had no grant when it began`);
    assert.match(row.operationId, /^[0-9a-f-]{36}\/\d+$/);
  }
});

test('the address can be found by what its lanes do', async () => {
  const query = `WarmupAddress = '${COLD}' AND WarmupPool = 'marketing' AND WarmupPhase = 'ramping' AND WarmupStage >= 3`;
  await until('a search that finds it', async () => {
    for await (const found of system.temporal().client.workflow.list({ query }))
      return found.workflowId === addressId(COLD);
    return false;
  });
});

test('a warm address gets its grants every window and is left alone', async () => {
  const rows = await until('three grants', async () => {
    const found = (await allGrants(store)).filter((grant) => grant.address === WARM && grant.provider === 'google');
    return found.length >= 3 && found;
  });
  assert.ok(rows.slice(0, 3).every((grant) => grant.units === 1_000));
  assert.deepEqual(await decisionsOf(store, WARM), []);
});

test('pause freezes the ramp at its stage; resume needs the hold it lifts and goes on from there', async () => {
  const temporal = system.temporal();
  await assert.rejects(temporal.resume(COLD, { ...by(), provider: null, holds: [] }), CommandRefused);
  const pause = { ...by(), provider: null };
  const paused = await temporal.pause(COLD, pause);
  assert.deepEqual(await temporal.pause(COLD, pause), paused);
  const holds = (await liveHolds(store)).map((hold) => hold.id);
  assert.equal(holds.length, 1);
  const { stage } = await laneOf(store);
  await sleep(1.5 * DAY);
  const held = await laneOf(store);
  assert.deepEqual([held.stage, held.pauseReasons], [stage, ['operator']]);
  await temporal.resume(COLD, { ...by(), provider: null, holds });
  assert.deepEqual((await laneOf(store)).pauseReasons, []);
  await reachesStage(store, stage + 1);
  await checkHistory(store);
});

test('an incident row reaches its workflow once, and an evaluation follows', async () => {
  const before = await evaluations();
  await tx(store, async (db) => {
    const hold = {
      scope: 'lane',
      target: `${COLD} yahoo`,
      reach: 'all',
      cause: 'gate:test',
      actor: 'rampart',
    } as const;
    await placeHold(db, { ...hold, reason: 'a test' });
    await openIncident(db, { ...hold, address: COLD, provider: 'yahoo', detail: {} });
  });
  const row = await until('a step back', async () =>
    (await decisionsOf(store, COLD, 'yahoo')).find((one) => one.kind === 'step-back' && !/^idle/.test(one.reason)),
  );
  assert.equal(row.reason, 'a test');
  assert.ok((await evaluations()) > before);
  // A scheduled evaluation that runs between the row and the signal answers it already; the one of the signal comes anyway.
  const { events, triggered } = await until('the evaluation it asked for', async () => {
    const events = (await system.temporal().client.workflow.getHandle(addressId(COLD)).fetchHistory()).events ?? [];
    const orders = events.flatMap((event) => {
      const data = event.activityTaskScheduledEventAttributes?.input?.payloads?.[0]?.data;
      return data ? [JSON.parse(Buffer.from(data).toString()) as { trigger?: string; operationId: string }] : [];
    });
    const triggered = orders.filter(({ trigger }) => trigger === 'incident').map(({ operationId }) => operationId);
    return triggered.length > 0 && { events, triggered };
  });
  assert.equal(events.filter((event) => event.workflowExecutionSignaledEventAttributes).length, 1);
  assert.equal(triggered.length, 1);
  const nth = (operationId: string | undefined) => Number(operationId?.split('/').at(-1));
  assert.ok(nth(row.operationId) <= nth(triggered[0]), `it waited for a schedule: ${row.operationId}, ${triggered}`);
  assert.equal((await laneOf(store)).phase === 'stepped-back', false, 'the other lane goes on');
});

test('answers that cross a fast gate place one hold and one incident, and the lane steps back', async () => {
  await system.temporal().ensureWatch();
  await system.temporal().ensureWatch();
  feeder.answer = (lane) => (lane.provider === 'google' && lane.phase !== 'stepped-back' ? { ...BLOCKED } : undefined);
  // An evaluation that comes before the watch answers a burst by itself: the lane comes back and meets the next one.
  const stepBacks = async () => (await decisionsOf(store, COLD, 'google')).filter((one) => one.kind === 'step-back');
  await until('an incident of google', async () => {
    const { rowCount } = await store.query(`select from incidents where provider = 'google'`);
    return rowCount !== 0;
  });
  const row = await until('a step back', async () => (await stepBacks()).find((one) => !/^idle/.test(one.reason)));
  feeder.answer = () => undefined;
  assert.ok(row.toStage >= Math.max(0, row.fromStage - 1), row.reason);
  const incidents = await store.query(`select cause from incidents where provider = 'google'`);
  const causes = incidents.rows.map((one) => one.cause as string);
  assert.ok(causes.length >= 1 && new Set(causes).size === causes.length, `${causes}`);
  const held = await store.query(`select cause from holds where scope = 'lane' and target = $1`, [`${COLD} google`]);
  assert.deepEqual(held.rows.map((one) => one.cause).sort(), [...causes].sort());
});

test('the watch beats while it looks', async () => {
  const { raw } = await system.temporal().client.workflow.getHandle(WATCH_ID).describe();
  const [activity] = raw.pendingActivities ?? [];
  assert.ok(activity?.lastHeartbeatTime, 'no heartbeat');
  assert.equal(activity.attempt, 1);
  assert.equal(windowOf(Date.now(), (await laneOf(store)).calendar).sends, true);
});
