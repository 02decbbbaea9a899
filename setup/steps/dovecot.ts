import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { withLock } from '../host/lock.ts';
import type { Step } from './step.ts';

const run = promisify(execFile);

const INSTALL = 'apt-get update && apt-get install -y --no-install-recommends dovecot-imapd';
const PROGRAMS = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot'];

/**
 * Dovecot serves the lab's seed mailboxes. Only the demo and the tests need it (`required`); elsewhere its absence is
 * said and passed over.
 */
export function dovecotStep(required: boolean): Step {
  return {
    name: 'Dovecot',
    why: "the IMAP server of the lab's seed mailboxes (demo and tests only)",
    run: async (log) => {
      if (installed()) return `found ${installed()}`;
      try {
        if (process.getuid?.() !== 0) throw new Error(`as root, run: ${INSTALL}`);
        if (!existsSync('/usr/bin/apt-get')) throw new Error('install Dovecot with its IMAP server by hand');
        log('installing the Debian package dovecot-imapd');
        await withLock('apt-get dovecot', async () => {
          if (!installed()) await install();
        });
        return `installed ${installed()}`;
      } catch (error) {
        const reason = `Dovecot is missing; ${(error as Error).message}`;
        if (required) throw new Error(reason);
        return `${reason}; without it "make demo" and "make test" do not run`;
      }
    },
  };
}

const installed = () => PROGRAMS.find((program) => existsSync(program));

async function install(): Promise<void> {
  await withoutServiceStart(async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const wait = ['-o', 'DPkg::Lock::Timeout=300'];
    try {
      await run('apt-get', [...wait, 'update'], { env });
      await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', 'dovecot-imapd'], { env });
    } catch (error) {
      const said = (error as { stderr?: string }).stderr?.split('\n').find((line) => line.startsWith('E: '));
      throw new Error(
        `apt-get failed (${said?.slice(3) ?? (error as Error).message.split('\n')[0]}); as root, run: ${INSTALL}`,
      );
    }
  });
  // The lab runs its own Dovecot on a port of its own: the machine's must not come up at the next boot either.
  if (existsSync('/run/systemd/system')) await run('systemctl', ['disable', 'dovecot']).catch(() => {});
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
