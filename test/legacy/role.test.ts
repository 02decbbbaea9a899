import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoleProcess } from '../../cli/roles/child.ts';
import type { RoleOrders } from '../../cli/roles/spec.ts';
import { createStore } from '../../store/connect.ts';
import { startDatabases } from '../mta/databases.ts';
import { until } from '../mta/mail-world.ts';

const databases = await startDatabases();
after(() => databases.stop());

const EVENTS = 6_000;

test('the role, killed again and again while a log grows: every event once, joined or not; its webhook answers', async (context) => {
  const url = await databases.create();
  const store = createStore(url, { max: 2 });
  const log = path.join(databases.folder, 'mail.log');
  const spec = {
    node: 'node',
    mta: { resolvers: ['127.0.0.1:9'], keepDays: 45 },
    legacy: {
      listener: { host: '127.0.0.1', port: 0 },
      feeds: [
        { name: 'relay', format: 'postfix', files: [log] },
        { name: 'kumo', format: 'kumomta', files: [], webhook: { kind: 'secret', secret: 's' } },
      ],
    },
  } as unknown as RoleOrders['spec'];
  const role = new RoleProcess(
    'legacy',
    { spec, name: 'legacy-1', databaseUrl: url },
    path.join(databases.folder, 'legacy.log'),
    () => {},
  );
  const ready = await role.start();
  context.after(async () => {
    await role.stop();
    await store.end();
  });
  const answer = await fetch(`http://127.0.0.1:${ready.legacyPort}/legacy/kumo`, { method: 'POST', body: '{}' });
  assert.equal(answer.status, 401);

  const now = new Date().toISOString();
  const id = (n: number) => (0x10_0000_0000 + n).toString(16).toUpperCase();
  const line = (n: number, text: string) => `${now} relay postfix/${text.replace('ID', id(n))}\n`;
  // A Message-ID, and 300 messages later what became of it: the reader has to remember it over its death.
  const text = (n: number) =>
    line(n, `cleanup[1]: ID: message-id=<m${n}@shop.example>`) +
    (n < 300
      ? ''
      : line(
          n - 300,
          `smtp[1]: ID: to=<r${n - 300}@one.example>, relay=mx1.google.com[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)`,
        ) + line(n - 300, 'qmgr[1]: ID: removed'));
  await writeFile(log, '');
  let written = 0;
  let kills = 0;
  const writing = (async () => {
    while (written < EVENTS + 300) {
      let batch = '';
      for (let k = 0; k < 60 && written < EVENTS + 300; k++) batch += text(written++);
      // Cut anywhere: a line may be seen in halves.
      const cut = Math.floor(Math.random() * batch.length);
      await appendFile(log, batch.slice(0, cut));
      await appendFile(log, batch.slice(cut));
      await sleep(20);
    }
  })();
  const count = async () => (await store.query('select count(*)::int as n from legacy_events')).rows[0].n as number;
  for (let seen = 0; kills < 4; kills++) {
    // It has done something since it was started: death in the middle of work is what is tried.
    await until('it goes on', async () => (await count()) > seen || (await count()) === EVENTS);
    await sleep(Math.random() * 200);
    seen = await count();
    const { pid } = role;
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    await until('another one is there', () => role.pid !== undefined && role.pid !== pid);
  }
  await writing;
  await until('all is read', async () => (await count()) === EVENTS);
  const { rows } = await store.query(
    `select count(*)::int as n, count(distinct rcpt)::int as recipients,
       count(*) filter (where message_id = '<m' || substr(rcpt, 2, strpos(rcpt, '@') - 2) || '@shop.example>')::int as named
     from legacy_events`,
  );
  assert.deepEqual(rows, [{ n: EVENTS, recipients: EVENTS, named: EVENTS }]);
});
