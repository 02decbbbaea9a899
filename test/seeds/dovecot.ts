/** A real Dovecot (2.3) on loopback for tests: mailboxes as Maildirs that the test writes itself. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Dovecot {
  readonly port: number;
  /** Stores a message; `folder` is a Maildir++ name such as `.Junk`, or empty for the inbox. */
  deliver(user: string, folder: string, raw: string): Promise<void>;
  stop(): Promise<void>;
}

/** Why no Dovecot can run here, or undefined. The tests skip with it. */
export async function dovecotMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'this Dovecot runner starts as root';
  const version = await run('dovecot', ['--version']).catch(() => undefined);
  if (version === undefined) return 'no dovecot: apt-get install -y --no-install-recommends dovecot-imapd';
  return version.stdout.startsWith('2.3') ? undefined : `dovecot ${version.stdout.trim()} is not 2.3`;
}

/** Every user has the password `seed`. Only `Abseits` is announced as \Junk: no list of names knows it. */
export async function startDovecot(users: readonly string[]): Promise<Dovecot> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-dovecot-'));
  await chmod(dir, 0o755);
  const port = await freePort();
  const [uid, gid] = await Promise.all([id('-u'), id('-g')]);
  await mkdir(join(dir, 'mail'));
  await chown(join(dir, 'mail'), uid, gid);
  await writeFile(join(dir, 'users'), users.map((user) => `${user}:{PLAIN}seed\n`).join(''));
  await chmod(join(dir, 'users'), 0o644);
  await writeFile(join(dir, 'dovecot.conf'), configuration(dir, port));

  const child = spawn('dovecot', ['-F', '-c', join(dir, 'dovecot.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += chunk;
  });
  await listening(port, child).catch(async (error: Error) => {
    child.kill('SIGTERM');
    const log = await readFile(join(dir, 'log'), 'utf8').catch(() => '');
    throw new Error(`${error.message}: ${complaint}${log}`);
  });

  let delivered = 0;
  return {
    port,
    async deliver(user, folder, raw) {
      const maildir = join(dir, 'mail', user, folder);
      for (const part of ['', 'cur', 'new', 'tmp']) await ownedDir(join(maildir, part), uid, gid);
      delivered += 1;
      const name = `${delivered}.test`;
      await writeFile(join(maildir, 'tmp', name), raw);
      await chown(join(maildir, 'tmp', name), uid, gid);
      await rename(join(maildir, 'tmp', name), join(maildir, 'new', name));
    },
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(dir, { recursive: true, force: true });
    },
  };

  async function ownedDir(path: string, owner: number, group: number): Promise<void> {
    await mkdir(path, { recursive: true });
    await chown(path, owner, group);
  }
}

function configuration(dir: string, port: number): string {
  return `base_dir = ${dir}/run
state_dir = ${dir}/state
log_path = ${dir}/log
listen = 127.0.0.1
protocols = imap
ssl = no
disable_plaintext_auth = no
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 1
mail_location = maildir:${dir}/mail/%u
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = ${dir}/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${dir}/mail/%u
}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
namespace inbox {
  inbox = yes
  mailbox Abseits {
    auto = create
    special_use = \\Junk
  }
}
`;
}

async function id(flag: '-u' | '-g'): Promise<number> {
  return Number((await run('id', [flag, 'nobody'])).stdout);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (child.exitCode !== null) throw new Error(`dovecot ended with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await sleep(100);
  }
  throw new Error('dovecot does not listen');
}
