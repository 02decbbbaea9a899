/** Runs ./rampart as people do, and makes configuration files for it. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createStore, type Store } from '../../store/connect.ts';
import { removeEmbedded } from '../../store/embedded/start.ts';
import { upsertAddress, upsertPool } from '../../store/lanes.ts';
import { startReady } from '../ready-cluster.ts';

const launcher = path.join(import.meta.dirname, '..', '..', 'rampart');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line to its end. */
export function rampart(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stdin?: string,
): Promise<Ran> {
  return startRampart(args, env, stdin).ended;
}

export interface Running {
  /** The first line on stdout; rejects if the command ends without one. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<Ran>;
  signal(name: NodeJS.Signals): void;
}

/** Starts a command line; variables that would lead it to another instance are taken out. */
export function startRampart(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stdin?: string,
): Running {
  const { DATABASE_URL, TEMPORAL_ADDRESS, RAMPART_CONFIG, RAMPART_DEBUG, ...rest } = process.env;
  const child = spawn(launcher, args, { env: { ...rest, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin ?? '');
  let stdout = '';
  let stderr = '';
  const ended = new Promise<Ran>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (stdout.includes('\n')) resolve(stdout.split('\n')[0] ?? '');
    });
    child.once('close', () => reject(new Error(`rampart ${args.join(' ')} ended without a line: ${stderr}`)));
  });
  // Most commands are only waited for to their end.
  firstLine.catch(() => {});
  return { firstLine, ended, signal: (name) => void child.kill(name) };
}

/** A folder that PostgreSQL's own user may enter, too. */
export async function openFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rampart-cli-'));
  await chmod(folder, 0o755);
  return folder;
}

/** Writes a configuration file and returns its path. */
export async function writeConfig(folder: string, config: unknown, name = 'rampart.config.ts'): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, `export default ${JSON.stringify(config, null, 2)};\n`);
  return file;
}

export const COLD = '127.10.0.11';
export const WARM = '127.10.0.10';

/** A pool of two addresses with two lanes each, cold and warm, that overflows to warm peers. */
export function smallConfig(): Record<string, unknown> & { pools: Record<string, unknown> } {
  return {
    providers: ['google', 'yahoo'],
    pools: {
      marketing: {
        addresses: [
          { ip: WARM, ehloName: 'mta-1.example.com', standing: 'warm' },
          { ip: COLD, ehloName: 'mta-2.example.com', standing: 'cold' },
        ],
      },
    },
  };
}

export interface DatabaseAlone {
  readonly store: Store;
  readonly folder: string;
  /** Runs ./rampart against it. */
  run(...args: string[]): Promise<Ran>;
  /** The same with this on its stdin. */
  runWith(stdin: string, ...args: string[]): Promise<Ran>;
  stop(): Promise<void>;
}

/** A Rampart whose Temporal, worker and MTA processes are all down: only its PostgreSQL runs. */
export async function databaseAlone(): Promise<DatabaseAlone> {
  const folder = await openFolder();
  const dataDir = path.join(folder, '.rampart');
  const server = await startReady(dataDir);
  const store = createStore(server.url, { max: 2 });
  const calendar = {
    kind: 'civil',
    zone: 'UTC',
    sendDays: [1, 2, 3, 4, 5, 6, 7],
    sendHours: { from: 0, to: 24 },
  } as const;
  for (const name of ['marketing', 'lonely']) await upsertPool(store, { name, overflow: 'warm-peers', calendar });
  const lanes = (warm: boolean) =>
    ['google', 'yahoo'].map((provider) => ({
      provider,
      phase: warm ? ('warm' as const) : ('planned' as const),
      ceiling: warm ? 1_000 : 0,
      normal: 1_000,
    }));
  const add = (address: string, pool: string, warm: boolean) =>
    upsertAddress(store, { address, pool, node: 'local', ehloName: 'mta.example.com' }, lanes(warm));
  await add(WARM, 'marketing', true);
  await add(COLD, 'marketing', false);
  await add('127.10.0.20', 'lonely', false);
  const config = await writeConfig(folder, smallConfig());
  // Port 9 (discard) of loopback: nothing listens there.
  const facts = { databaseUrl: server.url, temporalAddress: '127.0.0.1:9', namespace: 'rampart', pid: process.pid };
  await writeFile(path.join(dataDir, 'run.json'), JSON.stringify(facts), { mode: 0o600 });
  return {
    store,
    folder,
    run: (...args) => rampart(args, { RAMPART_CONFIG: config }),
    runWith: (stdin, ...args) => rampart(args, { RAMPART_CONFIG: config }, stdin),
    stop: async () => {
      await store.end();
      await removeEmbedded(dataDir);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
