/** One PostgreSQL server a test file, an own migrated database a test. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createStore } from '../../store/connect.ts';
import { type EmbeddedPostgres, removeEmbedded, startEmbedded } from '../../store/embedded/start.ts';
import { startReady, TEMPLATE } from '../ready-cluster.ts';

export interface Databases {
  /** Scratch folder of the test file, for logs. */
  readonly folder: string;
  /** URL of a new, migrated database. */
  create(): Promise<string>;
  /** Stops the server (fast: sessions are cut) and starts it again on the same port. */
  restart(between?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** `within`: an existing folder to work in, such as a small disk of its own; default: one in the system's temporary folder. */
export async function startDatabases(within: string = os.tmpdir()): Promise<Databases> {
  const folder = await mkdtemp(path.join(within, 'rampart-mta-'));
  await chmod(folder, 0o755);
  const dataDir = path.join(folder, 'data');
  let server: EmbeddedPostgres = await startReady(dataDir);
  const main = createStore(server.url, { max: 1 });
  const at = (name: string) => server.url.replace(/[^/]+$/, name);
  let count = 0;
  return {
    folder,
    create: async () => {
      count += 1;
      const name = `mta_${count}`;
      await main.query(`create database ${name} template ${TEMPLATE}`);
      return at(name);
    },
    restart: async (between) => {
      await server.stop();
      await between?.();
      server = await startEmbedded({ dataDir });
    },
    stop: async () => {
      await main.end();
      await removeEmbedded(dataDir);
      await rm(folder, { recursive: true });
    },
  };
}
