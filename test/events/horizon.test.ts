import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { SafeHorizon } from '../../events/horizon.ts';
import { outboxView } from '../../store/event-outbox.ts';
import { startDatabases } from '../mta/databases.ts';
import { attempts, deliveries, endpoint, forward, freshStore, recipients, until, webhook } from './world.ts';

const databases = await startDatabases();
after(() => databases.stop());

test('a row that commits after one with a higher id is not passed by', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)]);
  const late = await store.connect();
  const early = await store.connect();
  try {
    await late.query('begin');
    const [lower] = await attempts(late, deliveries(1, 1));
    await early.query('begin');
    const [higher] = await attempts(early, deliveries(2, 1));
    assert.ok((lower ?? 0) < (higher ?? 0));
    await early.query('commit');
    // Long enough for many looks: each must see that the lower id may still come.
    await new Promise((done) => setTimeout(done, 1_500));
    assert.deepEqual(hook.taken, [], 'sent beyond a row that was not committed yet');
    await late.query('commit');
    await until('both are told', () => hook.taken.length === 2);
    assert.deepEqual(recipients(hook.taken), [1, 2]);
  } finally {
    late.release();
    early.release();
  }
});

test('an insert that has its ids and no transaction id yet holds the horizon back too', async (context) => {
  const store = await freshStore(context, databases);
  // A trigger that waits before the row is stored: the id is taken, pg_current_xact_id is not assigned.
  await store.query(`create function slow() returns trigger language plpgsql as $$
    begin if new.tenant = 'slow' then perform pg_sleep(1.2); end if; return new; end $$`);
  await store.query('create trigger slow before insert on attempts for each row execute function slow()');
  const horizon = new SafeHorizon();
  const slow = attempts(store, [{ recipient: 1, tenant: 'slow' }]);
  await until('the slow one has its id', async () => {
    const { rows } = await store.query('select last_value, is_called from attempts_id_seq');
    return rows[0].is_called;
  });
  const [quick] = await attempts(store, deliveries(2, 1));
  horizon.look(await outboxView(store), 0);
  horizon.look(await outboxView(store), 1);
  assert.equal(horizon.safe.attempts, 0);
  const [first] = await slow;
  assert.ok((first ?? 0) < (quick ?? 0), 'the slow one took the lower id');
  horizon.look(await outboxView(store), 2);
  assert.equal(horizon.safe.attempts, quick);
});

test('a transaction that is rolled back lets the others through', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)]);
  const doomed = await store.connect();
  await doomed.query('begin');
  await attempts(doomed, deliveries(1, 1));
  await attempts(store, deliveries(2, 1));
  await doomed.query('rollback');
  doomed.release();
  await until('the committed one is told', () => hook.taken.length === 1);
  assert.deepEqual(recipients(hook.taken), [2]);
});

test('writers that never pause do not stop the horizon; one reader in an old snapshot neither', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context);
  await forward(context, store, [webhook('hook', hook.url)]);
  const reader = await store.connect();
  await reader.query('begin isolation level repeatable read');
  await reader.query('select count(*) from attempts');
  let writing = true;
  let next = 1;
  const writers = Array.from({ length: 3 }, async () => {
    while (writing) {
      const first = next;
      next += 20;
      await attempts(store, deliveries(first, 20));
    }
  });
  await until('events flow while it is written', () => hook.taken.length > 400);
  writing = false;
  await Promise.all(writers);
  await until('all are told', () => hook.taken.length >= next - 1);
  assert.equal(new Set(recipients(hook.taken)).size, next - 1);
  await reader.query('rollback');
  reader.release();
});

test('property: what is called safe is complete, whatever order transactions begin and end in', () => {
  // A model of PostgreSQL: ids are taken in order by open transactions, and seen when these commit.
  const step = fc.oneof(
    fc.record({ do: fc.constant('insert' as const), who: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ do: fc.constantFrom('commit' as const, 'rollback' as const), who: fc.integer({ min: 0, max: 4 }) }),
    fc.constant({ do: 'look' as const, who: 0 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const horizon = new SafeHorizon();
      const open = new Map<number, { readonly name: string; readonly ids: number[] }>();
      const visible = new Set<number>();
      let [id, serial, was] = [0, 0, 0];
      const seen = new Set<number>();
      for (const { do: what, who } of steps) {
        const mine = open.get(who);
        if (what === 'insert') {
          serial += 1;
          const transaction = mine ?? { name: `${who}/${serial}`, ids: [] };
          open.set(who, transaction);
          id += 1;
          transaction.ids.push(id);
        } else if (what === 'look') {
          const view = {
            ends: { attempts: Math.max(0, ...visible), log: 0 },
            writers: [...open.values()].map((one) => one.name),
          };
          horizon.look(view, 0);
          assert.ok(horizon.safe.attempts >= was, 'it never goes back');
          was = horizon.safe.attempts;
          for (const one of visible) if (one <= was) seen.add(one);
        } else if (mine !== undefined) {
          if (what === 'commit') for (const one of mine.ids) visible.add(one);
          open.delete(who);
        }
        // Whatever becomes visible below what was called safe was there when it was called so.
        for (const one of visible) assert.ok(one > was || seen.has(one), `${one} appeared below ${was}`);
      }
    }),
  );
});
