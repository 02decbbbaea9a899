import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { identify, isAlive, type ProcessIdentity } from '../../setup/host/process.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { type DecisionRow, decisionsOf } from '../../store/decisions.ts';
import { removeEmbedded, startEmbedded } from '../../store/embedded/start.ts';
import { type LaneRow, lanesOf, rampsOf } from '../../store/lanes.ts';
import { processRows } from '../../store/processes.ts';
import { connectTemporal } from '../../temporal/client.ts';
import { addressId } from '../../temporal/contracts.ts';
import { type Injection, inject } from '../mta/injectors.ts';
import { startSink } from '../mta/sinks.ts';
import { layCluster } from '../ready-cluster.ts';
import { checkHistory, until } from '../workflows/system.ts';
import { COLD, openFolder, type Running, rampart, smallConfig, startRampart, writeConfig } from './command-line.ts';

/** Everything is real: mail that is handed in goes through the lanes to this host, and its answers make them advance. */
const MX = '127.30.0.1';
const folder = await openFolder();
const dataDir = path.join(folder, '.rampart');
const smtpPort = await freePort();
const submissionPort = await freePort();
const zone = new Zone();
zone.addMx('provider.example', 'mx.provider.example', 10);
zone.addHost('mx.provider.example', MX);
const dns = new DnsServer(zone);
const resolver = `127.0.0.1:${await dns.start()}`;
const sink = await startSink(MX, smtpPort);
const config = await writeConfig(folder, {
  ...smallConfig(),
  providers: ['other'],
  calendar: { compressed: { dayLength: '3s' } },
  users: [{ name: 'shop', password: 'secret', pools: ['marketing'] }],
  mta: { processes: 1, submission: { port: submissionPort }, resolvers: [resolver], smtpPort },
});
const env = { RAMPART_CONFIG: config };

interface Up {
  readonly running: Running;
  readonly store: Store;
  readonly temporalAddress: string;
}

const opened: Store[] = [];
let running: Running | undefined;
let injection: Injection | undefined;

after(async () => {
  await injection?.stop();
  running?.signal('SIGTERM');
  await running?.ended;
  await Promise.all(opened.map((store) => store.end()));
  await removeEmbedded(dataDir);
  await sink.stop();
  await dns.stop();
  await rm(folder, { recursive: true, force: true });
});

async function up(): Promise<Up> {
  running = startRampart(['up', '--json'], env);
  const { temporalAddress } = JSON.parse(await running.firstLine);
  const { url } = await startEmbedded({ dataDir });
  const store = createStore(url, { max: 2 });
  opened.push(store);
  return { running, store, temporalAddress };
}

/** The run of the address's workflow; undefined: Temporal knows of none. */
async function runOf({ temporalAddress }: Up): Promise<{ runId: string; status: string } | undefined> {
  const temporal = await connectTemporal({ address: temporalAddress });
  try {
    const { runId, status } = await temporal.client.workflow.getHandle(addressId(COLD)).describe();
    return { runId, status: status.name };
  } finally {
    await temporal.close();
  }
}

async function laneOf(store: Store): Promise<LaneRow> {
  const [lane, ...more] = await lanesOf(store, COLD);
  assert.ok(lane !== undefined && more.length === 0);
  return lane;
}

const advanceAfter = (store: Store, id: number) =>
  until('an advance', async () =>
    (await decisionsOf(store, COLD)).find((row) => row.id > id && row.kind === 'advance'),
  );

interface Left {
  readonly lane: LaneRow;
  readonly decisions: readonly DecisionRow[];
}

/** What the database says while nothing of Rampart runs. */
async function leftBehind(): Promise<Left> {
  const server = await startEmbedded({ dataDir });
  const store = createStore(server.url, { max: 1 });
  try {
    return { lane: await laneOf(store), decisions: await decisionsOf(store, COLD) };
  } finally {
    await store.end();
    await server.stop();
  }
}

/** Rows join without a gap, each window was decided once, and the lane is where the last row left it. */
async function checkDecisions(store: Store): Promise<void> {
  await checkHistory(store, COLD, ['other']);
  const { rows } = await store.query(
    `select l.stage, l.ceiling, d.to_stage, d.to_ceiling from lanes l join decisions d using (address, provider)
     where l.address = $1 order by d.id desc limit 1`,
    [COLD],
  );
  assert.deepEqual([rows[0].stage, rows[0].ceiling], [rows[0].to_stage, rows[0].to_ceiling]);
  const windows = (await decisionsOf(store, COLD)).filter((row) => row.kind !== 'start').map((row) => row.window);
  assert.equal(new Set(windows).size, windows.length, `windows decided twice: ${windows}`);
}

/** The ramp goes on from exactly what was left: nothing is decided twice, raised or lowered by the start itself. */
async function goesOn({ store }: Up, left: Left): Promise<void> {
  const last = left.decisions.at(-1);
  assert.ok(last !== undefined);
  await advanceAfter(store, last.id);
  const decisions = await decisionsOf(store, COLD);
  assert.deepEqual(decisions.slice(0, left.decisions.length), left.decisions);
  const [first, ...later] = decisions.slice(left.decisions.length);
  assert.ok(first !== undefined);
  assert.deepEqual(
    [first.fromPhase, first.fromStage, first.fromCeiling],
    [left.lane.phase, left.lane.stage, left.lane.ceiling],
  );
  const closed = Math.max(...left.decisions.map((row) => row.window));
  for (const row of [first, ...later]) {
    assert.ok(row.window > closed, `window ${row.window} was decided again (${row.kind}): it was over before the stop`);
    // On a busy machine it may be away for more than seven short days: silence lowers the lane then, not the start.
    const silent = row.reason.startsWith('idle') || row.reason.endsWith('ramps again');
    assert.ok(['hold', 'advance'].includes(row.kind) || silent, `${row.kind}: ${row.reason}`);
  }
  await checkDecisions(store);
  const ramps = await rampsOf(store, COLD);
  assert.deepEqual(
    ramps.map((ramp) => ramp.endedAt),
    [null],
    'the one ramp there ever was, still running',
  );
}

await layCluster(dataDir);
let first = await up();
injection = inject(submissionPort, {
  clients: 4,
  everyMs: 50,
  domain: 'provider.example',
  header: 'X-Rampart-Segment: engaged-30d\r\n',
});

test("up again after Temporal's database was deleted: the workflow begins anew, the ramp goes on where it was", async () => {
  const plan = ['--plan', 'six-week', '--start', '40', '--target', '200', '--days', '30'];
  const started = await rampart(['warmup', 'start', COLD, ...plan], env);
  assert.equal(started.code, 0, started.stderr);
  await advanceAfter(first.store, 0);
  const before = await runOf(first);
  assert.ok(before !== undefined);
  first.running.signal('SIGTERM');
  const { code, stderr } = await first.running.ended;
  assert.equal(code, 0, stderr);

  await rm(path.join(dataDir, 'temporal.db'));
  for (const end of ['-wal', '-shm']) await rm(path.join(dataDir, `temporal.db${end}`), { force: true });
  const left = await leftBehind();
  assert.ok(left.lane.stage >= 1);
  first = await up();
  const again = await runOf(first);
  assert.equal(again?.status, 'RUNNING');
  assert.notEqual(again?.runId, before.runId, 'the workflow of before: nothing was lost');
  await goesOn(first, left);
});

test('up again after kill -9: the same workflow goes on, nobody of before is left, and no mail is lost', async () => {
  const before = await runOf(first);
  const processes = await processRows(first.store);
  assert.deepEqual(processes.map((row) => row.role).sort(), ['mta', 'worker']);
  const orphans = processes.map((row) => identify(row.pid)).filter((one): one is ProcessIdentity => one !== undefined);
  assert.equal(orphans.length, 2);
  first.running.signal('SIGKILL');
  await first.running.ended;

  const second = await up();
  assert.deepEqual(await runOf(second), before);
  await until('the orphans end', async () => orphans.every((one) => !isAlive(one)));
  const left = await decisionsOf(second.store, COLD);
  await advanceAfter(second.store, left.at(-1)?.id ?? 0);
  await checkDecisions(second.store);
  const alive = (await processRows(second.store)).filter((row) => row.alive);
  assert.deepEqual(alive.map((row) => row.role).sort(), ['mta', 'worker']);

  await injection?.stop();
  const accepted = [...(injection?.accepted ?? [])];
  assert.ok(accepted.length > 100, `only ${accepted.length} messages were accepted`);
  // The queue is read first: what left it since was taken before.
  const { rows } = await second.store.query('select message_id from messages m join queue q on q.message = m.id');
  const known = new Set([...rows.map((row) => row.message_id), ...sink.taken.map((one) => one.messageId)]);
  assert.deepEqual(
    accepted.filter((id) => !known.has(id)),
    [],
  );
  second.running.signal('SIGTERM');
  assert.equal((await second.running.ended).code, 0);
});
