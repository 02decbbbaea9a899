/**
 * The Rampart that runs: where its database and its Temporal are. `up` writes them to <dataDir>/run.json; DATABASE_URL
 * and TEMPORAL_ADDRESS say it where no `up` ran on this machine.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createStore, type Store } from '../store/connect.ts';
import { CliError, type Invocation, text } from './command.ts';
import { findDataDir } from './config/load.ts';

export interface RunningInstance {
  readonly databaseUrl: string;
  /** host:port; absent: TEMPORAL_ADDRESS and its companions. */
  readonly temporalAddress?: string;
  readonly namespace?: string;
  readonly pid?: number;
  readonly submissionPort?: number;
  readonly inboundPort?: number | null;
}

/** Where the instance is; throws CliError `not-running` when nothing says so. Whether it answers is another question. */
export async function findInstance(invocation: Invocation): Promise<RunningInstance> {
  const { env } = invocation;
  const dataDir = await findDataDir({ file: text(invocation, 'config'), env });
  const run = await readRunFile(path.join(dataDir, 'run.json'));
  const databaseUrl = env.DATABASE_URL || run?.databaseUrl;
  if (databaseUrl === undefined) throw notRunning();
  // A server that TEMPORAL_ADDRESS names may need a certificate or key: its own settings (envconfig) are read there.
  const { temporalAddress, ...rest } = run ?? {};
  return { ...rest, databaseUrl, ...(temporalAddress && !env.TEMPORAL_ADDRESS ? { temporalAddress } : {}) };
}

/** Runs `work` on the instance's database; throws CliError `not-running` when the database does not answer. */
export async function withStore<T>(
  invocation: Invocation,
  work: (store: Store, instance: RunningInstance) => Promise<T>,
): Promise<T> {
  const instance = await findInstance(invocation);
  const store = createStore(instance.databaseUrl, { applicationName: 'rampart-cli', max: 2 });
  try {
    await reach(store, invocation.env);
    return await work(store, instance);
  } finally {
    await store.end();
  }
}

async function reach(store: Store, env: NodeJS.ProcessEnv): Promise<void> {
  let rows: { ready: boolean }[];
  try {
    ({ rows } = await store.query(`select to_regclass('lanes') is not null as ready`));
  } catch (error) {
    if (!env.DATABASE_URL) throw notRunning();
    const { message, code } = error as NodeJS.ErrnoException;
    throw new CliError(
      'no-database',
      `the database of DATABASE_URL does not answer (${message || code}): start it, or correct the URL`,
    );
  }
  if (rows[0]?.ready !== true) throw new CliError('no-schema', 'the database is empty: ./rampart up sets it up');
}

function notRunning(): CliError {
  return new CliError('not-running', 'Rampart is not running: ./rampart up');
}

async function readRunFile(file: string): Promise<RunningInstance | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return undefined;
    throw new CliError('not-readable', `${file} can not be read (${code}): run this as the user that runs Rampart`);
  }
}
