import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import { RoleProcess } from '../../cli/roles/child.ts';
import type { RoleOrders } from '../../cli/roles/spec.ts';
import { sinkRows } from '../../store/event-sinks.ts';
import { processRows } from '../../store/processes.ts';
import { startDatabases } from '../mta/databases.ts';
import { attempts, deliveries, endpoint, freshStore, recipients, until, webhook } from './world.ts';

const databases = await startDatabases();
after(() => databases.stop());

test('two processes: the one that sends is killed, the other goes on; nothing is lost, and only what was on its way comes twice', async (context) => {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context, () => ({ status: 200, after: 20 }));
  const events = { keepDays: 14, sinks: [webhook('hook', hook.url, { batch: 20 })] };
  const role = async (name: string) => {
    const orders = { spec: { node: 'node', events }, name, databaseUrl: store.url } as unknown as RoleOrders;
    const process = new RoleProcess('events', orders, path.join(databases.folder, `${name}.log`), () => {});
    await process.start();
    context.after(() => process.stop());
    return process;
  };
  const both = new Map([
    ['events-1', await role('events-1')],
    ['events-2', await role('events-2')],
  ]);
  await until('one has it', async () => (await sinkRows(store))[0]?.running === true);
  assert.equal((await processRows(store)).filter((row) => row.role === 'events').length, 2);
  await attempts(store, deliveries(1, 1_000));
  await until('some are told', () => hook.taken.length >= 200);
  const owner = (await sinkRows(store))[0]?.owner ?? '';
  const name = owner.split('/')[1] ?? '';
  const pid = both.get(name)?.pid;
  assert.ok(pid !== undefined, `the owner ${owner} is one of them`);
  process.kill(pid, 'SIGKILL');
  await until('all are told', () => new Set(recipients(hook.taken)).size === 1_000, 60_000);
  const twice = hook.taken.length - 1_000;
  assert.ok(twice <= 20, `${twice} came twice: more than one batch`);
  assert.notEqual((await sinkRows(store))[0]?.owner, owner);
});
