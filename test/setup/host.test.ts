import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { closedFolder } from '../../setup/host/account.ts';
import { cacheDir } from '../../setup/host/cache-dir.ts';
import { withLock } from '../../setup/host/lock.ts';
import { makeOpenFolder } from '../../setup/host/open-folder.ts';
import { identify, isAlive, waitForEnd } from '../../setup/host/process.ts';

const lockModule = path.join(import.meta.dirname, '../../setup/host/lock.ts');

test('the cache folder is RAMPART_CACHE when set', () => {
  assert.equal(cacheDir({ RAMPART_CACHE: '/srv/cache' }), '/srv/cache');
  const fallback = process.getuid?.() === 0 ? '/var/cache/rampart' : '/xdg/rampart';
  assert.equal(cacheDir({ XDG_CACHE_HOME: '/xdg' }), fallback);
});

test('work under one lock never overlaps, and a failure frees the lock', async () => {
  const name = `test ${process.pid}`;
  let inside = 0;
  const work = async () => {
    inside++;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(inside, 1);
    inside--;
  };
  await Promise.all([withLock(name, work), withLock(name, work), withLock(name, work)]);
  await assert.rejects(
    withLock(name, () => Promise.reject(new Error('failed'))),
    /failed/,
  );
  assert.equal(await withLock(name, async () => 'free'), 'free');
});

test('a lock is refused while another process holds it and free once that one is killed', async () => {
  const name = `test held ${process.pid}`;
  const code = `
    const { withLock } = await import(${JSON.stringify(lockModule)});
    await withLock(${JSON.stringify(name)}, async () => { console.log('held'); await new Promise((r) => setTimeout(r, 60_000)); });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  await assert.rejects(
    withLock(name, async () => {}, 0),
    /another rampart process is still busy/,
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await withLock(name, async () => 'free'), 'free');
});

test('a process is known by pid and start, and its end is noticed', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const identity = identify(child.pid ?? 0);
  assert.ok(identity && isAlive(identity));
  assert.equal(isAlive({ pid: identity.pid, startTicks: '1' }), false);
  assert.equal(await waitForEnd(identity, 0), false);
  child.kill('SIGKILL');
  assert.equal(await waitForEnd(identity, 5_000), true);
});

test('a folder closed to an account is found, and new folders are open under any umask', async () => {
  const top = await mkdtemp(path.join(tmpdir(), 'rampart-host-'));
  const stranger = { uid: 54_321, gid: 54_321 };
  await mkdir(path.join(top, 'data'));
  assert.equal(closedFolder(path.join(top, 'data'), stranger), top);
  await chmod(top, 0o711);
  assert.equal(closedFolder(path.join(top, 'data', 'new'), stranger), undefined);

  const umask = process.umask(0o077);
  try {
    await makeOpenFolder(path.join(top, 'a', 'b'));
  } finally {
    process.umask(umask);
  }
  assert.equal((await stat(path.join(top, 'a'))).mode & 0o777, 0o755);
  assert.equal((await stat(path.join(top, 'a', 'b'))).mode & 0o777, 0o755);
  assert.equal((await stat(top)).mode & 0o777, 0o711);
  await rm(top, { recursive: true });
});
