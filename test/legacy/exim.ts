/** Exim as a relay of its own on loopback, without rights: all its mail goes to one host. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { reachable } from '../../bench/reachable.ts';
import { unprivilegedAccount } from '../../setup/host/account.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { eximPlace } from '../../setup/steps/exim.ts';

export interface Exim {
  readonly port: number;
  readonly mainLog: string;
  stop(): Promise<void>;
}

export async function startExim(target: { readonly ip: string; readonly port: number }): Promise<Exim> {
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

function configuration(folder: string, port: number, { ip, port: to }: { ip: string; port: number }): string {
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
keep_environment =
log_timezone = true
queue_only = false
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
  allow_localhost = true
  max_rcpt = 1
  hosts_try_dane =
  hosts_avoid_tls = *
begin retry
* * F,1h,1s
`;
}
