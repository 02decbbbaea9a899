import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { identify } from '../../setup/host/process.ts';
import { builtPath, downloadedPath, locateTemporal, requireTemporal } from '../../temporal/server/locate.ts';
import { provisionTemporal } from '../../temporal/server/provision.ts';
import { startTemporalServer } from '../../temporal/server/run.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'rampart-temporal-'));
after(() => rm(folder, { recursive: true, force: true }));
const runModule = path.join(import.meta.dirname, '../../temporal/server/run.ts');

async function program(file: string, script: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

test('the program on PATH comes first if it can serve, then the download, then the build', async () => {
  const cache = path.join(folder, 'cache');
  const env = { PATH: path.join(folder, 'bin'), RAMPART_CACHE: cache };
  assert.equal(await locateTemporal(env), undefined);
  await assert.rejects(requireTemporal(env), /run "make setup", or set TEMPORAL_ADDRESS/);
  const built = await program(builtPath(cache), 'exit 0');
  assert.deepEqual(await locateTemporal(env), { path: built, origin: 'build' });
  const downloaded = await program(downloadedPath(cache), 'exit 0');
  assert.deepEqual(await locateTemporal(env), { path: downloaded, origin: 'download' });
  const own = await program(path.join(folder, 'bin', 'temporal'), 'exit 1');
  assert.deepEqual(await locateTemporal(env), { path: downloaded, origin: 'download' });
  await program(own, '[ "$1 $2" = "server start-dev" ]');
  assert.deepEqual(await locateTemporal(env), { path: own, origin: 'PATH' });
});

test('nothing is provisioned when TEMPORAL_ADDRESS is set', async () => {
  const env = { TEMPORAL_ADDRESS: 'temporal.example:7233', RAMPART_CACHE: path.join(folder, 'never'), PATH: '' };
  assert.match(await provisionTemporal({ env, log: () => {} }), /temporal\.example:7233/);
});

test('a server that ends at once is reported with its log', async () => {
  const binary = await program(path.join(folder, 'broken'), 'echo no luck; exit 3');
  const started = startTemporalServer({
    binary,
    dbFile: path.join(folder, 'broken.db'),
    logFile: path.join(folder, 'broken.log'),
    compressed: true,
  });
  await assert.rejects(started, /Temporal server.*broken\.log/);
});

const installed = await locateTemporal();

test('workflows outlive a kill -9 of everything: the next start ends the orphan and finds them', {
  skip: !installed && 'no Temporal server on this machine',
}, async () => {
  const options = {
    binary: installed?.path ?? '',
    dbFile: path.join(folder, 'run', 'temporal.db'),
    logFile: path.join(folder, 'run', 'temporal.log'),
    compressed: true,
  };
  const code = `
    const { startTemporalServer } = await import(${JSON.stringify(runModule)});
    const { address, pid } = await startTemporalServer(${JSON.stringify(options)});
    console.log(JSON.stringify({ address, pid }));
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(owner.stdout, 'data');
  const orphan = JSON.parse(`${line}`) as { address: string; pid: number };
  const first = await Connection.connect({ address: orphan.address });
  await new Client({ connection: first, namespace: 'rampart' }).workflow.start('waits', {
    workflowId: 'kept',
    taskQueue: 'nobody-polls',
  });
  await first.close();
  await assert.rejects(startTemporalServer(options), /in use by another Rampart/);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  assert.ok(identify(orphan.pid), 'the server was expected to outlive its owner');

  const server = await startTemporalServer(options);
  assert.equal(identify(orphan.pid), undefined);
  const connection = await Connection.connect({ address: server.address });
  const { status } = await new Client({ connection, namespace: 'rampart' }).workflow.getHandle('kept').describe();
  assert.equal(status.name, 'RUNNING');
  await connection.close();
  await server.stop();
  await server.stop();
  assert.equal(identify(server.pid), undefined);
});
