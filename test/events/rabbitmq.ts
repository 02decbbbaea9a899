/** A real RabbitMQ on loopback for tests: a node, a name daemon and a data folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import amqp from 'amqplib';
import { freePort } from '../../setup/host/free-port.ts';
import { RABBITMQ_SERVER } from '../../setup/steps/rabbitmq.ts';

const run = promisify(execFile);

export interface RabbitMq {
  readonly url: string;
  /** Ends it as a power cut would, and starts it again on the same data. */
  kill(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 90_000;

/** Starts a broker; it is empty, and knows the user guest. */
export async function startRabbitMq(): Promise<RabbitMq> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rampart-rabbitmq-'));
  const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()];
  await mkdir(path.join(folder, 'home'));
  await writeFile(
    path.join(folder, 'rabbitmq.conf'),
    `listeners.tcp.local = 127.0.0.1:${port}\nloopback_users = none\nlog.file = false\nlog.console = true\n`,
  );
  const env = {
    ...process.env,
    HOME: path.join(folder, 'home'),
    // Its name daemon: one of its own, on loopback, that ends with it.
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

  await start();
  return {
    url,
    kill,
    start: async () => {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await start();
    },
    stop: async () => {
      const gone = child !== undefined && child.exitCode === null && child.signalCode === null && once(child, 'exit');
      kill();
      await gone;
      // The daemon takes some moments to see that its node is gone.
      for (let attempt = 0; attempt < 50; attempt++) {
        const ended = await run('epmd', ['-port', String(epmd), '-kill'], { env }).then(
          ({ stdout }) => /Killed/.test(stdout),
          () => true,
        );
        if (ended) break;
        await sleep(100);
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
