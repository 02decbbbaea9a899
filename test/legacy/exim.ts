/** Exim as a relay of its own on loopback, without rights: all its mail goes to one host. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { reachable } from '../../bench/reachable.ts';
import { unprivilegedAccount } from '../../setup/host/account.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { eximPlace } from '../../setup/steps/exim.ts';

export interface Exim {
  readonly port: number;
  readonly mainLog: string;
  /** Messages in its queue. */
  queued(): Promise<number>;
  stop(): Promise<void>;
}

export interface EximTarget {
  readonly ip: string;
  readonly port: number;
  /** The address it sends from; absent: the system chooses. */
  readonly from?: string;
}

export async function startExim(target: EximTarget): Promise<Exim> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-exim-'));
  const port = await freePort();
  for (const name of ['spool', 'log']) {
    await mkdir(path.join(folder, name));
    await chmod(path.join(folder, name), 0o777);
  }
  await chmod(folder, 0o755);
  const config = path.join(folder, 'exim.conf');
  await writeFile(config, configuration(folder, port, target));
  const { program, libraries } = eximPlace();
  const account = unprivilegedAccount();
  const [uid, gid] = [account?.uid ?? process.getuid?.() ?? 0, account?.gid ?? process.getgid?.() ?? 0];
  const [passwd, group] = [path.join(folder, 'passwd'), path.join(folder, 'group')];
  await writeFile(passwd, `Debian-exim:x:${uid}:${gid}::/:/bin/false\n`);
  await writeFile(group, `Debian-exim:x:${gid}:\n`);
  const child: ChildProcess = spawn(program, ['-C', config, '-bdf', '-q1s'], {
    stdio: 'ignore',
    env: {
      ...process.env,
      LD_LIBRARY_PATH: libraries,
      LD_PRELOAD: path.join(libraries, 'libnss_wrapper.so'),
      NSS_WRAPPER_PASSWD: passwd,
      NSS_WRAPPER_GROUP: group,
    },
    ...(account && { uid: account.uid, gid: account.gid }),
  });
  await reachable('127.0.0.1', port);
  return {
    port,
    mainLog: path.join(folder, 'log', 'mainlog'),
    queued: async () => {
      // One header file a message; before the first one there is no folder.
      const files = await readdir(path.join(folder, 'spool', 'input')).catch(() => []);
      return files.filter((name) => name.endsWith('-H')).length;
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill();
        await ended;
      }
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

function configuration(folder: string, port: number, { ip, port: to, from }: EximTarget): string {
  return `
exim_path = ${eximPlace().program}
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
pid_file_path = ${folder}/spool/exim.pid
primary_hostname = relay.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
domainlist local_domains =
acl_smtp_rcpt = accept
host_lookup =
rfc1413_query_timeout = 0s
never_users =
deliver_drop_privilege = true
tls_advertise_hosts =
# It starts itself anew to write a bounce, and finds its libraries by these.
keep_environment = LD_LIBRARY_PATH : LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
log_timezone = true
queue_only = false
# An engine behind another one gets many messages over one connection: none of them waits for a queue run.
smtp_accept_queue_per_connection = 0
begin routers
out:
  driver = manualroute
  domains = *
  transport = remote
  route_list = * ${ip}
  self = send
begin transports
remote:
  driver = smtp
  port = ${to}
${from === undefined ? '' : `  interface = ${from}\n`}  allow_localhost = true
  max_rcpt = 1
  hosts_try_dane =
  hosts_avoid_tls = *
begin retry
* * F,1h,1s
`;
}
