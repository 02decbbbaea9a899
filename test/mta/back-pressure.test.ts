import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SmtpClient } from '../../lab/smtp-client.ts';
import { BackPressure, MARKS } from '../../mta/injection/back-pressure.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { queuedEstimate } from '../../store/queue-size.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';

const databases = await startDatabases();
after(() => databases.stop());

async function storeFor(context: import('node:test').TestContext): Promise<Store> {
  const store = createStore(await databases.create(), { max: 2 });
  context.after(() => store.end());
  return store;
}

/** Rows that only have to be there: nobody serves their pool. */
function queue(store: Store, count: number) {
  return store.query(
    `insert into queue (message, body_id, rcpt, domain, pool, tenant, stream, segment, campaign, provider, expires)
     select n, n, 'a@b.example', 'b.example', 'p', 't', 'marketing', 'all', 'c', 'other', now() + interval '1 day'
     from generate_series(1, $1::int) n`,
    [count],
  );
}

const silent = () => {};

test('a full queue puts mail off, and does not come and go at the mark', async (context) => {
  const store = await storeFor(context);
  const pressure = new BackPressure({ store, marks: { ...MARKS, maxQueued: 100 }, log: silent });
  await pressure.look();
  assert.equal(pressure.accepting(), null);
  await queue(store, 100);
  await until('the statistics know', async () => (await queuedEstimate(store)) >= 100);
  await pressure.look();
  assert.match(pressure.accepting() ?? '', /^100 recipients wait in the queue, 100 is the mark$/);
  await store.query('delete from queue where id in (select id from queue limit 3)');
  await until('the statistics know', async () => (await queuedEstimate(store)) === 97);
  await pressure.look();
  assert.notEqual(pressure.accepting(), null, 'three fewer are not enough');
  await store.query('delete from queue where id in (select id from queue limit 5)');
  await until('the statistics know', async () => (await queuedEstimate(store)) === 92);
  await pressure.look();
  assert.equal(pressure.accepting(), null);
});

test('a full disk puts mail off; a disk that can not be seen is said once and passed over', async (context) => {
  const store = await storeFor(context);
  let free = 2_000;
  const folders: string[] = [];
  const freeBytes = async (folder: string) => {
    folders.push(folder);
    return free;
  };
  const marks = { ...MARKS, minFreeBytes: 1_000 };
  const pressure = new BackPressure({ store, marks, freeBytes, log: silent });
  await pressure.look();
  assert.equal(pressure.accepting(), null);
  assert.match(folders[0] ?? '', /postgres/, 'the folder of this server');
  free = 999;
  await pressure.look();
  assert.match(pressure.accepting() ?? '', /disk has 999 bytes free, 1000 is the mark/);
  free = 1_010;
  await pressure.look();
  assert.notEqual(pressure.accepting(), null, 'a little above the mark is not enough');
  free = 1_100;
  await pressure.look();
  assert.equal(pressure.accepting(), null);

  const said: string[] = [];
  const closed = async () => {
    throw new Error('EACCES');
  };
  const blind = new BackPressure({ store, marks, freeBytes: closed, log: (event) => said.push(event) });
  await blind.look();
  await blind.look();
  assert.equal(blind.accepting(), null);
  assert.deepEqual(said, ['disk-not-watched']);
});

test('a database that is slow, or gone, puts mail off while it is', async (context) => {
  const store = await storeFor(context);
  const pressure = new BackPressure({ store, marks: { ...MARKS, slowMs: 100 }, log: silent });
  await pressure.look();
  const other = await store.connect();
  const taken = await store.connect();
  const looking = pressure.look();
  await sleep(300);
  assert.match(pressure.accepting() ?? '', /^the database has not answered for \d+ ms$/);
  other.release();
  taken.release();
  await looking;
  assert.match(pressure.accepting() ?? '', /^the database is slow: it took \d+ ms to answer$/);
  await pressure.look();
  assert.equal(pressure.accepting(), null);

  const gone = createStore('postgres://nobody:x@127.0.0.1:1/none');
  context.after(() => gone.end());
  const cut = new BackPressure({ store: gone, marks: MARKS, log: silent });
  await cut.look();
  assert.match(cut.accepting() ?? '', /^the database can not be asked: /);
});

test('a client above the mark is told 451 with the reason, and is served again below it', async (context) => {
  const world = await MailWorld.start(context, databases);
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.lane('127.31.0.1', 'other', 'ramping');
  const { ready } = await world.mta('mta-1', { backPressure: { ...MARKS, maxQueued: 20 } });
  await queue(world.store, 20);
  const client = new SmtpClient({
    host: '127.0.0.1',
    port: ready.submissionPort ?? 0,
    user: 'shop',
    password: 'secret',
  });
  context.after(() => client.close());
  const send = () =>
    client.send('a@shop.example', 'b@provider.example', 'From: <a@shop.example>\r\nSubject: hello\r\n\r\nHello.\r\n');
  let answer = await send();
  await until('the mark is seen', async () => {
    await world.store.query('select 1');
    answer = await send();
    // What comes as the mark is passed is told so after its text, in other words.
    return answer.kind === 'answered' && answer.code === 451 && !/ Busy: /.test(answer.text);
  });
  assert.ok(answer.kind === 'answered');
  assert.match(answer.text, /4\.3\.1 No mail is taken now: \d+ recipients wait in the queue, 20 is the mark/);
  await world.store.query('delete from queue');
  await until('mail is taken again', async () => {
    // A session that is idle tells the server of its rows only every ten seconds.
    await world.store.query('select 1');
    const again = await send();
    return again.kind === 'answered' && again.code === 250;
  });
});
