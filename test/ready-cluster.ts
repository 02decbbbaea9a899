/**
 * A PostgreSQL cluster that is there already. To create one and apply all migrations takes more than a second of CPU, and
 * some eighty test files need one: it is made once for the sources it depends on, and each test gets a copy. What tests
 * creation, migration or a first start takes none of this.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { unprivilegedAccount } from '../setup/host/account.ts';
import { withLock } from '../setup/host/lock.ts';
import { createStore } from '../store/connect.ts';
import { readCredentials, writeCredentials } from '../store/embedded/credentials.ts';
import { makeFolders, placeCluster } from '../store/embedded/placement.ts';
import { type EmbeddedPostgres, startEmbedded } from '../store/embedded/start.ts';
import { migrate } from '../store/migrate.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '..');
const built = path.join(root, '.rampart', 'build');

/** A migrated database nobody connects to: `create database … template`. The database `rampart` is migrated as well. */
export const TEMPLATE = 'template_rampart';

/** Starts a server in `dataDir`, which holds no cluster yet, on a copy of the ready one. */
export async function startReady(dataDir: string): Promise<EmbeddedPostgres> {
  await layCluster(dataDir);
  return startEmbedded({ dataDir });
}

/** Puts a copy of the ready cluster where the server of `dataDir` will look for its own. */
export async function layCluster(dataDir: string): Promise<void> {
  const ready = await readyCluster();
  const place = placeCluster(path.resolve(dataDir), unprivilegedAccount());
  await makeFolders(place);
  await copy(path.join(ready, 'postgres'), place.data);
  await copy(path.join(ready, 'postgres.json'), place.credentials);
}

/** The folder of the ready cluster for the sources as they are now; made when it is not there. */
async function readyCluster(): Promise<string> {
  const folder = path.join(built, `cluster-${await digest()}`);
  if (existsSync(folder)) return folder;
  // Test files that start at once take turns: one makes it, the others find it.
  await withLock(folder, async () => {
    if (existsSync(folder)) return;
    await mkdir(built, { recursive: true });
    for (const old of await readdir(built))
      if (old.startsWith('cluster-')) await rm(path.join(built, old), { recursive: true });
    await make(folder);
  });
  return folder;
}

/** Made where the database's account may work, which need not be a folder of the checkout. */
async function make(folder: string): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'rampart-ready-'));
  await chmod(scratch, 0o755);
  try {
    const server = await startEmbedded({ dataDir: scratch });
    const store = createStore(server.url, { max: 1 });
    await migrate(store);
    await store.end();
    const other = createStore(server.url.replace(/[^/]+$/, 'postgres'), { max: 1 });
    await other.query(`create database ${TEMPLATE} template rampart`);
    await other.end();
    await server.stop();
    const credentials = path.join(scratch, 'postgres.json');
    const { password } = (await readCredentials(credentials)) ?? { password: '' };
    // No port to prefer: copies that start at once would all try the same one.
    await writeCredentials(credentials, { port: 0, password });
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    for (const part of ['postgres', 'postgres.json']) await copy(path.join(scratch, part), path.join(unfinished, part));
    await rename(unfinished, folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Whatever makes another cluster: PostgreSQL's version, how it is created, the migrations, this file. */
async function digest(): Promise<string> {
  const migrations = (await readdir(path.join(root, 'store/migrations'))).sort();
  const sources = [
    ...migrations.map((name) => path.join('store/migrations', name)),
    ...['store/embedded/create.ts', 'package-lock.json', 'test/ready-cluster.ts'],
  ];
  const hash = createHash('sha256').update(String(unprivilegedAccount()?.uid));
  for (const source of sources) hash.update(`${source}\n`).update(await readFile(path.join(root, source)));
  return hash.digest('hex').slice(0, 16);
}

/** With owners and modes, which PostgreSQL insists on; without copying bytes where the disk can share them. */
async function copy(from: string, to: string): Promise<void> {
  await run('cp', ['-a', '--reflink=auto', from, to]);
}
