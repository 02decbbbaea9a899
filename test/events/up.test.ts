import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { removeEmbedded } from '../../store/embedded/start.ts';
import { openFolder, rampart, smallConfig, startRampart, writeConfig } from '../cli/command-line.ts';
import { layCluster } from '../ready-cluster.ts';
import { endpoint, SECRET, until, verifies } from './world.ts';

test('a running instance tells its sinks what an operator does, and stops in order', async (context) => {
  const folder = await openFolder();
  const hook = await endpoint(context);
  const config = await writeConfig(folder, {
    ...smallConfig(),
    mta: { processes: 1, submission: { port: 0 } },
    events: { sinks: [{ kind: 'webhook', name: 'crm', url: hook.url, secrets: [SECRET], kinds: ['hold.*'] }] },
  });
  const env = { RAMPART_CONFIG: config };
  await layCluster(path.join(folder, '.rampart'));
  const running = startRampart(['up', '--json'], env);
  context.after(async () => {
    running.signal('SIGTERM');
    await running.ended;
    await removeEmbedded(path.join(folder, '.rampart'));
    await rm(folder, { recursive: true, force: true });
  });
  await running.firstLine;
  await until('the sink runs', async () => {
    const { stdout } = await rampart(['events', 'status', '--json'], env);
    return JSON.parse(stdout).sinks[0]?.running === true;
  });
  const { checks } = JSON.parse((await rampart(['doctor', '--json'], env)).stdout);
  const sink = checks.find((check: { name: string }) => check.name === 'sink crm');
  assert.deepEqual([sink?.ok, sink?.says], [true, '0 confirmed, 0 wait, 0 dead letters']);
  const stopped = await rampart(['stop', '--provider', 'google', '--reason', 'they block', '--actor', 'ann'], env);
  assert.equal(stopped.code, 0, stopped.stderr);
  await until('it is told', () => hook.taken.length === 1);
  const [event] = hook.taken;
  const data = event?.data as Record<string, unknown>;
  assert.equal(event?.type, 'rampart.hold.placed');
  assert.deepEqual([data.scope, data.target, data.actor, data.reason], ['provider', 'google', 'ann', 'they block']);
  assert.ok(hook.requests.every((request) => verifies(request, SECRET)));
  running.signal('SIGTERM');
  const { code, stderr } = await running.ended;
  assert.equal(code, 0, stderr);
});
