/** A real PostgreSQL with Rampart's tables, in a folder of its own. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createStore, type Store } from '../../store/connect.ts';
import { removeEmbedded } from '../../store/embedded/start.ts';
import { startReady } from '../ready-cluster.ts';

export interface Database {
  readonly url: string;
  readonly store: Store;
  /** For whatever else a test leaves. */
  readonly folder: string;
  /** Empties every table. */
  clear(): Promise<void>;
  remove(): Promise<void>;
}

export async function startDatabase(): Promise<Database> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rampart-decisions-'));
  await chmod(folder, 0o755);
  const dataDir = path.join(folder, 'data');
  const { url } = await startReady(dataDir);
  const store = createStore(url, { applicationName: 'test' });
  return {
    url,
    store,
    folder,
    clear: async () => {
      const { rows } = await store.query(
        `select string_agg(quote_ident(tablename), ', ') as names from pg_tables where schemaname = 'public'
           and tablename in ('pools', 'addresses', 'ramps', 'lanes', 'grants', 'holds', 'operations', 'decisions', 'incidents', 'gate_states', 'gate_counted', 'signals', 'lane_orders',
             'notices', 'attempts', 'rollups', 'complaints', 'late_bounces', 'probes')`,
      );
      await store.query(`truncate ${rows[0].names} restart identity cascade`);
    },
    remove: async () => {
      await store.end();
      await removeEmbedded(dataDir);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
