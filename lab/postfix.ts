/**
 * A Postfix of one's own: configuration, queue and log in a temporary folder, on loopback, beside whatever Postfix the
 * machine has. It needs root, because Postfix's master does.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PROGRAM = '/usr/sbin/postfix';
const HOST = '127.0.0.1';
const PATIENCE_MS = 20_000;

export interface Postfix {
  readonly port: number;
  /** Process id of its master. */
  readonly pid: number;
  /** Its log, as it writes it. */
  readonly logFile: string;
  /** Messages in its queue. */
  queued(): Promise<number>;
  /** Idempotent; ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface PostfixOptions {
  readonly port: number;
  /** Settings of main.cf, beside those that keep it in its folder. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** Files beside main.cf, by name; `$config_directory/name` in a setting names one. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Starts it; when it resolves it answers. On an error nothing keeps running. */
export async function startPostfix({ port, settings, files = {} }: PostfixOptions): Promise<Postfix> {
  if (process.getuid?.() !== 0) throw new Error('Postfix starts as root only');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-postfix-'));
  const config = path.join(folder, 'config');
  const logFile = path.join(folder, 'postfix.log');
  let stopping: Promise<void> | null = null;
  const stop = () => {
    stopping ??= (async () => {
      await run(PROGRAM, ['-c', config, 'stop']).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    })();
    return stopping;
  };
  try {
    await chmod(folder, 0o755);
    for (const name of ['config', 'data', 'queue']) await mkdir(path.join(folder, name));
    await run('chown', ['postfix', path.join(folder, 'data')]);
    const all = { ...home(folder, logFile), ...settings };
    const main = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`);
    await writeFile(path.join(config, 'main.cf'), main.join(''));
    await writeFile(path.join(config, 'master.cf'), services(port));
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(config, name), text);
    await run(PROGRAM, ['-c', config, 'start']).catch((error: { stderr?: string; message: string }) => {
      throw new Error(`Postfix did not start: ${error.stderr ?? error.message}`);
    });
    await answers(port);
    const pid = Number(await readFile(path.join(folder, 'queue/pid/master.pid'), 'utf8'));
    return { port, pid, logFile, queued: () => queued(config), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A line of JSON a message (postqueue(1) -j). */
async function queued(config: string): Promise<number> {
  const { stdout } = await run('/usr/sbin/postqueue', ['-c', config, '-j']);
  return stdout.split('\n').filter((line) => line !== '').length;
}

/** What keeps it in its folder and on loopback, and away from accounts and aliases of the machine. */
function home(folder: string, logFile: string): Record<string, string> {
  return {
    compatibility_level: '3.6',
    queue_directory: `${folder}/queue`,
    data_directory: `${folder}/data`,
    maillog_file: logFile,
    maillog_file_prefixes: folder,
    mydestination: '',
    inet_interfaces: HOST,
    inet_protocols: 'ipv4',
    mynetworks: '127.0.0.0/8',
    smtp_dns_support_level: 'disabled',
    smtpd_recipient_restrictions: 'permit_mynetworks, reject',
    smtpd_tls_security_level: 'none',
    smtp_tls_security_level: 'none',
    smtpd_peername_lookup: 'no',
    alias_maps: '',
    alias_database: '',
    local_recipient_maps: '',
  };
}

function services(port: number): string {
  const rows = [
    `${HOST}:${port} inet n - n - - smtpd`,
    'cleanup unix n - n - 0 cleanup',
    // Woken every second: what waits is looked at when queue_run_delay says, not five minutes later.
    'qmgr unix n - n 1 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'showq unix n - n - - showq',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'scache unix - - n - 1 scache',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'postlog unix-dgram n - n - 1 postlogd',
  ];
  return `${rows.join('\n')}\n`;
}

async function answers(port: number): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; ; ) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, HOST, () => {
        socket.end();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    if (performance.now() > end) throw new Error(`Postfix did not answer on ${HOST}:${port}`);
    await sleep(50);
  }
}
