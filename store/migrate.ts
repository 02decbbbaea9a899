import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Queryable, type Store, tx } from './connect.ts';

interface Migration {
  readonly name: string;
  readonly checksum: string;
  readonly sql: string;
}

/** Any constant does, as long as nothing else in this database locks it. */
const ADVISORY_LOCK = 7_260_611;

/**
 * Brings the database to the newest schema: applies the files `NNNN_name.sql` of `folder` (default store/migrations)
 * that it has not seen, in order, each in a transaction of its own. Processes that start at once take turns.
 *
 * @returns the names applied by this call.
 * @throws Error in one line when an applied file was changed, or when the database is newer than this code.
 */
export async function migrate(
  store: Store,
  folder: string = path.join(import.meta.dirname, 'migrations'),
): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(folder);
  const applied: string[] = [];
  for (;;) {
    // The lock ends with the transaction, so it also works behind a connection pooler, and a crash cannot keep it.
    const name = await tx(store, async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
      const next = await nextMigration(client, migrations);
      if (!next) return undefined;
      try {
        await client.query(next.sql);
      } catch (error) {
        throw new Error(`migration ${next.name} failed and was undone: ${(error as Error).message}`, { cause: error });
      }
      await client.query('insert into schema_migrations (name, checksum) values ($1, $2)', [next.name, next.checksum]);
      return next.name;
    });
    if (name === undefined) return { applied };
    applied.push(name);
  }
}

async function nextMigration(client: Queryable, migrations: Migration[]): Promise<Migration | undefined> {
  await client.query(`
    create table if not exists schema_migrations (
      name       text primary key,
      checksum   text not null,
      applied_at timestamptz not null default now()
    )`);
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from schema_migrations order by name',
  );
  for (const [index, row] of rows.entries()) {
    const file = migrations[index];
    if (file?.name === row.name) {
      if (file.checksum === row.checksum) continue;
      throw new Error(`migration ${row.name} was changed after it was applied: restore the file and add a new one`);
    }
    const known = migrations.some(({ name }) => name === row.name);
    throw new Error(
      known
        ? `migration ${file?.name} is new but older than the applied ${row.name}: give it a higher number`
        : `the database has migration ${row.name}, which this version does not know: install a newer Rampart`,
    );
  }
  return migrations[rows.length];
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations: Migration[] = [];
  for (const name of names) {
    const number = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1];
    if (!number) throw new Error(`${path.join(folder, name)} is not named like 0001_name.sql`);
    if (migrations.at(-1)?.name.startsWith(number)) {
      throw new Error(`two migrations have the number ${number}: ${migrations.at(-1)?.name} and ${name}`);
    }
    const sql = await readFile(path.join(folder, name), 'utf8');
    migrations.push({ name, checksum: createHash('sha256').update(sql).digest('hex'), sql });
  }
  return migrations;
}
