import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { LaneVerb } from '../../policy/verbs.ts';
import { tx } from '../../store/connect.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { liveHolds, openIncident, placeHold } from '../../store/holds.ts';
import { lanesOf, rampOf, upsertAddress } from '../../store/lanes.ts';
import { CommandRefused } from '../../temporal/client.ts';
import { NAMESPACE, type VerbCommand } from '../../temporal/contracts.ts';
import { rampart, smallConfig, writeConfig } from '../cli/command-line.ts';
import {
  by,
  COLD,
  checkHistory,
  laneOf,
  PROVIDERS,
  reachesStage,
  startOrder,
  startSystem,
  until,
  WARM,
} from './system.ts';

const SECOND = '198.51.100.10';
const system = await startSystem();
after(() => system.stop());
const { store } = system;
let config = '';

const order = (verb: LaneVerb, over: Partial<VerbCommand> = {}): VerbCommand => ({
  ...{ ...by(), verb, provider: 'google' },
  ...over,
});
const say = (verb: LaneVerb, over: Partial<VerbCommand> = {}) => system.temporal().verb(COLD, order(verb, over));
const kinds = async (provider = 'google') => (await decisionsOf(store, COLD, provider)).map((row) => row.kind);

before(async () => {
  await upsertAddress(
    store,
    { address: SECOND, pool: 'marketing', node: 'test', ehloName: 'b.example' },
    PROVIDERS.map((provider) => ({ provider, phase: 'planned', ceiling: 0, normal: 1_000 })),
  );
  // Nobody feeds the warm address: it must not be idle after seven short days.
  await store.query(`update lanes set last_sent_at = now() + interval '1 day' where address = $1`, [WARM]);
  config = await writeConfig(system.folder, smallConfig());
  const facts = { databaseUrl: system.databaseUrl, temporalAddress: system.temporalAddress, namespace: NAMESPACE };
  await mkdir(path.join(system.folder, '.rampart'), { recursive: true });
  await writeFile(path.join(system.folder, '.rampart', 'run.json'), JSON.stringify(facts));
  await system.startWorker();
  for (const address of [COLD, SECOND]) await system.temporal().startRamp(address, { ...startOrder(), days: 40 });
});

test('a command that makes no sense leaves no trace', async () => {
  await assert.rejects(say('hold', { reason: ' ' }), /say why/);
  await assert.rejects(say('step-back', { steps: 0 }), /step back by 1 stage or more/);
  await assert.rejects(say('hold', { forMs: -1 }), /say how long to hold/);
  await assert.rejects(
    say('complete'),
    (error) => error instanceof CommandRefused && /far from its end/.test(error.message),
  );
  assert.ok((await kinds()).every((kind) => ['start', 'advance', 'hold'].includes(kind)));
});

test('a lane: its held ceiling stays while the others grow, and grows again when it is lifted', async () => {
  const command = order('hold');
  const first = await system.temporal().verb(COLD, command);
  assert.deepEqual(await system.temporal().verb(COLD, command), first, 'the same operation says the same');
  const held = await laneOf(store);
  const yahoo = await laneOf(store, 'yahoo');
  await reachesStage(store, yahoo.stage + 2, 'yahoo');
  const still = await laneOf(store);
  assert.deepEqual(still.pauseReasons, ['freeze']);
  assert.ok(still.stage <= held.stage && still.ceiling <= held.ceiling, 'it may be lowered, and is not raised');
  const { rows } = await store.query(`select id from lane_orders where ended_at is null`);
  await system.temporal().resume(COLD, { ...by(), provider: 'google', holds: [], orders: rows.map((row) => row.id) });
  await reachesStage(store, held.stage + 1);
});

test('an address: both lanes step back at once, cool down and go on', async () => {
  await reachesStage(store, 3);
  await reachesStage(store, 3, 'yahoo');
  const result = await say('step-back', { provider: null, steps: 2 });
  assert.deepEqual(
    result.lanes?.map((one) => [one.provider, one.done]),
    PROVIDERS.map((provider) => [provider, true]),
  );
  for (const provider of PROVIDERS) {
    const back = (await decisionsOf(store, COLD, provider)).find(
      (row) => row.kind === 'step-back' && row.actor === 'ada',
    );
    assert.ok(back !== undefined && back.toStage === back.fromStage - 2);
    await until(`${provider} ramps again`, async () => (await laneOf(store, provider)).phase === 'ramping');
    await reachesStage(store, back.toStage + 1, provider);
  }
});

test('a pool, from the command line: each address is told, and one that can not makes it fail', async () => {
  const env = { RAMPART_CONFIG: config };
  const ran = await rampart(['warmup', 'hold', 'pool:marketing', '--for', '3d', '--reason', 'a look', '--json'], env);
  assert.equal(ran.code, 1, ran.stderr);
  const { results } = JSON.parse(ran.stdout);
  const outcomes = new Map(results.map((one: { address: string; outcome: string }) => [one.address, one.outcome]));
  assert.deepEqual(Object.fromEntries(outcomes), { [COLD]: 'done', [SECOND]: 'done', [WARM]: 'refused' });
  for (const address of [COLD, SECOND])
    assert.deepEqual((await laneOf(store, 'yahoo', address)).pauseReasons, ['freeze'], address);
  for (const address of [COLD, SECOND])
    await until(
      `${address} is let go by the time`,
      async () => (await laneOf(store, 'yahoo', address)).pauseReasons.length === 0,
    );
});

test('a refused lane comes back by probes and a cool-down when a person lifts it, and its ramp goes on', async () => {
  const cause = 'incident:microsoft-blocked';
  const hold = { scope: 'lane', target: `${COLD} google`, reach: 'all', cause, actor: 'mta' } as const;
  await tx(store, async (db) => {
    await placeHold(db, { ...hold, reason: 'a test' });
    await openIncident(db, { ...hold, address: COLD, provider: 'google', detail: {} });
  });
  await until('quarantine', async () => (await laneOf(store)).phase === 'quarantined');
  const holds = (await liveHolds(store)).filter((one) => one.cause === cause).map((one) => one.id);
  await system.temporal().resume(COLD, { ...by(), provider: 'google', holds });
  await until('its ramp', async () => (await laneOf(store)).phase === 'ramping');
  const phases = (await decisionsOf(store, COLD, 'google')).map((row) => row.toPhase);
  const way = phases.slice(phases.lastIndexOf('quarantined')).filter((phase, at, all) => phase !== all[at - 1]);
  assert.deepEqual(way.slice(0, 4), ['quarantined', 'probing', 'stepped-back', 'ramping']);
});

test('an abort ends the ramp with its report; a start begins another; the history is one chain', async () => {
  const ramp = await rampOf(store, COLD);
  await say('abort', { provider: null });
  for (const lane of await lanesOf(store, COLD)) assert.deepEqual([lane.phase, lane.ceiling], ['planned', 0]);
  const { rows } = await store.query(`select body from notices where kind = 'ramp-aborted'`);
  assert.equal(rows[0]?.body.ramp, ramp?.id);
  await assert.rejects(say('abort', { provider: null }), /is not warming/);
  await system.temporal().startRamp(COLD, startOrder());
  await reachesStage(store, 1);
  for (const address of [COLD, SECOND]) await checkHistory(store, address);
});
