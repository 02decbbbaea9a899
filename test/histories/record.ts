/**
 * Records histories for the replay tests: `node test/histories/record.ts VERSION [PART]`. Run it when a workflow has learned something
 * new; histories of older code stay as they are for as long as workflows of their age may run, so new files get new names.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { planNamed } from '../../policy/plan.ts';
import { tx } from '../../store/connect.ts';
import { liveHolds, openIncident, placeHold } from '../../store/holds.ts';
import { insertMigration } from '../../store/pool-migrations.ts';
import { addressId, cutoverId, migrationId, NAMESPACE, TASK_QUEUE, WATCH_ID } from '../../temporal/contracts.ts';
import { addPools, PLAN, reaches, startCutover, startFrontMail } from '../workflows/cutover-front.ts';
import { by, COLD, DAY, reachesStage, startOrder, startSystem, until } from '../workflows/system.ts';

const folder = import.meta.dirname;
const version = process.argv[2] ?? '1';
const system = await startSystem();
const PARTS: Readonly<Record<string, () => Promise<void>>> = { ramp, strayAddress, fixture, cutovers };
const parts = process.argv.slice(3);
try {
  for (const part of parts.length > 0 ? parts : Object.keys(PARTS)) await PARTS[part]?.();
} finally {
  await system.stop();
}

/** A short ramp with a pause, a resume, an incident, verbs, another plan and several runs. */
async function ramp(): Promise<void> {
  const { store } = system;
  const temporal = system.temporal();
  await system.startWorker();
  await temporal.ensureWatch();
  const handle = await temporal.client.workflow.start('address', {
    workflowId: addressId(COLD),
    taskQueue: TASK_QUEUE,
    args: [{ address: COLD, historyLimit: 80 }],
    workflowTaskTimeout: '2s',
  });
  await temporal.startRamp(COLD, startOrder());
  await reachesStage(store, 1);
  await temporal.pause(COLD, { ...by(), provider: 'google' });
  const holds = (await liveHolds(store)).map((hold) => hold.id);
  await temporal.resume(COLD, { ...by(), provider: 'google', holds });
  await tx(store, async (db) => {
    const hold = { scope: 'lane', target: `${COLD} yahoo`, reach: 'all', cause: 'gate:test', actor: 'rampart' } as const;
    await placeHold(db, { ...hold, reason: 'a test', until: Date.now() + DAY / 6 });
    await openIncident(db, { ...hold, address: COLD, provider: 'yahoo', detail: {} });
  });
  await temporal.verb(COLD, { ...by(), verb: 'hold', provider: 'google', forMs: 86_400_000 });
  await temporal.verb(COLD, { ...by(), verb: 'step-back', provider: 'google', steps: 1 });
  await temporal.setPlan(COLD, { ...by(), plan: planNamed('four-week', { start: 40, targets: { default: 500 } }) });
  await reachesStage(store, 3);
  let runId: string | undefined = handle.firstExecutionRunId;
  for (let n = 1; runId !== undefined; n++) runId = await save(`address-${version}-run-${n}`, addressId(COLD), runId);
  await save(`watch-${version}`, WATCH_ID);
}

/** An incident of an address that is in no pool any more. */
async function strayAddress(): Promise<void> {
  const address = '192.0.2.1';
  await system.temporal().incident(address, { incident: 1, cause: 'gate:test' });
  const handle = system.temporal().client.workflow.getHandle(addressId(address));
  await until('its end', async () => (await handle.describe()).status.name === 'COMPLETED');
  await save(`address-${version}-stray`, addressId(address));
}

/** A migration of one pool: orders, a question to a webhook nobody answers, probes, several runs, to the end. */
async function cutovers(): Promise<void> {
  const { store } = system;
  const temporal = system.temporal();
  await addPools(store, ['alpha', 'beta', 'old-1', 'old-2']);
  const mail = startFrontMail(store, ['alpha', 'beta']);
  await system.startWorker();
  const pools = [{ front: 'alpha', from: 'old-1', to: 'alpha', scope: {}, plan: PLAN }];
  await insertMigration(store, { name: 'off', pools, onFail: 'hold', actor: 'ada', reason: 'test', at: Date.now() });
  await temporal.wakeMigration('off');
  // Port 9 of loopback: nobody answers there.
  const webhooks = [{ gate: 'confirm-step', url: 'http://127.0.0.1:9/', timeoutMs: 500 }] as const;
  await startCutover(store, 'beta', 'old-2', { ...PLAN, webhooks });
  const handle = await temporal.client.workflow.start('cutover', {
    ...{ workflowId: cutoverId('beta'), taskQueue: TASK_QUEUE, workflowTaskTimeout: '2s' },
    args: [{ front: 'beta', historyLimit: 60 }],
  });
  await until('a silent webhook', async () => (await store.query('select from cutover_gates')).rows.length > 0);
  await temporal.cutover('beta', { ...by(), verb: 'hold' });
  await temporal.cutover('beta', { ...by(), verb: 'resume' });
  await temporal.cutover('beta', { ...by(), verb: 'advance' });
  await reaches(store, 'beta', 'running', 0);
  await until('another question', async () => (await store.query('select from cutover_gates where rung = 1')).rows.length > 0);
  await temporal.cutover('beta', { ...by(), verb: 'abort' });
  await until('that nobody could compare', async () =>
    (await store.query(`select from cutovers where front = 'alpha' and differences is not null`)).rows.length > 0,
  );
  await temporal.cutover('alpha', { ...by(), verb: 'accept-differences', names: ['not-compared'] });
  await reaches(store, 'alpha', 'done');
  await mail.stop();
  const migration = temporal.client.workflow.getHandle(migrationId('off'));
  await until('its end', async () => (await migration.describe()).status.name === 'COMPLETED');
  let runId: string | undefined = handle.firstExecutionRunId;
  for (let n = 1; runId !== undefined; n++) runId = await save(`cutover-${version}-run-${n}`, cutoverId('beta'), runId);
  await save(`cutover-${version}-child`, cutoverId('alpha'));
  await save(`migration-${version}`, migrationId('off'));
}

/** The history that test/workflows/changing.test.ts replays on changed code. */
async function fixture(): Promise<void> {
  const native = await NativeConnection.connect({ address: system.temporalAddress });
  const worker = await Worker.create({
    connection: native,
    namespace: NAMESPACE,
    taskQueue: 'fixture',
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: path.join(folder, '../workflows/fixtures/before.ts'),
      logger: new DefaultLogger('ERROR'),
    }),
    activities: { evaluate: async () => {}, probe: async () => {} },
  });
  const { workflow } = system.temporal().client;
  await worker.runUntil(workflow.execute('changing', { workflowId: 'changing', taskQueue: 'fixture', args: [] }));
  await native.close();
  await save('fixtures/before', 'changing');
}

/** Writes a run's history without `pid@host`, its worker's identity and sticky queue; returns the run that followed it. */
async function save(name: string, workflowId: string, runId?: string): Promise<string | undefined> {
  const history = await system.temporal().client.workflow.getHandle(workflowId, runId).fetchHistory();
  const json = historyToJSON(history).replace(/"\d+@[^"]*"/g, '"recorder"');
  const file = path.join(folder, `${name}.json`);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(JSON.parse(json))}\n`);
  console.log(`${name}: ${history.events?.length} events, ${Math.round(json.length / 1024)} kB`);
  const last = history.events?.at(-1);
  return last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
}
