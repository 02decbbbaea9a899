import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { identify, waitForEnd } from '../../setup/host/process.ts';
import { createStore, discoverDatabase, tx } from '../../store/connect.ts';
import { removeEmbedded, startEmbedded, stopEmbedded } from '../../store/embedded/start.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'rampart-embedded-'));
// mkdtemp makes it 0700; as root the server runs as `nobody`, which must be able to enter.
await chmod(folder, 0o755);
const dataDir = path.join(folder, 'data');
const startModule = path.join(import.meta.dirname, '../../store/embedded/start.ts');

after(async () => {
  await stopEmbedded(dataDir);
  await rm(folder, { recursive: true, force: true });
});

/** Starts the server in another Node process, which stays until it is killed. */
async function startElsewhere() {
  const code = `
    const { startEmbedded } = await import(${JSON.stringify(startModule)});
    const { pid, started } = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)} });
    console.log(JSON.stringify({ pid, started }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const { pid, started } = JSON.parse(`${line}`) as { pid: number; started: boolean };
  const kill = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { pid, started, kill };
}

async function ask<T>(url: string, sql: string): Promise<T[]> {
  const store = createStore(url);
  try {
    return (await store.query(sql)).rows as T[];
  } finally {
    await store.end();
  }
}

test('a new folder gets a durable server that wants a password and hides it', async () => {
  const server = await startEmbedded({ dataDir });
  assert.equal(server.started, true);
  const [row] = await ask<Record<string, string>>(
    server.url,
    `select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
            current_setting('synchronous_commit') as commit, current_setting('listen_addresses') as host`,
  );
  assert.deepEqual(row, { fsync: 'on', pages: 'on', commit: 'on', host: '127.0.0.1' });
  await assert.rejects(ask(server.url.replace(/:[^:@]+@/, ':wrong@'), 'select 1'), /password authentication failed/);
  assert.equal((await stat(path.join(dataDir, 'postgres.json'))).mode & 0o777, 0o600);

  await server.stop();
  await server.stop();
  assert.equal(identify(server.pid), undefined);
});

test('a restart keeps data and port; a taken port is replaced', async () => {
  const first = await startEmbedded({ dataDir });
  const port = Number(new URL(first.url).port);
  await ask(first.url, 'create table kept as select 1 as n');
  await first.stop();

  const second = await startEmbedded({ dataDir });
  assert.equal(Number(new URL(second.url).port), port);
  await second.stop();

  const thief = net.createServer().listen(port, '127.0.0.1');
  await once(thief, 'listening');
  const third = await startEmbedded({ dataDir });
  assert.notEqual(Number(new URL(third.url).port), port);
  assert.deepEqual(await ask(third.url, 'select n from kept'), [{ n: 1 }]);
  await third.stop();
  thief.close();
});

test('of two processes that start it at once, one starts and the other joins', async () => {
  const [a, b] = await Promise.all([startElsewhere(), startElsewhere()]);
  assert.equal(a.pid, b.pid);
  assert.deepEqual([a.started, b.started].sort(), [false, true]);
  await Promise.all([a.kill(), b.kill()]);
  assert.equal(await stopEmbedded(dataDir), true);
});

test('a server that outlived the kill -9 of its process is joined, not stopped by the one who joined, and stopped by name', async () => {
  const elsewhere = await startElsewhere();
  await elsewhere.kill();
  const joined = await startEmbedded({ dataDir });
  assert.deepEqual([joined.started, joined.pid], [false, elsewhere.pid]);
  await joined.stop();
  assert.ok(identify(joined.pid));
  assert.equal(await stopEmbedded(dataDir), true);
  assert.equal(identify(joined.pid), undefined);
  assert.equal(await stopEmbedded(dataDir), false);
});

test('committed rows survive the kill -9 of the server itself', async () => {
  const first = await startEmbedded({ dataDir });
  const store = createStore(first.url);
  await store.query('create table survivors (n int)');
  await store.query('insert into survivors select generate_series(1, 100)');
  const killed = identify(first.pid);
  assert.ok(killed);
  process.kill(first.pid, 'SIGKILL');
  await waitForEnd(killed, 5_000);

  const second = await startEmbedded({ dataDir });
  assert.equal(second.started, true);
  assert.deepEqual(await ask(second.url, 'select count(*) as n from survivors'), [{ n: 100 }]);
  await store.end();
  await second.stop();
});

test('a pid file that names a stranger does not keep the server from starting', async () => {
  const stranger = `${process.pid}\n${dataDir}/postgres\n0\n5432\n\n127.0.0.1\n         0         0\nready\n`;
  await writeFile(path.join(dataDir, 'postgres', 'postmaster.pid'), stranger);
  const server = await startEmbedded({ dataDir });
  assert.equal(server.started, true);
  await server.stop();
});

test('a server that cannot start says why and where its log is', async () => {
  const config = path.join(dataDir, 'postgres', 'postgresql.conf');
  const before = await readFile(config, 'utf8');
  await writeFile(config, `${before}\nno_such_setting = 1\n`);
  await assert.rejects(startEmbedded({ dataDir }), /PostgreSQL did not start: .*\(log: .*postgres\.log\)/);
  await writeFile(config, before);
});

test('a folder that the server may not enter gets its data under /var/lib, and says so', {
  skip: process.getuid?.() !== 0 && 'only root lends the server another account',
}, async () => {
  const closed = await mkdtemp(path.join(tmpdir(), 'rampart-closed-'));
  const lines: string[] = [];
  const server = await startEmbedded({ dataDir: path.join(closed, 'data'), log: (line) => lines.push(line) });
  assert.match(server.dataDir, /^\/var\/lib\/rampart\/[0-9a-f]{12}\/postgres$/);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', new RegExp(`may not enter ${closed}`));

  assert.equal(await removeEmbedded(path.join(closed, 'data')), server.dataDir);
  assert.equal(identify(server.pid), undefined);
  await assert.rejects(stat(path.dirname(server.dataDir)), { code: 'ENOENT' });
  await rm(closed, { recursive: true });
});

test('DATABASE_URL comes before the embedded server', async () => {
  const url = 'postgres://somebody@db.example/rampart';
  const found = await discoverDatabase({ dataDir: path.join(folder, 'never'), env: { DATABASE_URL: url } });
  assert.deepEqual([found.url, found.source], [url, 'DATABASE_URL']);
  await assert.rejects(stat(path.join(folder, 'never')), { code: 'ENOENT' });
});

test('the pool returns int8 as exact numbers, undoes failed transactions and survives a restart of the server', async () => {
  const found = await discoverDatabase({ dataDir, env: {} });
  assert.equal(found.source, 'embedded');
  const broken: Error[] = [];
  const store = createStore(found.url, { onError: (error) => broken.push(error) });
  const { rows } = await store.query(
    'select 2::int8 ^ 52 as f, 4503599627370496::int8 as n, array[1, null]::int8[] as a',
  );
  assert.deepEqual(rows, [{ f: 4503599627370496, n: 4503599627370496, a: [1, null] }]);
  await assert.rejects(store.query('select 9007199254740993::int8'), /does not fit/);

  await store.query('create table undone (n int)');
  const failing = tx(store, async (client) => {
    await client.query('insert into undone values (1)');
    throw new Error('changed my mind');
  });
  await assert.rejects(failing, /changed my mind/);
  assert.equal(await tx(store, async (client) => (await client.query('select from undone')).rowCount), 0);

  await found.stop();
  const again = await discoverDatabase({ dataDir, env: {} });
  assert.equal((await store.query('select 1 as n')).rows[0].n, 1);
  assert.ok(broken.length > 0);
  await store.end();
  await again.stop();
});
