import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, unprivilegedAccount } from '../../setup/host/account.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { withLock } from '../../setup/host/lock.ts';
import { identify, type ProcessIdentity } from '../../setup/host/process.ts';
import { providePostgres } from './binaries.ts';
import { createCluster } from './create.ts';
import { type Credentials, readCredentials, urlOf, writeCredentials } from './credentials.ts';
import { type ClusterPlace, makeFolders, placeCluster } from './placement.ts';
import { endPostmaster, findPostmaster, stopPostmaster } from './postmaster.ts';
import { waitUntilReady } from './ready.ts';
import { serverOptions } from './settings.ts';

/** A PostgreSQL server of our own that is ready for connections. */
export interface EmbeddedPostgres {
  /** postgres:// URL of the database `rampart`, password included. */
  readonly url: string;
  /** False when a server already ran in this folder and was joined. */
  readonly started: boolean;
  readonly pid: number;
  /** PostgreSQL's data directory. */
  readonly dataDir: string;
  /** Stops the server if this call started it; a joined one belongs to whoever started it. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL of the folder `dataDir`, creating it the first time, or joins the one that runs there. Safe to
 * call from several processes at once: one starts, the others join. The server is a process group of its own, so a
 * Ctrl-C at the terminal reaches us and not it, and it outlives a `kill -9` of ours to be joined by the next start.
 *
 * @throws Error in one line, with the end of the server's log, when it does not start.
 */
export async function startEmbedded(options: {
  dataDir: string;
  log?: (line: string) => void;
}): Promise<EmbeddedPostgres> {
  const dataDir = path.resolve(options.dataDir);
  const bin = await providePostgres();
  return withLock(`embedded-postgres ${dataDir}`, async () => {
    const account = unprivilegedAccount();
    const place = placeCluster(dataDir, account);
    if (place.closed) {
      options.log?.(`database in ${place.data}: it runs as uid ${account?.uid}, which may not enter ${place.closed}`);
    }
    await makeFolders(place);
    if (!existsSync(place.data)) await createCluster(place, bin, account);
    const data = await realpath(place.data);
    const credentials = await readCredentials(place.credentials);
    if (!credentials) throw new Error(`${place.credentials} is missing, so nobody can log in to ${data}: restore it`);

    const running = await findPostmaster(data);
    if (running) {
      const reached = { ...credentials, port: running.port };
      if (await waitUntilReady(running, data, reached)) {
        return { url: urlOf(reached), started: false, pid: running.pid, dataDir: data, stop: async () => {} };
      }
    }
    const { server, reached } = await launch(place, data, bin, account, credentials);
    return {
      url: urlOf(reached),
      started: true,
      pid: server.pid,
      dataDir: data,
      stop: () => stopPostmaster(server),
    };
  });
}

/** Stops whatever server runs for `dataDir`, also an orphan; says whether there was one. */
export async function stopEmbedded(dataDir: string): Promise<boolean> {
  return stopWith(stopPostmaster, dataDir);
}

function stopWith(stop: (server: ProcessIdentity) => Promise<void>, dataDir: string): Promise<boolean> {
  return withLock(`embedded-postgres ${path.resolve(dataDir)}`, async () => {
    const running = await findPostmaster(placeCluster(path.resolve(dataDir), unprivilegedAccount()).data);
    if (!running) return false;
    await stop(running);
    return true;
  });
}

/** Stops the server of `dataDir` and deletes its data, wherever it lies; returns the deleted data directory. */
export async function removeEmbedded(dataDir: string): Promise<string | undefined> {
  await stopWith(endPostmaster, dataDir);
  const place = placeCluster(path.resolve(dataDir), unprivilegedAccount());
  if (!existsSync(place.data)) return undefined;
  const folder = path.dirname(place.data);
  await rm(place.data, { recursive: true });
  await rm(place.credentials, { force: true });
  // A folder of its own under /var/lib goes too; the folder the person named is theirs.
  if (folder !== path.resolve(dataDir)) await rm(folder, { recursive: true, force: true });
  return place.data;
}

/** A start can fail for a passing reason: somebody took the port, or backends of a killed server still end. */
const PASSING = /could not bind|pre-existing shared memory block|could not create any TCP\/IP sockets/;

async function launch(
  place: ClusterPlace,
  data: string,
  bin: string,
  account: Account | undefined,
  stored: Credentials,
): Promise<{ server: ProcessIdentity; reached: Credentials }> {
  for (let attempt = 1; ; attempt++) {
    const reached = { ...stored, port: await freePort(stored.port) };
    await writeCredentials(place.credentials, reached);
    const log = await open(place.log, 'a');
    const { size } = await log.stat();
    const server = await spawnServer(path.join(bin, 'postgres'), serverOptions(data, reached.port), account, log.fd);
    await log.close();
    if (server && (await waitUntilReady(server, data, reached))) return { server, reached };

    const said = await readFrom(place.log, size);
    if (attempt >= 20 || !PASSING.test(said)) {
      const reason =
        /(?:FATAL|PANIC): +(.*)/.exec(said)?.[1] ?? (said.trim().split('\n').at(-1) || 'it ended without a word');
      throw new Error(`PostgreSQL did not start: ${reason} (log: ${place.log})`);
    }
    await sleep(500);
  }
}

async function spawnServer(
  program: string,
  options: string[],
  account: Account | undefined,
  log: number,
): Promise<ProcessIdentity | undefined> {
  const child = spawn(program, options, {
    ...account,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    detached: true,
    stdio: ['ignore', log, log],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new Error(`cannot run ${program}: ${error.message}`)));
  });
  child.unref();
  return child.pid === undefined ? undefined : identify(child.pid);
}

async function readFrom(file: string, offset: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.max(0, size - offset));
    await handle.read(buffer, 0, buffer.length, offset);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}
