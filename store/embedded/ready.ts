import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isAlive, type ProcessIdentity } from '../../setup/host/process.ts';
import { type Credentials, DATABASE, urlOf } from './credentials.ts';

/**
 * Waits until the server answers with our password and from our data directory, then makes sure our database exists.
 * Returns false when the process ended first.
 *
 * @throws Error in one line when the password is refused, when another cluster answers, or after `waitMs`
 * (crash recovery of a busy cluster takes its time).
 */
export async function waitUntilReady(
  server: ProcessIdentity,
  data: string,
  credentials: Credentials,
  waitMs = 120_000,
): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    if (!isAlive(server)) return false;
    const client = new pg.Client({ connectionString: urlOf(credentials, 'postgres'), connectionTimeoutMillis: 5_000 });
    // Without a listener, a server that stops in mid-handshake would end this process.
    client.on('error', () => {});
    try {
      await client.connect();
      await ensureDatabase(client, data);
      return true;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (!isStillStarting(code, message)) throw error;
      if (performance.now() > deadline) {
        throw new Error(`PostgreSQL (pid ${server.pid}) does not answer after ${waitMs / 1000} s: ${message}`);
      }
    } finally {
      await client.end().catch(() => {});
    }
    await sleep(30);
  }
}

/** 57P03 is "the database system is starting up", 57P01 "is shutting down". */
function isStillStarting(code: string | undefined, message: string): boolean {
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === '57P03' || code === '57P01') return true;
  return /timeout|terminated unexpectedly/i.test(message);
}

async function ensureDatabase(client: pg.Client, data: string): Promise<void> {
  const { rows } = await client.query<{ data_directory: string; exists: boolean }>(
    `select current_setting('data_directory') as data_directory,
            exists (select from pg_database where datname = $1) as exists`,
    [DATABASE],
  );
  const answer = rows[0];
  if (answer?.data_directory !== data) {
    throw new Error(`port ${client.port} belongs to another PostgreSQL (${answer?.data_directory}), not to ${data}`);
  }
  if (!answer.exists) await client.query(`create database ${DATABASE}`);
}
