/** Installs Debian packages that only demos and tests need, without starting or enabling their services. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { withLock } from '../host/lock.ts';

const run = promisify(execFile);

export interface DebianPackages {
  readonly names: readonly string[];
  /** Services that come with them: the tests run their own, on ports of their own. */
  readonly services: readonly string[];
  /** Whether everything is there already. */
  readonly present: () => boolean;
}

/** Installs what is not there. Throws an Error in one line that says what to do. */
export async function installDebian(packages: DebianPackages, log: (line: string) => void): Promise<void> {
  const { names, services, present } = packages;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}`;
  if (process.getuid?.() !== 0) throw new Error(`as root, run: ${command}`);
  if (!existsSync('/usr/bin/apt-get'))
    throw new Error(`this is no Debian: install by hand what ${names.join(', ')} brings`);
  log(`installing Debian packages: ${names.join(', ')}`);
  await withLock('apt-get', async () => {
    if (!present()) await withoutServiceStart(() => install(names, command));
  });
  // The machine's own must not come up at the next boot either.
  if (existsSync('/run/systemd/system')) {
    for (const service of services) await run('systemctl', ['disable', service]).catch(() => {});
  }
}

async function install(names: readonly string[], command: string): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  try {
    await run('apt-get', [...wait, 'update'], { env });
    await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', ...names], { env, maxBuffer: 2 ** 26 });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.split('\n').find((line) => line.startsWith('E: '));
    throw new Error(
      `apt-get failed (${said?.slice(3) ?? (error as Error).message.split('\n')[0]}); as root, run: ${command}`,
    );
  }
}

/**
 * Debian starts a service as soon as its package is installed, unless policy-rc.d answers 101 ("action forbidden",
 * invoke-rc.d(8)). A machine that has such a policy keeps its own.
 */
async function withoutServiceStart(work: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return work();
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    await rm(policy, { force: true });
  }
}
