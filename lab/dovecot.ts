/** The IMAP server of the seed mailboxes: a real Dovecot as a child process. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { dovecotConfig } from './dovecot-config.ts';
import { Maildir } from './maildir.ts';

const run = promisify(execFile);
const START_MS = 10_000;
const POLL_MS = 50;
const SETPRIV = '/usr/bin/setpriv';

export interface MailUser {
  readonly user: string;
  readonly password: string;
}

export class Dovecot {
  readonly port: number;
  readonly maildir: Maildir;
  readonly #directory: string;
  readonly #process: ChildProcess;

  private constructor(options: { port: number; maildir: Maildir; directory: string; process: ChildProcess }) {
    this.port = options.port;
    this.maildir = options.maildir;
    this.#directory = options.directory;
    this.#process = options.process;
  }

  /** Starts it on a free port of 127.0.0.1 and makes the mailboxes. Errors say what to install, or quote its log. */
  static async start(users: readonly MailUser[]): Promise<Dovecot> {
    const version = await installedVersion();
    // Not in the world's own directory: UNIX sockets need a short path, and user nobody must be able to get there.
    const directory = await mkdtemp(path.join(os.tmpdir(), 'lab-imap-'));
    await chmod(directory, 0o755);
    const runDirectory = path.join(directory, 'run');
    const mailDirectory = path.join(directory, 'mail');
    const passwordFile = path.join(directory, 'passwd');
    await Promise.all([mkdir(runDirectory), mkdir(mailDirectory)]);
    await writeFile(passwordFile, users.map(({ user, password }) => `${user}:{PLAIN}${password}\n`).join(''));
    const identity = identityOfMail();
    const maildir = new Maildir(mailDirectory, identity.owner);
    for (const { user } of users) await maildir.create(user);
    const port = await freePort();
    const configFile = path.join(directory, 'dovecot.conf');
    const layout = { version, port, runDirectory, mailDirectory, passwordFile, ...identity };
    await writeFile(configFile, dovecotConfig(layout));
    const child = spawnTied(['-F', '-c', configFile]);
    const server = new Dovecot({ port, maildir, directory, process: child });
    await server.#ready(path.join(runDirectory, 'dovecot.log'));
    return server;
  }

  /** Ends the process and removes the mailboxes. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exit = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      await exit;
    }
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #ready(log: string): Promise<void> {
    let said = '';
    this.#process.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    for (let waited = 0; waited < START_MS; waited += POLL_MS) {
      if (this.#process.exitCode !== null) break;
      if (await greets(this.port)) return;
      await sleep(POLL_MS);
    }
    const detail = said || (await readFile(log, 'utf8').catch(() => ''));
    await this.stop();
    throw new Error(`dovecot did not start: ${detail.trim().split('\n').at(-1) || 'no reason given'}`);
  }
}

async function installedVersion(): Promise<[number, number]> {
  const { stdout } = await run('dovecot', ['--version']).catch((cause: Error) => {
    throw new Error(
      'the seed mailboxes need Dovecot: apt-get update && apt-get install -y --no-install-recommends dovecot-imapd',
      { cause },
    );
  });
  const [major, minor] = stdout.split('.').map(Number);
  if (major !== 2 || minor === undefined || minor < 3)
    throw new Error(`dovecot 2.3 or 2.4 is needed, not ${stdout.trim()}`);
  return [major, minor];
}

// Dovecot serves no mail as root (by design), so root hands it to nobody; anybody else runs all of it as himself.
function identityOfMail(): { user: string; group: string; owner?: { uid: number; gid: number } } {
  if (process.getuid?.() !== 0) {
    return { user: os.userInfo().username, group: execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim() };
  }
  const idOf = (option: string) => Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }));
  const group = execFileSync('id', ['-gn', 'nobody'], { encoding: 'utf8' }).trim();
  return { user: 'nobody', group, owner: { uid: idOf('-u'), gid: idOf('-g') } };
}

// With setpriv (util-linux) the kernel ends Dovecot if the lab is killed, which then could not do it itself.
function spawnTied(args: string[]): ChildProcess {
  const stdio: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe'];
  if (!existsSync(SETPRIV)) return spawn('dovecot', args, { stdio });
  return spawn(SETPRIV, ['--pdeathsig', 'TERM', 'dovecot', ...args], { stdio });
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function greets(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    const [greeting] = (await once(socket, 'data', { signal: AbortSignal.timeout(1000) })) as [Buffer];
    return greeting.toString().startsWith('* OK');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
