import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { freePort } from '../../setup/host/free-port.ts';
import { withLock } from '../../setup/host/lock.ts';
import { identify, isAlive, type ProcessIdentity } from '../../setup/host/process.ts';
import { endServer, endSurvivor, forgetServer, recordServer } from './survivor.ts';

export interface TemporalServerOptions {
  /** The `temporal` program, from `locateTemporal`. */
  readonly binary: string;
  /** SQLite file that holds every workflow; made when missing. */
  readonly dbFile: string;
  /** gRPC port on 127.0.0.1; default a free one. */
  readonly port?: number;
  /** Port of Temporal's own web pages on 127.0.0.1; without it there are none. */
  readonly uiPort?: number;
  /** Registered at start; default `rampart`. */
  readonly namespace?: string;
  readonly logFile: string;
  /** Plan days last seconds (demo, lab, tests): timers must be exact. */
  readonly compressed: boolean;
}

export interface TemporalServer {
  /** host:port for a connection. */
  readonly address: string;
  readonly pid: number;
  /** Ends the server and waits for it. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts Temporal's one-machine server and waits until its namespace answers. A server of the same file that outlived
 * a killed Rampart is ended first.
 *
 * @throws Error in one line, naming the log, when it does not start within 30 s or the file is in use.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const namespace = options.namespace ?? 'rampart';
  await mkdir(path.dirname(options.dbFile), { recursive: true });
  await mkdir(path.dirname(options.logFile), { recursive: true });
  const port = options.port ?? (await freePort());
  const server = await withLock(`temporal server ${path.resolve(options.dbFile)}`, async () => {
    await endSurvivor(options.dbFile);
    const spawned = await spawnServer(options, port, namespace);
    await recordServer(options.dbFile, spawned.pid);
    return spawned;
  });
  const stop = async () => {
    await endServer(server);
    await forgetServer(options.dbFile);
  };
  const address = `127.0.0.1:${port}`;
  try {
    await waitForNamespace(server, address, namespace);
  } catch (error) {
    await stop();
    throw new Error(`the Temporal server did not start on ${address}: ${(error as Error).message}`, { cause: error });
  }
  return { address, pid: server.pid, stop };
}

async function spawnServer(
  options: TemporalServerOptions,
  port: number,
  namespace: string,
): Promise<ProcessIdentity & { readonly log: string }> {
  const log = await open(options.logFile, 'a');
  // A process group of its own: Ctrl-C is for us, who stop the server last.
  const child = spawn(options.binary, serverArguments(options, port, namespace), {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new Error(`cannot run ${options.binary}: ${error.message}`)));
    });
  } finally {
    await log.close();
  }
  child.unref();
  const server = child.pid === undefined ? undefined : identify(child.pid);
  if (!server) throw new Error(`the Temporal server ended at once; its log is ${options.logFile}`);
  return { ...server, log: options.logFile };
}

function serverArguments(options: TemporalServerOptions, port: number, namespace: string): string[] {
  const ui = options.uiPort === undefined ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', `${options.uiPort}`];
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${port}`, ...ui],
    ...['--db-filename', options.dbFile, '--namespace', namespace, '--log-level', 'warn', '--log-format', 'json'],
    ...(options.compressed ? EXACT_TIMERS : []),
  ];
}

/**
 * By default a timer may fire up to one second late, which is nothing in a day of 24 hours and half of a day of two
 * seconds: 42 days of 50 ms took 48 s, with this 9 s (measured).
 */
const EXACT_TIMERS = ['--dynamic-config-value', 'history.timerProcessorMaxTimeShift="50ms"'];

async function waitForNamespace(server: ProcessIdentity & { log: string }, address: string, namespace: string) {
  const deadline = performance.now() + 30_000;
  for (;;) {
    if (!isAlive(server)) throw new Error(`it ended; see ${server.log}`);
    let connection: Connection | undefined;
    try {
      // gRPC waits a second after its first refused connection: knock with plain TCP until somebody opens.
      await knock(address);
      connection = await Connection.connect({ address, connectTimeout: 1_000 });
      await connection.workflowService.describeNamespace({ namespace });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`${(error as Error).message}; see ${server.log}`);
    } finally {
      await connection?.close();
    }
    await sleep(50);
  }
}

function knock(address: string): Promise<void> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: host ?? '127.0.0.1', port: Number(port) });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}
