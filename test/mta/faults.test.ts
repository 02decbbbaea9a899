import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { windowOf } from '../../policy/calendar.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { allGrants } from '../../store/grants.ts';
import { startCuttable } from './cuttable.ts';
import { startDatabases } from './databases.ts';
import { inject } from './injectors.ts';
import { MailWorld, until } from './mail-world.ts';
import { type Sink, startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const COLD = '127.31.0.1';
const WARM = '127.31.1.1';
const MX = '127.30.0.1';

/** Message-IDs the sink took more than once. */
function doubled(sink: Sink): string[] {
  const counts = new Map<string, number>();
  for (const { messageId } of sink.taken) counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
  return [...counts].flatMap(([id, count]) => Array.from({ length: count - 1 }, () => id));
}

// Four connections of each lane in each of two processes.
const SHAPING = { default: { connections: 8, messagesPerConnection: 50, connectionsPerMinute: 100_000 } };
/** Longer than a lease. */
const CUT_MS = 5_000;

async function loaded(
  context: Parameters<typeof MailWorld.start>[0],
  slow: number,
  { processes = 2, dayLength = 6_000 } = {},
) {
  const world = await MailWorld.start(context, databases, { dayLength });
  const sink = await startSink(MX, world.smtpPort, { slow });
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', MX]]);
  await world.lane(COLD, 'other', 'ramping');
  await world.lane(WARM, 'other', 'warm', 100_000);
  for (let ahead = 0; ahead < 20; ahead++) await world.grant(COLD, 'other', 120, ahead);
  const port = await freePort();
  const submission = { ...world.settings().submission, port };
  const start = (name: string) => world.mta(name, { submission, shaping: SHAPING });
  const mtas = await Promise.all(Array.from({ length: processes }, (_, n) => start(`mta-${n + 1}`)));
  return { world, sink, port, mtas };
}

async function assertGrantsKept(world: MailWorld, sink: Sink): Promise<void> {
  const sent = (index: number) =>
    sink.rcpts.filter((seen) => seen.from === COLD && windowOf(seen.at, world.calendar).index === index).length;
  const attempts = await world.attempts();
  for (const grant of await allGrants(world.store)) {
    if (grant.address !== COLD) continue;
    const { units, handed, windowIndex: index } = grant;
    // Two adjacent windows by the sink's clock: a message at a window's end may reach a busy sink in the next.
    const both = sent(index) + sent(index + 1);
    assert.ok(both <= 2 * units, `windows ${index} and ${index + 1}: ${both} of ${2 * units}`);
    const used = attempts.filter((one) => one.unit && one.address === COLD && one.windowIndex === index).length;
    assert.ok(used <= handed && handed <= units, `window ${index}: ${used} used, ${handed} handed, ${units} granted`);
  }
}

test('kill -9 at random points under load: nothing lost, doubles only in doubt, no unit too many', async (context) => {
  // `make proofs` kills 50 times; the suite, a few.
  const kills = Number(process.env.RAMPART_KILLS ?? 4);
  // A minute of kills must not be a week of silence to the warm lane, nor the end of the mail's life.
  const { world, sink, port, mtas } = await loaded(context, 15, kills > 4 ? { dayLength: 60_000 } : {});
  const injection = inject(port, { clients: 6, everyMs: 10, domain: 'provider.example' });
  for (let n = 0; n < kills; n++) {
    await sleep(700 + Math.random() * 900);
    const pid = mtas[n % 2]?.process.pid;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }
  await until('enough mail is accepted', () => injection.accepted.size > 200);
  await injection.stop();
  await until('the queue is empty', async () => (await world.queue()).length === 0, 30_000);

  const taken = new Set(sink.taken.map((one) => one.messageId));
  const lost = [...injection.accepted].filter((id) => !taken.has(id));
  assert.deepEqual(lost, []);
  assert.ok(
    injection.refusals.every((reply) => reply.startsWith('4')),
    injection.refusals.join('\n'),
  );
  const attempts = await world.attempts();
  const inDoubt = attempts.filter((one) => one.severity === 'in-doubt').length;
  assert.ok(doubled(sink).length <= inDoubt, `${doubled(sink).length} doubles, ${inDoubt} in doubt`);
  const connections = 2 * 4;
  assert.ok(inDoubt <= kills * connections, `${inDoubt} in doubt after ${kills} kills of ${connections} connections`);
  await assertGrantsKept(world, sink);

  const cold = (await allGrants(world.store)).filter((grant) => grant.address === COLD);
  const handed = cold.reduce((sum, grant) => sum + grant.handed, 0);
  const used = attempts.filter((one) => one.unit && one.address === COLD).length;
  const block = Math.max(1, Math.floor(120 / 8));
  assert.ok(handed - used <= kills * (block + 4), `${handed} units handed out, ${used} used, ${kills} kills`);
});

test('PostgreSQL restarted under load: nothing lost or doubled, and 250 means it is there', async (context) => {
  const { world, sink, port } = await loaded(context, 5);
  const injection = inject(port, { clients: 6, everyMs: 10, domain: 'provider.example' });
  let stoppedAt = 0;
  for (const pause of [0, 4_500]) {
    await sleep(1_500);
    stoppedAt = Date.now();
    await databases.restart(() => sleep(pause));
  }
  const startedAt = Date.now();
  await sleep(2_000);
  await injection.stop();
  await until('the queue is empty', async () => (await world.queue()).length === 0, 40_000);

  const taken = new Set(sink.taken.map((one) => one.messageId));
  assert.ok(injection.accepted.size > 100, `only ${injection.accepted.size} messages were accepted`);
  assert.deepEqual(
    [...injection.accepted].filter((id) => !taken.has(id)),
    [],
  );
  assert.deepEqual(doubled(sink), []);
  const { rows } = await world.store.query('select message_id from messages');
  const stored = new Set(rows.map((row) => row.message_id));
  assert.ok([...injection.accepted].every((id) => stored.has(id)));
  assert.ok(
    injection.refusals.every((reply) => reply.startsWith('4')),
    injection.refusals.join('\n'),
  );
  const late = sink.rcpts.filter(
    (seen) => seen.from === COLD && seen.at > stoppedAt + 3_500 && seen.at < startedAt - 500,
  );
  assert.deepEqual(late, [], 'a cold lane went on without a lease');
  await assertGrantsKept(world, sink);
});

test('one process is cut from the store: the others go on, it stops its cold lanes, and nothing is lost or doubled', async (context) => {
  const { world, sink, port } = await loaded(context, 5, { processes: 1 });
  const way = await startCuttable(world.url);
  context.after(() => way.stop());
  const cut = await world.mta('mta-cut', { shaping: SHAPING }, way.url);
  const first = inject(port, { clients: 4, everyMs: 10, domain: 'provider.example' });
  // By its own listener: what it accepts, it must have committed.
  const second = inject(cut.ready.submissionPort ?? 0, { clients: 3, everyMs: 10, domain: 'provider.example' });
  await until('both take and send mail', () => second.accepted.size > 20 && sink.taken.length > 60);

  way.cut();
  const cutAt = Date.now();
  const [others, own] = [first.accepted.size, second.accepted.size];
  await sleep(CUT_MS);
  const taken = sink.taken.filter((one) => one.at > cutAt).length;
  assert.ok(first.accepted.size > others + 20, 'the other process takes mail');
  assert.ok(taken > 20, `${taken} sent while one process was cut`);
  assert.ok(second.accepted.size <= own + 3, 'no 250 without a commit, but for answers that were on their way');
  way.heal();
  const healed = second.accepted.size;
  await until('it takes mail again', () => second.accepted.size > healed + 20);
  await Promise.all([first.stop(), second.stop()]);
  await until('the queue is empty', async () => (await world.queue()).length === 0);

  const got = new Set(sink.taken.map((one) => one.messageId));
  assert.deepEqual(
    [...first.accepted, ...second.accepted].filter((id) => !got.has(id)),
    [],
  );
  const refusals = [...first.refusals, ...second.refusals];
  assert.ok(
    refusals.every((reply) => reply.startsWith('4')),
    refusals.join('\n'),
  );
  const inDoubt = (await world.attempts()).filter((one) => one.severity === 'in-doubt').length;
  assert.ok(doubled(sink).length <= inDoubt, `${doubled(sink).length} doubles, ${inDoubt} in doubt`);
  await assertGrantsKept(world, sink);
});

test('SIGTERM drains: transactions end and are committed, unused units go back, exit 0', async (context) => {
  const world = await MailWorld.start(context, databases, { dayLength: 20_000 });
  const sink = await startSink(MX, world.smtpPort, { slow: 250 });
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', MX]]);
  await world.lane(COLD, 'other', 'ramping');
  await world.lane(WARM, 'other', 'warm');
  await world.grant(COLD, 'other', 400);
  await world.mail(400);
  const program = path.join(import.meta.dirname, '../../cli/roles/run.ts');
  const child = fork(program, ['mta'], { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: 'ignore' });
  context.after(() => child.kill('SIGKILL'));
  child.send({ spec: { node: 'node', mta: world.settings() }, name: 'mta-1', databaseUrl: world.url });
  await until('mail flows', () => sink.taken.length >= 10, 60_000);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await exited;
  assert.equal(code, 0);
  const attempts = await world.attempts();
  assert.equal(attempts.length, sink.taken.length);
  assert.ok(attempts.every((one) => one.severity === 'delivered'));
  assert.ok((await world.queue()).every((one) => one.claim === null));
  const { rows } = await world.store.query(
    'select host(address) as address, sum(handed)::int as handed from grants group by 1',
  );
  for (const { address, handed } of rows) {
    assert.equal(handed, attempts.filter((one) => one.unit && one.address === address).length, address);
  }
  assert.equal(rows.length, 2);
});
