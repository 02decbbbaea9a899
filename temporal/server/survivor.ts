import { readFile, rm, writeFile } from 'node:fs/promises';
import { identify, isAlive, type ProcessIdentity, signal, waitForEnd } from '../../setup/host/process.ts';

/**
 * Who runs the server of a database file. After `kill -9` of our process the server lives on and holds its port and
 * its SQLite file; two servers on one file would corrupt each other's view of it. So the pair is written down, and
 * the next start ends a server whose owner is gone.
 */
interface ServerRecord {
  readonly server: ProcessIdentity;
  readonly owner: ProcessIdentity;
}

const recordOf = (dbFile: string) => `${dbFile}.server.json`;

/** Notes that this process owns `pid` as the server of `dbFile`. */
export async function recordServer(dbFile: string, pid: number): Promise<void> {
  const server = identify(pid);
  const owner = identify(process.pid);
  if (!server || !owner) return;
  await writeFile(recordOf(dbFile), `${JSON.stringify({ server, owner } satisfies ServerRecord)}\n`);
}

/** Forgets the server, once it has ended. */
export async function forgetServer(dbFile: string): Promise<void> {
  await rm(recordOf(dbFile), { force: true });
}

/**
 * Ends a server of `dbFile` that outlived its owner.
 *
 * @throws Error in one line when its owner is alive: the file is in use.
 */
export async function endSurvivor(dbFile: string): Promise<void> {
  let record: ServerRecord;
  try {
    record = JSON.parse(await readFile(recordOf(dbFile), 'utf8')) as ServerRecord;
  } catch {
    // No record, or half of one: the machine went down in mid-write, and the server with it.
    return;
  }
  if (isAlive(record.server)) {
    if (isAlive(record.owner)) {
      throw new Error(`${dbFile} is in use by another Rampart (pid ${record.owner.pid}): stop that one first`);
    }
    await endServer(record.server);
  }
  await forgetServer(dbFile);
}

/** SIGTERM lets the server close its database; SIGKILL after 10 s costs nothing, SQLite is built for it. */
export async function endServer(server: ProcessIdentity): Promise<void> {
  signal(server.pid, 'SIGTERM');
  if (await waitForEnd(server, 10_000)) return;
  signal(server.pid, 'SIGKILL');
  await waitForEnd(server, 5_000);
}
