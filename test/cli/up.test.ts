import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { removeEmbedded } from '../../store/embedded/start.ts';
import { COLD, openFolder, rampart, smallConfig, startRampart, writeConfig } from './command-line.ts';

const folder = await openFolder();
const dataDir = path.join(folder, '.rampart');
const config = await writeConfig(folder, {
  ...smallConfig(),
  users: [{ name: 'app', password: 'p', pools: ['marketing'] }],
  mta: { processes: 1, submission: { port: 0 } },
});
const env = { RAMPART_CONFIG: config };
const running = startRampart(['up', '--json'], env);

after(async () => {
  running.signal('SIGTERM');
  await running.ended;
  await removeEmbedded(dataDir);
  await rm(folder, { recursive: true, force: true });
});

test('a ramp is started, paused and resumed through the workflow of a running instance, which then stops in order', async () => {
  const { submissionPort } = JSON.parse(await running.firstLine);
  assert.ok(submissionPort > 0);
  const runFile = path.join(dataDir, 'run.json');
  assert.equal((await stat(runFile)).mode & 0o777, 0o600, 'it holds the password of the database');

  const started = await rampart(['warmup', 'start', COLD, '--plan', 'four-week', '--target', '1000'], env);
  assert.equal(started.code, 0, started.stderr);
  assert.match(started.stdout, /^google +28 +50 +1000$/m);
  const again = await rampart(['warmup', 'start', COLD, '--plan', 'four-week'], env);
  assert.equal(again.code, 2);
  const order = ['--plan', 'ses-45d', '--cap', '--reason', 'slower', '--actor', 'ann'];
  const changed = await rampart(['warmup', 'set-plan', COLD, ...order], env);
  assert.match(changed.stdout, /^127\.10\.0\.11 {2}plan ses-45d from the next stage on: 2 lanes\n/);

  const paused = await rampart(['warmup', 'pause', COLD, '--reason', 'look first'], env);
  assert.match(paused.stdout, /^in force: hold \d+ .*\nthe workflow has recorded it\n$/);
  const status = JSON.parse((await rampart(['warmup', 'status', COLD, '--json'], env)).stdout);
  for (const lane of status.addresses[0].lanes) {
    assert.deepEqual([lane.phase, lane.binds.rule, lane.pauseReasons], ['ramping', 'hold', ['operator']]);
  }
  const resumed = await rampart(['warmup', 'resume', COLD, '--reason', 'looked'], env);
  assert.match(resumed.stdout, /^lifted: hold \d+ .*look first\nthe workflow has recorded it\n$/);
  const history = JSON.parse((await rampart(['warmup', 'history', COLD, '--provider', 'yahoo', '--json'], env)).stdout);
  assert.deepEqual(
    history.decisions.slice(0, 4).map((row: { kind: string }) => row.kind),
    ['start', 'set-plan', 'pause', 'resume'],
  );
  const { actor, reason } = history.decisions[1];
  assert.equal(actor, 'ann');
  // The new plan ends where the old one did, and its stages above today's follow today's.
  assert.match(
    reason,
    /^plan four-week \(28 stages to 1000 a day\) becomes ses-45d \(\d+ stages to 1000 a day\) after stage 1\. slower$/,
  );
  const { checks } = JSON.parse((await rampart(['doctor', '--json'], env)).stdout);
  for (const check of checks)
    if (['worker', 'mta', 'temporal'].includes(check.name)) assert.equal(check.ok, true, check.says);

  running.signal('SIGTERM');
  const { code, stderr } = await running.ended;
  assert.equal(code, 0, stderr);
  assert.ok(!existsSync(runFile));
  assert.match(
    (await rampart(['warmup', 'status'], env)).stderr,
    /^rampart: Rampart is not running: \.\/rampart up\n$/,
  );
});
