/**
 * Records histories for the replay tests: `node test/histories/record.ts`. Run it when a workflow has learned something
 * new; histories of older code stay as they are for as long as workflows of their age may run, so new files get new names.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { planNamed } from '../../policy/plan.ts';
import { tx } from '../../store/connect.ts';
import { liveHolds, openIncident, placeHold } from '../../store/holds.ts';
import { addressId, NAMESPACE, TASK_QUEUE, WATCH_ID } from '../../temporal/contracts.ts';
import { by, COLD, DAY, reachesStage, startOrder, startSystem, until } from '../workflows/system.ts';

const folder = import.meta.dirname;
const version = process.argv[2] ?? '1';
const system = await startSystem();
try {
  await ramp();
  await strayAddress();
  await fixture();
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
