import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, type ProcessIdentity, signal, waitForEnd } from '../../setup/host/process.ts';

/** A running PostgreSQL server of a data directory. */
export interface Postmaster extends ProcessIdentity {
  readonly port: number;
}

/**
 * Finds the server that runs in `data`, also one that outlived the `kill -9` of the process that started it.
 * What a dead server left behind is cleared away.
 *
 * postmaster.pid holds the pid in line 1, the port in line 4, the shared memory's key and id in line 7.
 */
export async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const file = path.join(data, 'postmaster.pid');
  let lines: string[];
  try {
    lines = (await readFile(file, 'utf8')).split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const process = identify(Number(lines[0]));
  if (process?.name === 'postgres') return { ...process, port: Number(lines[3]) };
  await clearStaleFile(file, lines[6]);
  return undefined;
}

/**
 * PostgreSQL refuses to start while the pid in the file answers to a signal under its own uid, and a zombie does, as
 * does a stranger that got the same pid later. So we remove the file, but only once no orphaned backend is attached
 * to the old shared memory any more: that is the other thing the file protects from.
 */
async function clearStaleFile(file: string, sharedMemory: string | undefined): Promise<void> {
  const id = sharedMemory?.trim().split(/\s+/)[1];
  const deadline = performance.now() + 10_000;
  while (id && (await attached(id)) > 0) {
    if (performance.now() > deadline) {
      throw new Error(`processes of a killed PostgreSQL still run in ${path.dirname(file)}; end them and try again`);
    }
    await sleep(50);
  }
  await rm(file, { force: true });
}

/** How many processes use a System V segment: column nattch of /proc/sysvipc/shm. */
async function attached(id: string): Promise<number> {
  const table = await readFile('/proc/sysvipc/shm', 'utf8').catch(() => '');
  const row = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((columns) => columns[1] === id);
  return Number(row?.[6] ?? 0);
}

/**
 * Stops a server: fast (sessions end, a checkpoint is written), and after 30 s at once, which costs the next start a
 * crash recovery but no committed data.
 *
 * @throws Error in one line when it lives even then.
 */
export async function stopPostmaster(server: ProcessIdentity): Promise<void> {
  signal(server.pid, 'SIGINT');
  if (await waitForEnd(server, 30_000)) return;
  signal(server.pid, 'SIGQUIT');
  if (await waitForEnd(server, 10_000)) return;
  throw notStopping(server);
}

/**
 * Ends a server whose data is about to be deleted: at once, without the checkpoint of a stop that means to go on.
 *
 * @throws Error in one line when it lives even then.
 */
export async function endPostmaster(server: ProcessIdentity): Promise<void> {
  signal(server.pid, 'SIGQUIT');
  if (!(await waitForEnd(server, 10_000))) throw notStopping(server);
}

const notStopping = ({ pid }: ProcessIdentity) =>
  new Error(`PostgreSQL (pid ${pid}) does not stop; end it with "kill -9 ${pid}"`);
