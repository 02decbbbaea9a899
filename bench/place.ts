/** What every benchmark needs once: a folder that is removed at the end, a PostgreSQL in it, and the sink. */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../setup/host/free-port.ts';
import { createStore } from '../store/connect.ts';
import { removeEmbedded, startEmbedded } from '../store/embedded/start.ts';
import type { Target } from './engines/engine.ts';
import { Sink } from './sink.ts';

/** Results stay here (not in git). */
export const OUT = path.join(import.meta.dirname, 'out');

export interface Place {
  readonly sink: Sink;
  readonly target: Target;
  /** The database server's. */
  readonly postmaster: number;
  /** URL of a new database. */
  database(name: string): Promise<string>;
  stop(): Promise<void>;
}

export async function makePlace(): Promise<Place> {
  await mkdir(OUT, { recursive: true });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-bench-'));
  await chmod(folder, 0o755);
  const dataDir = path.join(folder, 'data');
  const server = await startEmbedded({ dataDir });
  const target = { ip: '127.30.0.1', port: await freePort(), domain: 'readers.example' };
  const sink = await Sink.start(target.ip, target.port);
  return {
    sink,
    target,
    postmaster: server.pid,
    database: async (name) => {
      const main = createStore(server.url, { max: 1 });
      await main.query(`create database bench_${name}`);
      await main.end();
      return server.url.replace(/[^/]+$/, `bench_${name}`);
    },
    stop: async () => {
      await sink.stop();
      await removeEmbedded(dataDir);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
