/** A step that brings a Debian package which only the demo or the tests need; elsewhere its absence is passed over. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { withLock } from '../host/lock.ts';
import type { Step } from './step.ts';

const run = promisify(execFile);

export interface DebianPackage {
  readonly name: string;
  readonly why: string;
  readonly packages: readonly string[];
  /** Where it was found; undefined: it is not installed. */
  readonly found: () => string | undefined;
  /** A service that comes with it and must not come up at the next boot. */
  readonly service?: string;
  /** What its installation would ask a person, as debconf-set-selections(1) takes it: `package question type value`. */
  readonly answers?: readonly string[];
  /** What does not work without it. */
  readonly neededBy: string;
}

/** `required`: without it set-up fails. */
export function debianPackageStep(wanted: DebianPackage, required: boolean): Step {
  const { name, why, packages, found, neededBy } = wanted;
  const byHand = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  return {
    name,
    why,
    run: async (log) => {
      const there = found();
      if (there !== undefined) return `found ${there}`;
      try {
        if (process.getuid?.() !== 0) throw new Error(`as root, run: ${byHand}`);
        if (!existsSync('/usr/bin/apt-get')) throw new Error(`install ${packages.join(' and ')} by hand`);
        log(`installing the Debian ${packages.length === 1 ? 'package' : 'packages'} ${packages.join(', ')}`);
        // One lock for all packages: dpkg has one as well.
        await withLock('apt-get', async () => {
          if (found() === undefined) await install(wanted, byHand);
        });
        const now = found();
        if (now === undefined) throw new Error(`apt-get installed it, and it is not there; as root, run: ${byHand}`);
        return `installed ${now}`;
      } catch (error) {
        const reason = `${name} is missing; ${(error as Error).message}`;
        if (required) throw new Error(reason);
        return `${reason}; without it ${neededBy} not run`;
      }
    },
  };
}

async function install({ packages, service, answers = [] }: DebianPackage, byHand: string): Promise<void> {
  await withoutServiceStart(async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const wait = ['-o', 'DPkg::Lock::Timeout=300'];
    try {
      await run('apt-get', [...wait, 'update'], { env });
      await answer(answers);
      // --no-remove: a machine that has another mail server, say, keeps it, and a person is told.
      await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', '--no-remove', ...packages], { env });
    } catch (error) {
      const said = (error as { stderr?: string }).stderr?.split('\n').find((line) => line.startsWith('E: '));
      throw new Error(
        `apt-get failed (${said?.slice(3) ?? (error as Error).message.split('\n')[0]}); as root, run: ${byHand}`,
      );
    }
  });
  // Tests run their own on a port of their own: the machine's must not come up at the next boot either.
  if (service !== undefined && existsSync('/run/systemd/system'))
    await run('systemctl', ['disable', service]).catch(() => {});
}

async function answer(answers: readonly string[]): Promise<void> {
  if (answers.length === 0) return;
  const done = run('debconf-set-selections');
  done.child.stdin?.end(`${answers.join('\n')}\n`);
  await done;
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
