import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import type { WorldState } from '../../lab/control.ts';
import type { WorldFacts } from '../../lab/world.ts';
import { directoryFor } from './support.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const SCENARIO = path.join(ROOT, 'lab/scenarios/ten-days.json');

function lab(t: TestContext, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [path.join(ROOT, 'lab/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => void child.kill('SIGKILL'));
  return child;
}

async function firstOutput(child: ChildProcess, stream: 'stdout' | 'stderr'): Promise<string> {
  const source = child[stream];
  assert.ok(source);
  const [chunk] = (await once(source, 'data')) as [Buffer];
  return chunk.toString();
}

test('the world tells where it is, starts its clock on demand and ends on SIGTERM', async (t) => {
  const directory = await directoryFor(t);
  const child = lab(t, 'world', '--scenario', SCENARIO, '--dir', directory, '--day-length', '3000');
  assert.match(await firstOutput(child, 'stdout'), /^world ready: dns 127\.0\.0\.1:\d+, smtp port \d+/);
  const facts = JSON.parse(await readFile(path.join(directory, 'world.json'), 'utf8')) as WorldFacts;
  assert.deepEqual(
    facts.providers.map((one) => one.key),
    ['google', 'microsoft-consumer', 'yahoo', 'apple', 'other'],
  );
  const get = async (door: string) => (await (await fetch(`${facts.control}${door}`)).json()) as Partial<WorldState>;
  assert.deepEqual(await get('/healthz'), { ok: true });
  assert.equal((await get('/state')).epoch, null);
  const epoch = Date.now() - 4.5 * 3000;
  const post = (door: string, body: unknown) => {
    return fetch(`${facts.control}${door}`, { method: 'POST', body: JSON.stringify(body) });
  };
  assert.equal((await post('/start', { epoch })).status, 200);
  const state = await get('/state');
  assert.ok((state.day ?? 0) >= 4.5);
  assert.equal((await post('/event', { type: 'outage', provider: 'nobody', hours: 1 })).status, 400);
  assert.equal((await post('/start', { epoch: 'now' })).status, 400);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('the application ends on SIGTERM and prints what it did', async (t) => {
  const directory = await directoryFor(t);
  const options = ['--user', 'u', '--pass', 'p', '--pool', 'x', '--day-length', '3000', '--epoch', String(Date.now())];
  // Port 9 (discard) is served nowhere: nothing can be injected, nothing may be counted as such.
  const child = lab(t, 'inject', '--scenario', SCENARIO, '--dir', directory, '--to', '127.0.0.1:9', ...options);
  const output = firstOutput(child, 'stdout');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  child.kill('SIGTERM');
  const summary = JSON.parse(await output);
  assert.equal(summary.injected, 0);
  assert.ok(summary.pending > 0);
  assert.match(summary.trouble, /ECONNREFUSED/);
});

test('a missing option is named in one line', async (t) => {
  const child = lab(t, 'world', '--scenario', SCENARIO);
  assert.match(await firstOutput(child, 'stderr'), /^--dir is missing\n/);
  assert.deepEqual(await once(child, 'exit'), [1, null]);
});

test('a mail host that can not be understood is named with what it should look like', async (t) => {
  const hosts = ['--mail-hosts', 'bounce.shop.example=mx.shop.example:2626'];
  const child = lab(t, 'world', '--scenario', SCENARIO, '--dir', '/nonexistent', '--day-length', '3000', ...hosts);
  assert.match(await firstOutput(child, 'stderr'), /^--mail-hosts: .* should read DOMAIN=IP:PORT/);
  assert.deepEqual(await once(child, 'exit'), [1, null]);
});
