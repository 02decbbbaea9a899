import path from 'node:path';
import pg from 'pg';
import { startEmbedded } from './embedded/start.ts';

/** A pool of connections to Rampart's PostgreSQL. */
export type Store = pg.Pool;

/** Anything a query can run on: the pool, or the one client of a transaction. */
export type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

export interface StoreOptions {
  /** Shown in pg_stat_activity and the server's log; default `rampart`. */
  readonly applicationName?: string;
  /** Most connections of this process; default 10. */
  readonly max?: number;
  /** Settings of every session, such as `{ jit: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told when an idle connection breaks; the pool replaces it by itself. */
  readonly onError?: (error: Error) => void;
}

const INT8 = 20;
const INT8_ARRAY = 1016;

/**
 * Opens a pool on `url` (connections are made when first used). int8 columns come as numbers: every id and count we
 * keep fits 2^53, and a value that does not is an error rather than a rounded number. Close it with `store.end()`.
 */
export function createStore(url: string, options: StoreOptions = {}): Store {
  const store = new pg.Pool({
    connectionString: url,
    application_name: options.applicationName ?? 'rampart',
    max: options.max ?? 10,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    ...(options.settings === undefined ? {} : { options: sessionOptions(options.settings) }),
    types: { getTypeParser },
  });
  // Without a listener, the server's restart kills this process through its idle connections (57P01).
  store.on('error', options.onError ?? (() => {}));
  return store;
}

/**
 * Runs `work` in one transaction on one connection: committed when it returns, rolled back when it throws. Never
 * retried: whoever knows that the work may be repeated repeats it.
 */
export async function tx<T>(store: Store, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return onClient(store, (client) => inTransaction(client, work));
}

/** Runs `work` on one connection of its own. */
export async function onClient<T>(store: Store, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await store.connect();
  // A connection that breaks between two queries tells it by an event; unheard, that would end the process. The next query
  // on it fails, and the pool does not take it back.
  let broken: Error | undefined;
  const note = (error: Error) => {
    broken = error;
  };
  client.on('error', note);
  try {
    return await work(client);
  } finally {
    client.off('error', note);
    client.release(broken);
  }
}

async function inTransaction<T>(client: pg.PoolClient, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection that cannot even roll back is closed, not handed to the next caller.
    await client.query('rollback').catch((failed: Error) => client.emit('error', failed));
    throw error;
  }
}

/** The database this process is to use, and how to let go of it. */
export interface DiscoveredDatabase {
  readonly url: string;
  readonly source: 'DATABASE_URL' | 'embedded';
  /** Stops the embedded server if this call started it. */
  stop(): Promise<void>;
}

/** `DATABASE_URL` when set; else the embedded PostgreSQL of `dataDir`, started or joined. */
export async function discoverDatabase(options: {
  dataDir: string;
  log?: (line: string) => void;
  env?: NodeJS.ProcessEnv;
}): Promise<DiscoveredDatabase> {
  const url = (options.env ?? process.env).DATABASE_URL;
  if (url) return { url, source: 'DATABASE_URL', stop: async () => {} };
  const { dataDir, log } = options;
  const server = await startEmbedded({ dataDir: path.resolve(dataDir), ...(log && { log }) });
  return { url: server.url, source: 'embedded', stop: server.stop };
}

function sessionOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}

// biome-ignore lint/suspicious/noExplicitAny: the signature is that of pg's own table of parsers.
function getTypeParser(type: any, format?: any): any {
  if (format === 'binary') return pg.types.getTypeParser(type, 'binary');
  if (type === INT8) return toSafeNumber;
  if (type === INT8_ARRAY) {
    const parse = pg.types.getTypeParser(type) as (text: string) => (string | null)[];
    return (text: string) => parse(text).map((item) => (item === null ? null : toSafeNumber(item)));
  }
  return pg.types.getTypeParser(type);
}

function toSafeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} does not fit a number exactly`);
  return value;
}
