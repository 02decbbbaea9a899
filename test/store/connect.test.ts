import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStore, onClient, tx } from '../../store/connect.ts';
import { startDatabases } from '../mta/databases.ts';

const databases = await startDatabases();
after(() => databases.stop());

test('a connection that dies between two queries of a transaction fails the next one, not the process', async () => {
  const url = await databases.create();
  const store = createStore(url, { max: 1 });
  const other = createStore(url, { max: 1 });
  after(() => Promise.all([store.end(), other.end()]));
  for (const run of [tx, onClient]) {
    const failing = run(store, async (db) => {
      const { rows } = await db.query('select pg_backend_pid() as pid');
      await other.query('select pg_terminate_backend($1)', [rows[0].pid]);
      await sleep(100);
      await db.query('select 1');
    });
    await assert.rejects(failing);
    assert.equal((await store.query('select 1 as one')).rows[0].one, 1, 'the pool made a new connection');
  }
});
