import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { createStore } from '../../store/connect.ts';
import { removeEmbedded, startEmbedded } from '../../store/embedded/start.ts';
import { migrate } from '../../store/migrate.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'rampart-migrate-'));
await chmod(folder, 0o755);
const server = await startEmbedded({ dataDir: path.join(folder, 'data') });
const store = createStore(server.url);
let files: string;

beforeEach(async () => {
  await store.query('drop schema public cascade; create schema public');
  files = await mkdtemp(path.join(folder, 'migrations-'));
});

after(async () => {
  await store.end();
  await removeEmbedded(path.join(folder, 'data'));
  await rm(folder, { recursive: true });
});

const write = (name: string, sql: string) => writeFile(path.join(files, name), sql);

test('files are applied once, in order, and new ones later', async () => {
  await write('0002_fill.sql', 'insert into t values (1);');
  await write('0001_create.sql', 'create table t (n int); create index on t (n);');
  assert.deepEqual(await migrate(store, files), { applied: ['0001_create.sql', '0002_fill.sql'] });
  assert.deepEqual(await migrate(store, files), { applied: [] });
  await write('0003_more.sql', 'insert into t values (2)');
  assert.deepEqual(await migrate(store, files), { applied: ['0003_more.sql'] });
  assert.deepEqual((await store.query('select n from t order by n')).rows, [{ n: 1 }, { n: 2 }]);
});

test('a file that fails leaves nothing behind, and those before it stay', async () => {
  await write('0001_create.sql', 'create table t (n int)');
  await write('0002_bad.sql', 'insert into t values (1); insert into nowhere values (1)');
  await assert.rejects(migrate(store, files), /0002_bad\.sql failed and was undone: relation "nowhere" does not exist/);
  assert.equal((await store.query('select from t')).rowCount, 0);
  await write('0002_bad.sql', 'insert into t values (1)');
  assert.deepEqual(await migrate(store, files), { applied: ['0002_bad.sql'] });
});

test('processes that migrate at once apply each file once between them', async () => {
  await write('0001_create.sql', 'create table t (n int); select pg_sleep(0.1)');
  await write('0002_fill.sql', 'insert into t values (1)');
  const results = await Promise.all([migrate(store, files), migrate(store, files), migrate(store, files)]);
  assert.deepEqual(results.flatMap(({ applied }) => applied).sort(), ['0001_create.sql', '0002_fill.sql']);
  assert.equal((await store.query('select from t')).rowCount, 1);
});

test('an applied file that was changed is refused', async () => {
  await write('0001_create.sql', 'create table t (n int)');
  await migrate(store, files);
  await write('0001_create.sql', 'create table t (n bigint)');
  await assert.rejects(migrate(store, files), /0001_create\.sql was changed after it was applied/);
});

test('a database that is newer than the code is refused', async () => {
  await write('0001_create.sql', 'create table t (n int)');
  await write('0002_next.sql', 'create table u (n int)');
  await migrate(store, files);
  await rm(path.join(files, '0002_next.sql'));
  await assert.rejects(migrate(store, files), /has migration 0002_next\.sql.*install a newer Rampart/);
});

test('a new file between applied ones is refused', async () => {
  await write('0001_create.sql', 'create table t (n int)');
  await write('0003_later.sql', 'create table u (n int)');
  await migrate(store, files);
  await write('0002_between.sql', 'create table v (n int)');
  await assert.rejects(migrate(store, files), /0002_between\.sql is new but older/);
});

test('two files with one number, or a misnamed file, are refused', async () => {
  await write('0001_a.sql', '');
  await write('0001_b.sql', '');
  await assert.rejects(migrate(store, files), /two migrations have the number 0001/);
  await rm(path.join(files, '0001_b.sql'));
  await write('2_short.sql', '');
  await assert.rejects(migrate(store, files), /is not named like/);
});
