/** Cutovers with a real Temporal and a worker that is killed: the rows are the truth, whatever is lost. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import { pointsAt } from '../../policy/cutover/thresholds.ts';
import { tx } from '../../store/connect.ts';
import { cutoverDecisions, cutoverOf } from '../../store/cutovers.ts';
import { insertMigration, migrationRow } from '../../store/pool-migrations.ts';
import { readSplit } from '../../store/splits.ts';
import { CommandRefused } from '../../temporal/client.ts';
import { cutoverId, migrationId, NAMESPACE, TASK_QUEUE } from '../../temporal/contracts.ts';
import { rampart, smallConfig, writeConfig } from '../cli/command-line.ts';
import { addPools, checkCutover, cutoverNow, PLAN, reaches, startCutover, startFrontMail } from './cutover-front.ts';
import { by, startSystem, until } from './system.ts';

const system = await startSystem();
const { store } = system;
await addPools(store, ['alpha', 'beta', 'gamma', 'delta', 'old-1', 'old-2', 'old-3', 'old-4']);
const mail = startFrontMail(store, ['alpha', 'beta', 'gamma', 'delta']);
after(async () => {
  await mail.stop();
  await system.stop();
});
await system.startWorker();

const config = await writeConfig(system.folder, smallConfig());
const facts = { databaseUrl: system.databaseUrl, temporalAddress: system.temporalAddress, namespace: NAMESPACE };
await mkdir(path.join(system.folder, '.rampart'), { recursive: true });
await writeFile(path.join(system.folder, '.rampart', 'run.json'), JSON.stringify(facts));
const say = (...args: string[]) => rampart([...args, '--reason', 'a test', '--json'], { RAMPART_CONFIG: config });

const share = async (front: string) => {
  const split = await readSplit(store, front);
  return split === undefined ? Number.NaN : pointsAt(split.thresholds, 'marketing', 'google');
};

function kill(): void {
  const { pid } = system.worker;
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

test('two equal arms: to the end by itself, with a worker that dies on the way and runs that follow each other', async () => {
  await startCutover(store, 'alpha', 'old-1');
  await system.temporal().client.workflow.start('cutover', {
    ...{ workflowId: cutoverId('alpha'), taskQueue: TASK_QUEUE, workflowTaskTimeout: '2s' },
    args: [{ front: 'alpha', historyLimit: 60 }],
  });
  await reaches(store, 'alpha', 'running', 0);
  kill();
  await reaches(store, 'alpha', 'running', 1);
  assert.ok((await share('alpha')) > 45);
  kill();
  await reaches(store, 'alpha', 'done');
  assert.equal((await readSplit(store, 'alpha'))?.settled, 'new');
  assert.deepEqual(await checkCutover(store, 'alpha'), []);
  const handle = system.temporal().client.workflow.getHandle(cutoverId('alpha'));
  await until('its end', async () => (await handle.describe()).status.name === 'COMPLETED');
  const query = `CutoverFront = 'alpha' AND CutoverPhase = 'done' AND CutoverShare = 100`;
  await until('a search that finds it', async () => (await system.temporal().client.workflow.count(query)).count === 1);
});

test('orders: refused without sense, once each, and a hold keeps the share while a resume lets it go on', async () => {
  await startCutover(store, 'beta', 'old-2', { ...PLAN, approve: [50] });
  await system.temporal().wakeCutover('beta');
  const temporal = system.temporal();
  await assert.rejects(temporal.cutover('beta', { ...by(), verb: 'advance', actor: ' ' }), /say who does it/);
  await assert.rejects(
    temporal.cutover('beta', { ...by(), verb: 'approve' }),
    (error) => error instanceof CommandRefused && /waits for no approval/.test(error.message),
  );
  await reaches(store, 'beta', 'running', 0);
  const hold = { ...by(), verb: 'hold' } as const;
  const first = await temporal.cutover('beta', hold);
  assert.deepEqual(await temporal.cutover('beta', hold), first);
  await reaches(store, 'beta', 'holding', 0);
  await temporal.cutover('beta', { ...by(), verb: 'resume' });
  await reaches(store, 'beta', 'waiting', 0);
  assert.ok((await share('beta')) <= 20);
  const approved = await say('cutover', 'approve', 'beta');
  assert.equal(approved.code, 0, approved.stderr);
  await reaches(store, 'beta', 'running', 1);
  const approve = (await cutoverDecisions(store, (await cutoverNow(store, 'beta')).id)).find(
    (one) => one.event === 'approve',
  );
  assert.notEqual(approve?.actor, 'rampart', 'the person who said yes answers for it');
});

test('a rollback with the worker and Temporal down is in force at once; what was lost begins again where the rows are', async () => {
  const row = await cutoverNow(store, 'beta');
  assert.ok((await share('beta')) > 45);
  const lost = system.loseTemporal();
  const back = await say('cutover', 'rollback', 'beta', '--to', '20%');
  assert.equal(back.code, 0, back.stderr);
  assert.ok((await share('beta')) <= 20);
  await lost;
  const again = await say('cutover', 'rollback', 'beta');
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await share('beta'), 0);
  await system.temporal().wakeCutover('beta');
  const { revision } = await cutoverNow(store, 'beta');
  await until('looks of the new workflow', async () => (await cutoverNow(store, 'beta')).revision > revision + 2);
  const now = await cutoverNow(store, 'beta');
  assert.deepEqual([now.id, now.phase, now.rung], [row.id, 'rolled-back', -1], 'nothing is raised by itself');
  assert.deepEqual(await checkCutover(store, 'beta'), []);
  const history = await say('cutover', 'history', 'beta');
  assert.notEqual(history.code, 0, 'history takes no reason');
  const status = await rampart(['cutover', 'status', 'beta', '--json'], { RAMPART_CONFIG: config });
  assert.equal(JSON.parse(status.stdout).cutovers[0].phase, 'rolled-back');
  await say('cutover', 'abort', 'beta');
  assert.equal((await cutoverNow(store, 'beta')).phase, 'aborted');
});

test('a webhook that says no keeps the step, one that is silent too; looks go on meanwhile, and a yes lets it go', async () => {
  const asked: { gate: string; next: number }[] = [];
  let answer: 'hang' | 'yes' = 'hang';
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push(JSON.parse(body));
      if (answer === 'yes') response.writeHead(200).end('go');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await startCutover(store, 'gamma', 'old-3', { ...PLAN, webhooks: [{ gate: 'confirm-step', url, timeoutMs: 1_500 }] });
  await system.temporal().wakeCutover('gamma');
  await until('a question', async () => asked.length > 0);
  const { revision } = await cutoverNow(store, 'gamma');
  await until('looks while it is asked', async () => (await cutoverNow(store, 'gamma')).revision >= revision + 2);
  assert.equal((await cutoverNow(store, 'gamma')).rung, -1);
  await until(
    'that it was silent',
    async () => (await store.query(`select from cutover_gates where answer = 'silent'`)).rows.length > 0,
  );
  answer = 'yes';
  await reaches(store, 'gamma', 'running', 0);
  assert.deepEqual([asked[0]?.gate, asked[0]?.next], ['confirm-step', 20]);
});

test('the watch rolls back while nothing else decides, and a migration holds its next pool until a person has mended it', async () => {
  await system.temporal().cutover('gamma', { ...by(), verb: 'abort' });
  await system.temporal().ensureWatch();
  const pools = [
    { front: 'delta', from: 'old-4', to: 'delta', scope: {}, plan: PLAN },
    { front: 'gamma', from: 'old-3', to: 'gamma', scope: {}, plan: PLAN },
  ];
  const migration = { name: 'off', pools, onFail: 'hold' as const, actor: 'ada', reason: 'a test', at: Date.now() };
  await tx(store, (db) => insertMigration(db, migration));
  await system.temporal().wakeMigration('off');
  await until('its first pool', async () => (await cutoverOf(store, 'delta'))?.phase === 'preparing');
  await system
    .temporal()
    .cutover('delta', { ...by(), verb: 'accept-differences', names: ['not-compared'] })
    .catch(async () => {
      // It was not compared yet: the first looks do that.
      await until('that nobody could compare', async () => (await cutoverNow(store, 'delta')).differences !== null);
      await system.temporal().cutover('delta', { ...by(), verb: 'accept-differences', names: ['not-compared'] });
    });
  await reaches(store, 'delta', 'running', 1);
  mail.blocked = 0.3;
  await reaches(store, 'delta', 'rolled-back');
  mail.blocked = 0;
  assert.equal(await share('delta'), 0);
  const held = await until('that it is held', async () => (await migrationRow(store, 'off'))?.held ?? undefined);
  assert.match(held, /delta is rolled-back/);
  assert.equal((await cutoverNow(store, 'gamma')).migration, null, 'the next pool has not started');
  await system.temporal().cutover('delta', { ...by(), verb: 'resume' });
  await reaches(store, 'delta', 'done');
  await until('the next pool', async () => (await cutoverOf(store, 'gamma'))?.migration === 'off');
  await until('that nobody could compare', async () => (await cutoverNow(store, 'gamma')).differences !== null);
  await system.temporal().cutover('gamma', { ...by(), verb: 'accept-differences', names: ['not-compared'] });
  await reaches(store, 'gamma', 'done');
  await until('its end', async () => (await migrationRow(store, 'off'))?.outcome === 'done');
  const handle = system.temporal().client.workflow.getHandle(migrationId('off'));
  await until('the end of its workflow', async () => (await handle.describe()).status.name === 'COMPLETED');
  await until('a search that finds it, and both cutovers', async () => {
    const { count } = await system.temporal().client.workflow.count(`CutoverMigration = 'off'`);
    return count >= 3;
  });
  for (const front of ['gamma', 'delta']) assert.deepEqual(await checkCutover(store, front), []);
  const estate = await rampart(['migration', 'status', 'off', '--json'], { RAMPART_CONFIG: config });
  const [first, second] = JSON.parse(estate.stdout).migrations[0].pools;
  assert.deepEqual([first.phase, first.rollbacks, second.phase, second.rollbacks], ['done', 1, 'done', 0]);
  assert.ok(first.tookMs > 0);
});
