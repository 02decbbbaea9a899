/** A real RabbitMQ on loopback for tests: a node, a name daemon and a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import amqp from 'amqplib';
import { freePort } from '../../setup/host/free-port.ts';
import { RABBITMQ_SERVER } from '../../setup/steps/rabbitmq.ts';
import { selfSigned } from './certificate.ts';

export interface RabbitMq {
  readonly url: string;
  /** The same broker over TLS, with a certificate nobody vouches for (PEM). */
  readonly tls: { readonly url: string; readonly cert: string };
  /** Ends it as a power cut would, and starts it again on the same data. */
  kill(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 90_000;

/** Starts a broker; it is empty, and knows the user guest. */
export async function startRabbitMq(): Promise<RabbitMq> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rampart-rabbitmq-'));
  const [port, tlsPort, distribution, epmd] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const { cert, certFile, keyFile } = selfSigned(folder);
  await mkdir(path.join(folder, 'home'));
  await writeFile(
    path.join(folder, 'rabbitmq.conf'),
    `listeners.tcp.local = 127.0.0.1:${port}
listeners.ssl.local = 127.0.0.1:${tlsPort}
ssl_options.certfile = ${certFile}
ssl_options.keyfile = ${keyFile}
loopback_users = none
log.file = false
log.console = true
`,
  );
  const env = {
    ...process.env,
    HOME: path.join(folder, 'home'),
    // Its name daemon: one of its own, on loopback.
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `rampart-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONFIG_FILE: path.join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: path.join(folder, 'none'),
    RABBITMQ_MNESIA_BASE: path.join(folder, 'data'),
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_PID_FILE: path.join(folder, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'enabled_plugins'),
    RABBITMQ_GENERATED_CONFIG_DIR: path.join(folder, 'config'),
  };
  const log = path.join(folder, 'log');
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const output = createWriteStream(log, { flags: 'a' });
    // A group of its own: the server is a shell that starts the Erlang machine.
    child = spawn(RABBITMQ_SERVER, [], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout?.pipe(output);
    child.stderr?.pipe(output);
    const end = performance.now() + START_MS;
    for (;;) {
      const connection = await amqp.connect(url, { timeout: 2_000 }).catch(() => undefined);
      if (connection !== undefined) return void (await connection.close());
      if (child.exitCode !== null || performance.now() > end) {
        throw new Error(`RabbitMQ does not start: ${(await readFile(log, 'utf8').catch(() => '')).slice(-1_000)}`);
      }
      await sleep(100);
    }
  }

  function kill(): void {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, 'SIGKILL');
    }
  }

  // Started here, it is our child and ends with us; started by Erlang, it would stay as a daemon.
  const names = spawn('epmd', ['-port', String(epmd)], { env, stdio: 'ignore' });
  await start().catch((error: Error) => {
    kill();
    names.kill('SIGKILL');
    throw error;
  });
  return {
    url,
    tls: { url: `amqps://guest:guest@localhost:${tlsPort}`, cert },
    kill,
    start: async () => {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await start();
    },
    stop: async () => {
      const gone = child !== undefined && child.exitCode === null && child.signalCode === null && once(child, 'exit');
      kill();
      await gone;
      names.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
