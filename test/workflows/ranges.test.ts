/** A range with a real Temporal and a worker that is killed: every address begins once, so many a day, whatever is lost. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { windowOf } from '../../policy/calendar.ts';
import { planNamed } from '../../policy/plan.ts';
import { tx } from '../../store/connect.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { lanesOf, upsertAddress } from '../../store/lanes.ts';
import { insertRange, rangeAddresses, rangeRow } from '../../store/ranges.ts';
import { rangeId } from '../../temporal/contracts.ts';
import { laneOf, PROVIDERS, startSystem, until } from './system.ts';

const system = await startSystem();
after(() => system.stop());
const { store } = system;
await system.startWorker();

const plan = planNamed('six-week', { start: 40, targets: { default: 400 }, days: 30 });

async function record(id: string, addresses: readonly string[], perDay: number): Promise<void> {
  for (const address of addresses) {
    const lanes = PROVIDERS.map((provider) => ({ provider, phase: 'planned' as const, ceiling: 0, normal: 1_000 }));
    await upsertAddress(store, { address, pool: 'marketing', node: 'test', ehloName: 'a.example' }, lanes);
  }
  const by = { actor: 'ada', reason: 'test', fingerprint: id };
  const range = { id, written: id, pool: 'marketing', plan, perDay, fromZero: false, ...by };
  await tx(store, (db) =>
    insertRange(
      db,
      range,
      addresses.map((address) => ({ address, dueAt: Date.now(), preflight: null })),
    ),
  );
}

const begun = async (id: string) => (await rangeAddresses(store, id)).filter(({ state }) => state === 'started');
const block = (third: number, count: number) => Array.from({ length: count }, (_, n) => `203.0.${third}.${n + 1}`);

/** Its supervisor starts the worker again. */
function kill(): void {
  const { pid } = system.worker;
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

/** Each address began once, and no day began more than its number. */
async function checkRange(id: string, perDay: number): Promise<void> {
  const rows = await rangeAddresses(store, id);
  const { calendar } = await laneOf(store);
  assert.deepEqual(
    rows.filter(({ state }) => state !== 'started'),
    [],
  );
  const byDay = Map.groupBy(rows, ({ startedAt }) => windowOf(startedAt ?? 0, calendar).index);
  for (const group of byDay.values()) assert.ok(group.length <= perDay, `${group.length} on a day`);
  assert.ok(rows.every(({ startedAt }, n) => n === 0 || (startedAt ?? 0) >= (rows[n - 1]?.startedAt ?? 0)));
  for (const { address } of rows)
    for (const provider of PROVIDERS) {
      const starts = (await decisionsOf(store, address, provider)).filter(({ kind }) => kind === 'start');
      assert.equal(starts.length, 1, `${address} ${provider}`);
    }
}

test('two a day begin by themselves, their workflows learn of it, and the workflow of the range ends', async () => {
  const addresses = block(1, 3);
  await record('quiet', addresses, 2);
  for (const address of addresses) await system.temporal().ensureAddress(address);
  await system.temporal().ensureRange('quiet');
  await system.temporal().ensureRange('quiet');
  await until('all three', async () => (await begun('quiet')).length === 3);
  await checkRange('quiet', 2);
  const handle = system.temporal().client.workflow.getHandle(rangeId('quiet'));
  await until('its end', async () => (await handle.describe()).status.name === 'COMPLETED');
  assert.ok((await rangeRow(store, 'quiet'))?.endedAt);
  const history = (await system.temporal().client.workflow.getHandle(`address/${addresses[0]}`).fetchHistory()).events;
  const signals = history?.flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []);
  assert.ok(signals?.includes('wake'));
  await until('a decision of its own', async () => {
    const lanes = await lanesOf(store, addresses[0] ?? '');
    return lanes.every(({ evaluated }) => evaluated !== null);
  });
});

test('a worker that is killed again and again loses nobody and starts nobody twice', async () => {
  await record('rough', block(2, 8), 2);
  await system.temporal().ensureRange('rough');
  for (let kills = 0; kills < 2; kills++) {
    const before = (await begun('rough')).length;
    await until('one more', async () => (await begun('rough')).length > before || before === 8);
    kill();
  }
  await until('all eight', async () => (await begun('rough')).length === 8);
  await checkRange('rough', 2);
});

test('when Temporal lost everything, the range goes on from its rows', async () => {
  await record('lost', block(3, 5), 1);
  await system.temporal().ensureRange('lost');
  await until('two', async () => (await begun('lost')).length >= 2);
  await system.loseTemporal();
  await system.temporal().ensureRange('lost');
  await until('all five', async () => (await begun('lost')).length === 5);
  await checkRange('lost', 1);
});
