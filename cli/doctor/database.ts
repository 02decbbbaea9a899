import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createStore, type Store } from '../../store/connect.ts';
import { type ProcessRow, processRows } from '../../store/processes.ts';
import { durabilityProblems } from '../../store/spool.ts';
import { CHECKOUT, type ResolvedConfig } from '../config/load.ts';
import type { RunningInstance } from '../instance.ts';
import { type Check, ok, said, wrong } from './check.ts';
import { checkDkim } from './dkim.ts';
import { checkSinks } from './events.ts';
import { textsOf } from './network.ts';

/** PostgreSQL, its durability, the schema and the processes that renew their lease in it. */
export async function checkDatabase(instance: RunningInstance, config: ResolvedConfig | undefined): Promise<Check[]> {
  const store = createStore(instance.databaseUrl, { applicationName: 'rampart-doctor', max: 1 });
  try {
    const { rows } = await store.query('show server_version');
    const found = [ok('postgresql', `version ${rows[0]?.server_version} answers`), await durability(store)];
    const schema = await migrations(store);
    found.push(schema);
    if (schema.ok) {
      found.push(...processes(await processRows(store), config), ...(await checkSinks(store, config)));
      if (config !== undefined) found.push(...(await signatures(store, config)));
    }
    return found;
  } catch (error) {
    return [wrong('postgresql', said(error), 'start it with ./rampart up, or correct DATABASE_URL')];
  } finally {
    await store.end();
  }
}

function signatures(store: Store, config: ResolvedConfig): Promise<Check[]> {
  const dkim = config.mta.delivery?.dkim ?? { files: [], alsoSign: {} };
  return checkDkim(store, dkim, (name) => textsOf(config, name), Date.now());
}

async function durability(store: Store): Promise<Check> {
  const problems = await durabilityProblems(store);
  return problems.length === 0
    ? ok('durability', 'a committed message survives a crash')
    : wrong('durability', problems.join(', '), 'set them on in postgresql.conf: accepted mail could be lost');
}

async function migrations(store: Store): Promise<Check> {
  const files = (await readdir(path.join(CHECKOUT, 'store', 'migrations')))
    .filter((name) => name.endsWith('.sql'))
    .sort();
  const { rows: there } = await store.query(`select to_regclass('schema_migrations') is not null as there`);
  const applied: string[] = there[0]?.there
    ? (await store.query('select name from schema_migrations order by name')).rows.map((row) => row.name)
    : [];
  const missing = files.filter((name) => !applied.includes(name));
  const unknown = applied.filter((name) => !files.includes(name));
  if (unknown.length > 0)
    return wrong('migrations', `${unknown.join(', ')} is newer than this code`, 'install a newer Rampart');
  if (missing.length > 0) return wrong('migrations', `${missing.join(', ')} is not applied`, 'run ./rampart up');
  return ok('migrations', `${applied.length} applied`);
}

function processes(rows: readonly ProcessRow[], config: ResolvedConfig | undefined): Check[] {
  return (['worker', 'mta'] as const).map((role) => {
    const here = rows.filter(
      (row) => row.role === role && (role === 'worker' || config === undefined || row.node === config.node),
    );
    const alive = here.filter((row) => row.alive);
    const wanted = role === 'mta' ? (config?.mtaProcesses ?? 1) : 1;
    const says = `${alive.length} of ${wanted} alive${alive.length > 0 ? ` (pid ${alive.map((row) => row.pid).join(', ')})` : ''}`;
    if (alive.length >= wanted) return ok(role, says);
    const todo = role === 'mta' ? 'no mail leaves without one' : 'ceilings end after three days without one';
    return wrong(role, says, `${todo}: see <dataDir>/log, or start ./rampart up again`);
  });
}
