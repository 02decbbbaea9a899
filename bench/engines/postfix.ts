/**
 * Postfix as a relay: an instance of its own in a temporary folder, on loopback, with its queue on the same disk. Tuned
 * as one tunes a relay that does nothing else (more processes and connections than the defaults, no flow delay, no
 * chroot, no anvil limits); what it syncs to disk is left as it is.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../setup/host/free-port.ts';
import { reachable } from '../reachable.ts';
import { CONNECTIONS, type Engine, type Target } from './engine.ts';

const run = promisify(execFile);
const PROGRAM = '/usr/sbin/postfix';

/** `more`: settings of main.cf beside those of a relay. */
export async function startPostfix(
  target: Target,
  more: Readonly<Record<string, string>> = {},
): Promise<Engine & { readonly logFile: string }> {
  if (process.getuid?.() !== 0) throw new Error('Postfix starts as root only: run the benchmark as root');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-postfix-'));
  await chmod(folder, 0o755);
  const config = path.join(folder, 'config');
  const port = await freePort();
  await mkdir(config);
  for (const name of ['data', 'queue']) await mkdir(path.join(folder, name));
  await run('chown', ['postfix', path.join(folder, 'data')]);
  await writeFile(path.join(config, 'main.cf'), main(folder, target, more));
  await writeFile(path.join(config, 'master.cf'), services(port));
  await run(PROGRAM, ['-c', config, 'start']).catch((error: { stderr?: string; message: string }) => {
    throw new Error(`Postfix did not start: ${error.stderr ?? error.message}`);
  });
  await reachable('127.0.0.1', port);
  const master = Number(await readFile(path.join(folder, 'queue/pid/master.pid'), 'utf8'));
  return {
    name: 'postfix',
    port,
    peakMegabytes: () => null,
    pids: () => [master],
    usesDatabase: false,
    logFile: path.join(folder, 'postfix.log'),
    stop: async () => {
      await run(PROGRAM, ['-c', config, 'stop']);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function main(folder: string, target: Target, more: Readonly<Record<string, string>>): string {
  const settings: Record<string, string | number> = {
    compatibility_level: '3.6',
    queue_directory: `${folder}/queue`,
    data_directory: `${folder}/data`,
    maillog_file: `${folder}/postfix.log`,
    maillog_file_prefixes: folder,
    myhostname: 'relay.example',
    mydestination: '',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    mynetworks: '127.0.0.0/8',
    relayhost: `[${target.ip}]:${target.port}`,
    smtpd_recipient_restrictions: 'permit_mynetworks, reject',
    smtpd_tls_security_level: 'none',
    smtp_tls_security_level: 'none',
    smtp_dns_support_level: 'disabled',
    alias_maps: '',
    alias_database: '',
    local_recipient_maps: '',
    // A relay that does nothing else may have more of everything than the defaults of a desktop.
    default_process_limit: 300,
    default_destination_concurrency_limit: CONNECTIONS,
    initial_destination_concurrency: CONNECTIONS,
    smtp_destination_recipient_limit: 1,
    smtpd_client_connection_count_limit: 0,
    smtpd_client_connection_rate_limit: 0,
    in_flow_delay: '0s',
    max_use: 10_000,
    smtpd_peername_lookup: 'no',
    ...more,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

function services(port: number): string {
  const rows = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
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
