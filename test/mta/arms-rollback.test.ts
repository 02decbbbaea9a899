import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { armTarget } from '../../policy/holds.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { placeHold } from '../../store/holds.ts';
import { frontQueue, frontReleases } from '../../store/split-moves.ts';
import { ArmsWorld, LEGACY } from './arms-world.ts';
import { startDatabases } from './databases.ts';
import { inject } from './injectors.ts';
import { POOL, until } from './mail-world.ts';
import type { Sink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

/** What a rollback promises: from its row to the last message the new arm begins. */
const BOUND_MS = 1_000;
const DAY_MS = 60_000;

function ids(sink: Sink): Set<string> {
  return new Set(sink.taken.map((one) => one.messageId));
}

function doubles({ taken }: Sink): number {
  return taken.length - new Set(taken.map((one) => one.messageId)).size;
}

/** What was accepted is at one arm, and no message at both: one in doubt never changes its arm. */
function inOneArm(arms: ArmsWorld, accepted: Iterable<string>) {
  const [fresh, legacy] = [ids(arms.fresh), ids(arms.legacy)];
  assert.deepEqual(
    [...accepted].filter((id) => !fresh.has(id) && !legacy.has(id)),
    [],
    'lost',
  );
  assert.deepEqual(
    [...fresh].filter((id) => legacy.has(id)),
    [],
    'in both arms',
  );
  return { fresh, legacy };
}

/** Two processes behind one port, each with connections to both arms. */
async function two(arms: ArmsWorld) {
  const port = await freePort();
  const submission = { ...arms.world.settings().submission, port };
  const shaping = { default: { connections: 8, messagesPerConnection: 50, connectionsPerMinute: 100_000 } };
  const mtas = await Promise.all(['mta-1', 'mta-2'].map((name) => arms.mta(name, { submission, shaping })));
  return { port, mtas };
}

test('a rollback under load ends the new arm in both processes in time; every message arrives once', async (context) => {
  const arms = await ArmsWorld.start(context, databases, { fresh: { slow: 20 }, dayLength: DAY_MS });
  await arms.split(0.5);
  const { port } = await two(arms);
  const injection = inject(port, { clients: 8, everyMs: 5, domain: 'provider.example' });
  await until('both arms carry mail', () => arms.fresh.taken.length > 150 && arms.legacy.taken.length > 150);
  const revision = await arms.split(0);
  const at = Date.now();
  await sleep(2 * BOUND_MS);
  const before = arms.legacy.taken.length;
  const last = Math.max(...arms.fresh.rcpts.map((one) => one.at));
  assert.ok(last - at <= BOUND_MS, `the new arm began a message ${last - at} ms after the rollback`);
  await arms.runs(revision, 2);
  await until('the old arm carries on', () => arms.legacy.taken.length > before + 50);
  await injection.stop();
  await until('the queue is empty', async () => (await arms.world.queue()).length === 0);
  const { fresh, legacy } = inOneArm(arms, injection.accepted);
  assert.equal(doubles(arms.fresh) + doubles(arms.legacy), 0);
  assert.equal(fresh.size + legacy.size, injection.accepted.size + injection.unknown.size);
});

test('kill -9 at random moments of steps and rollbacks: nothing lost, doubles only in doubt, none in both arms', async (context) => {
  const slow = { slow: 10 };
  const arms = await ArmsWorld.start(context, databases, { fresh: slow, legacy: slow, dayLength: DAY_MS });
  await arms.split(0.1);
  const { port, mtas } = await two(arms);
  const injection = inject(port, { clients: 6, everyMs: 10, domain: 'yahoo.example' });
  const shares = [0.4, 0, 0.7, 0.2, 1, 0];
  // `make proofs` may ask for more rounds.
  const rounds = Number(process.env.RAMPART_KILLS ?? 6);
  for (let n = 0; n < rounds; n++) {
    await sleep(300 + Math.random() * 900);
    const kill = () => {
      const pid = mtas[n % 2]?.process.pid;
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    };
    // Just before the change, just after it, or while mail goes back.
    if (n % 3 === 0) kill();
    await arms.split(shares[n % shares.length] ?? 0);
    if (n % 3 === 1) kill();
    await sleep(Math.random() * 400);
    if (n % 3 === 2) kill();
  }
  await until('enough mail is accepted', () => injection.accepted.size > 200);
  await injection.stop();
  await until('the queue is empty', async () => (await arms.world.queue()).length === 0, 60_000);
  const { fresh, legacy } = inOneArm(arms, injection.accepted);
  const inDoubt = (await arms.world.attempts()).filter((one) => one.severity === 'in-doubt').length;
  const twice = doubles(arms.fresh) + doubles(arms.legacy);
  assert.ok(twice <= inDoubt, `${twice} doubles, ${inDoubt} in doubt`);
  assert.ok(fresh.size > 0 && legacy.size > 0);
});

test('what goes back is released at the pace the old arm takes: exact counts, none lost, none twice', async (context) => {
  const day = 10_000;
  const arms = await ArmsWorld.start(context, databases, { dayLength: day });
  const { world } = arms;
  const hold = { scope: 'arm', target: armTarget(POOL, 'new'), reach: 'all', cause: 'operator' } as const;
  await placeHold(world.store, { ...hold, actor: 'ann', reason: 'it defers everything' });
  await arms.split(1);
  await arms.mta();
  await world.mail(60);
  await world.mail(5, { stream: 'transactional' });
  await until('all of marketing waits in the new arm', async () => {
    const rows = await frontQueue(world.store, POOL);
    return rows.find((row) => row.arm === 'new' && row.stream === 'marketing')?.waiting === 60;
  });
  await arms.split(0, { moves: { perDay: { '*': 20 } } });
  const moved = async () =>
    (await world.store.query('select from queue where pool = $1 and front is not null', [POOL])).rowCount === 0;
  await until('all went back', moved);
  const [release] = await frontReleases(world.store, POOL);
  assert.equal(release?.released, 60);
  const { rows } = await world.store.query(
    `select extract(epoch from due)::float8 * 1000 as due from queue where pool = $1 and stream = 'marketing' and due > now()
     order by due`,
    [LEGACY],
  );
  assert.ok(rows.length >= 30, `${rows.length} of 40 wait for their time`);
  for (const [n, row] of rows.entries())
    if (n > 0) assert.ok(row.due - rows[n - 1].due >= day / 20 - 1, 'never more than 20 a day after the first');
  await until('all arrived', () => arms.legacy.taken.length === 65, 60_000);
  assert.equal(ids(arms.legacy).size, 65);
  assert.equal(arms.fresh.taken.length, 0);
  const transactional = await world.store.query(
    `select max(a.at) as last, min(m.received_at) as first from attempts a join messages m on m.id = a.message
     where m.stream = 'transactional'`,
  );
  assert.ok(transactional.rows[0].last, 'transactional mail went');
});
