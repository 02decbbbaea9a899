import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SmtpClient } from '../../lab/smtp-client.ts';
import { BUCKETS, bucketOf, bucketsOf } from '../../policy/cutover/split.ts';
import { armTarget } from '../../policy/holds.ts';
import { clearHolds, placeHold } from '../../store/holds.ts';
import { frontQueue } from '../../store/split-moves.ts';
import { readSplit, readSplits, SplitRefused, splitChanges, splitProcesses, writeSplit } from '../../store/splits.ts';
import { ArmsWorld, KEY, LANE, LEGACY, lines } from './arms-world.ts';
import { startDatabases } from './databases.ts';
import { POOL, until } from './mail-world.ts';

const databases = await startDatabases();
after(() => databases.stop());

const belongs = (rcpt: string, share: number) => (bucketOf(rcpt, KEY) < bucketsOf(share) ? 'new' : 'old');

/** Hands in one message, which has to be accepted. */
async function handIn(port: number, rcpt: string, header = '', body = 'Hello.'): Promise<void> {
  const client = new SmtpClient({ host: '127.0.0.1', port, user: 'shop', password: 'secret' });
  try {
    const message = `From: <a@shop.example>\r\nSubject: hello\r\n${header}\r\n${body}\r\n`;
    const result = await client.send('Bounce+1@shop.example', rcpt, message);
    assert.equal(result.kind === 'answered' ? result.code : result.kind, 250);
  } finally {
    client.close();
  }
}

describe('the arms of a cutover', { concurrency: 2 }, () => {
  test('each recipient has its arm, whether its provider was known or not; cohorts are nested, and counted as such', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    const { world, fresh, legacy } = arms;
    await arms.split(0.2);
    const { ready } = await arms.mta();
    const rcpts = Array.from({ length: 60 }, (_, n) => `Reader-${n}@${n % 2 ? 'provider' : 'yahoo'}.example`);
    for (const rcpt of rcpts) await handIn(ready.submissionPort ?? 0, rcpt);
    await until('all arrived', () => fresh.taken.length + legacy.taken.length === 60);
    const at = (share: number, arm: 'old' | 'new') =>
      rcpts.filter((rcpt) => belongs(rcpt.toLowerCase(), share) === arm).toSorted();
    assert.deepEqual(fresh.taken.map((one) => one.rcpt).toSorted(), at(0.2, 'new'));
    assert.deepEqual(legacy.taken.map((one) => one.rcpt).toSorted(), at(0.2, 'old'));
    await arms.runs(await arms.split(0.6), 1);
    for (const rcpt of rcpts) await handIn(ready.submissionPort ?? 0, rcpt);
    await until('all arrived again', () => fresh.taken.length + legacy.taken.length === 120);
    const second = fresh.taken.slice(at(0.2, 'new').length).map((one) => one.rcpt);
    assert.deepEqual(second.toSorted(), at(0.6, 'new'));
    for (const rcpt of at(0.2, 'new')) assert.ok(second.includes(rcpt), 'whoever was there stays there');
    // What the comparison reads: one row a recipient, with its provider, whoever carried it.
    await until('all is recorded', async () => (await world.attempts()).length === 120);
    const { rows } = await world.store.query(
      `select front, arm, outside, mailbox_provider as provider, count(*)::int, bool_and((arm = 'new') = (severity = 'delivered')) as told
       from attempts group by 1, 2, 3, 4 order by 2, 4`,
    );
    assert.deepEqual(
      rows.map(({ front, arm, outside, provider, told }) => [front, arm, outside, provider, told]),
      [
        [POOL, 'new', null, 'microsoft-consumer', true],
        [POOL, 'new', null, 'yahoo', true],
        [POOL, 'old', null, 'microsoft-consumer', true],
        [POOL, 'old', null, 'yahoo', true],
      ],
    );
    assert.equal((await world.store.query('select from queue')).rowCount, 0);
  });

  test('the old arm gets mail byte for byte but for our Received line; the new one what it lacks, signed or not', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    await arms.split(0);
    const { ready } = await arms.mta();
    const header = 'X-virtual-MTA: pool-7\r\nX-job: spring\r\n';
    await handIn(ready.submissionPort ?? 0, 'a@provider.example', header, 'Grüße');
    await until('it is handed on', () => arms.legacy.taken.length === 1);
    const [old] = arms.legacy.taken;
    const plain = Buffer.from(`From: <a@shop.example>\r\nSubject: hello\r\n${header}\r\nGrüße\r\n`).toString('latin1');
    assert.equal(old?.raw.replace(/^Received:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*/, ''), plain);
    assert.equal(old?.mailFrom, 'Bounce+1@shop.example');
    await arms.runs(await arms.split(1), 1);
    await handIn(ready.submissionPort ?? 0, 'a@provider.example', header, 'Grüße');
    await until('it is delivered', () => arms.fresh.taken.length === 1);
    const raw = arms.fresh.taken[0]?.raw ?? '';
    assert.match(raw, /^Message-ID: <[^>]+@mta\.example>\r\n/m);
    const date = /^Date: (.+)\r\n/m.exec(raw)?.[1];
    assert.ok(Math.abs(Date.parse(date ?? '') - Date.now()) < 60_000, `a date: ${date}`);
    assert.match(arms.fresh.taken[0]?.mailFrom ?? '', /@bounces\.shop\.example$/);
    const { rows } = await arms.world.store.query('select message_id as name from messages order by id');
    assert.match(raw, new RegExp(`^Message-ID: ${rows[1].name}`, 'm'), 'the one that joins');
  });

  test('what the new arm has no room for is overflow; what is outside of the scope is not compared', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    await arms.split(0.1, { step: lines(0.9), scope: { tenants: ['acme'] } });
    const { ready } = await arms.mta();
    for (let n = 0; n < 40; n++) {
      const tenant = n % 4 === 0 ? 'else' : 'acme';
      await handIn(ready.submissionPort ?? 0, `r-${n}@yahoo.example`, `X-Rampart-Tenant: ${tenant}\r\n`);
    }
    await until('all is recorded', async () => (await arms.world.attempts()).length === 40);
    const { rows } = await arms.world.store.query('select rcpt, tenant, arm, outside, bucket from attempts');
    for (const { rcpt, tenant, arm, outside, bucket } of rows) {
      assert.equal(bucket, bucketOf(rcpt, KEY));
      const wanted = bucket < 0.1 * BUCKETS ? ['new', null] : ['old', bucket < 0.9 * BUCKETS ? 'overflow' : null];
      assert.deepEqual([arm, outside], tenant === 'acme' ? wanted : ['old', 'scope'], rcpt);
    }
    assert.ok(rows.some((row) => row.outside === 'overflow') && rows.some((row) => row.outside === 'scope'));
  });

  test('what a grant has no unit for overflows to the old arm, and says so', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    const { world } = arms;
    await world.pool(POOL, `pool:${LEGACY}`);
    await world.store.query("update lanes set phase = 'ramping'");
    await world.grant(LANE, 'yahoo', 5);
    await arms.split(1);
    await arms.mta();
    await world.mail(20, { domain: 'yahoo.example' });
    await until('all but what waits for its pace', () => arms.legacy.taken.length >= 15);
    await until('recorded', async () => (await world.attempts()).length === 20);
    const { rows } = await world.store.query(
      `select arm, outside, mailbox_provider as provider, count(*)::int from attempts group by 1, 2, 3 order by 1`,
    );
    for (const row of rows)
      assert.deepEqual([row.provider, row.outside], ['yahoo', row.arm === 'new' ? null : 'overflow'], row.arm);
    assert.ok(arms.fresh.taken.length <= 5);
  });

  test('once it is over, one arm has all of the mail, and nothing is marked where that is the front itself', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    await arms.split(0.5, { settled: 'old' });
    const { ready } = await arms.mta();
    for (let n = 0; n < 5; n++) await handIn(ready.submissionPort ?? 0, `r-${n}@nowhere.example`);
    await until('the old one has them, and needs no DNS', () => arms.legacy.taken.length === 5);
    await arms.runs(await arms.split(0.5, { settled: 'new' }), 1);
    for (let n = 0; n < 5; n++) await handIn(ready.submissionPort ?? 0, `r-${n}@provider.example`);
    await until('the new one has them', () => arms.fresh.taken.length === 5);
    await until('recorded', async () => (await arms.world.attempts()).length === 10);
    const { rows } = await arms.world.store.query(
      'select front, arm, outside, count(*)::int from attempts group by 1, 2, 3 order by front',
    );
    assert.deepEqual(rows, [
      { front: POOL, arm: 'old', outside: 'settled', count: 5 },
      { front: null, arm: null, outside: null, count: 5 },
    ]);
  });

  test('a Not-Before message takes its arm when it is released, and mail from before the cutover too', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    const { world } = arms;
    // Accepted before there was a cutover.
    const at = Date.now() + 15_000;
    await world.mail(20, { notBefore: at });
    await arms.split(0);
    const { ready } = await arms.mta();
    const release = new Date(at).toISOString();
    for (let n = 0; n < 20; n++)
      await handIn(ready.submissionPort ?? 0, `r-${n}@provider.example`, `X-Rampart-Not-Before: ${release}\r\n`);
    await until('at 0% all of it would go to the old arm', async () => {
      const { rows } = await world.store.query('select from queue where pool = $1', [LEGACY]);
      return rows.length === 40;
    });
    assert.equal(arms.legacy.taken.length, 0);
    await arms.runs(await arms.split(1), 1);
    await until('all is released', () => arms.fresh.taken.length + arms.legacy.taken.length === 40);
    assert.equal(arms.fresh.taken.length, 40, 'by then the new arm had all');
  });

  test('a rollback: never-attempted mail goes back, also from a held arm; attempted and in-doubt mail stay, unless the arm is blocked', async (context) => {
    const arms = await ArmsWorld.start(context, databases, {
      // Half of what the new arm is given is deferred once attempted.
      fresh: { rcpt: (rcpt) => (rcpt.startsWith('deferred') ? '451 4.7.1 Greylisted, try again later' : null) },
    });
    const { world, legacy } = arms;
    await arms.split(1);
    const { ready } = await arms.mta();
    const port = ready.submissionPort ?? 0;
    for (let n = 0; n < 5; n++) await handIn(port, `deferred-${n}@yahoo.example`);
    await until('they were attempted', async () => (await world.attempts()).length === 5);
    // One of them is in doubt.
    await world.store.query(`update queue set doubts = 1 where rcpt like 'deferred-0@%'`);
    const hold = { scope: 'arm', target: armTarget(POOL, 'new'), reach: 'all', cause: 'operator' } as const;
    const { id } = await placeHold(world.store, { ...hold, actor: 'ann', reason: 'look first' });
    await sleep(1_200);
    for (let n = 0; n < 30; n++) await handIn(port, `fresh-${n}@provider.example`);
    await sleep(500);
    assert.equal(arms.fresh.taken.length, 0, 'the hold stops the arm');
    assert.equal((await world.queue()).length, 35);
    const revision = await arms.split(0);
    await until('what was not attempted went back', () => legacy.taken.length === 30);
    await arms.runs(revision, 1);
    const left = async () =>
      (await frontQueue(world.store, POOL)).map(({ arm, waiting, inDoubt }) => [arm, waiting, inDoubt]);
    await until(
      'recorded',
      async () => (await world.attempts()).filter((one) => one.severity === 'relayed').length === 30,
    );
    const { rows } = await world.store.query("select distinct arm, outside from attempts where severity = 'relayed'");
    assert.deepEqual(rows, [{ arm: 'old', outside: 'moved' }], 'they are not compared');
    assert.deepEqual(await left(), [['new', 5, 1]], 'may drain');
    await arms.split(0, { moves: { attempted: 'move' } });
    await world.store.query('update queue set due = now() where due > now()');
    await until('attempted mail moved', async () => legacy.taken.length === 34);
    // In doubt: the other engine might deliver it twice.
    await until('only that is left', async () => JSON.stringify(await left()) === '[["new",1,1]]');
    await clearHolds(world.store, [id], { actor: 'ann', reason: 'done' });
  });

  test('a hold stops one arm of one front, and nothing else of its pool', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    await arms.split(0.5);
    const hold = { scope: 'arm', target: armTarget(POOL, 'old'), reach: 'all', cause: 'operator' } as const;
    await placeHold(arms.world.store, { ...hold, actor: 'ann', reason: 'the old engine is down' });
    const { ready } = await arms.mta('mta-1', {
      submission: {
        host: '127.0.0.1',
        port: 0,
        maxBytes: 100_000,
        users: [{ name: 'shop', password: 'secret', pools: [POOL, LEGACY] }],
      },
    });
    for (let n = 0; n < 20; n++) await handIn(ready.submissionPort ?? 0, `r-${n}@provider.example`);
    await handIn(ready.submissionPort ?? 0, 'own@provider.example', `X-Rampart-Pool: ${LEGACY}\r\n`);
    const onOld = Array.from({ length: 20 }, (_, n) => `r-${n}@provider.example`).filter(
      (one) => belongs(one, 0.5) === 'old',
    );
    await until('the rest went', () => arms.fresh.taken.length === 20 - onOld.length && arms.legacy.taken.length === 1);
    await sleep(1_500);
    assert.deepEqual(
      arms.legacy.taken.map((one) => one.rcpt),
      ['own@provider.example'],
    );
    assert.equal((await arms.world.queue()).length, onOld.length);
  });

  test('mail goes on to an upstream while DNS is silent, if it would whoever its provider is', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    await arms.split(0);
    // A name server that is not there.
    const { ready } = await arms.mta('mta-1', { resolvers: ['127.0.0.1:9'] });
    for (const rcpt of ['a@provider.example', 'b@nowhere.example']) await handIn(ready.submissionPort ?? 0, rcpt);
    await until('handed on', () => arms.legacy.taken.length === 2);
    await until('recorded', async () => (await arms.world.attempts()).length === 2);
    const { rows } = await arms.world.store.query(
      'select distinct arm, outside, mailbox_provider as provider from attempts',
    );
    assert.deepEqual(rows, [{ arm: 'old', outside: 'unknown-provider', provider: null }]);
  });

  test('what an upstream did not take during an outage is still counted and goes on; a raise takes its part of it along', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    await arms.legacy.stop();
    await arms.split(0);
    const { ready } = await arms.mta();
    const rcpts = Array.from({ length: 40 }, (_, n) => `r-${n}@yahoo.example`);
    for (const rcpt of rcpts) await handIn(ready.submissionPort ?? 0, rcpt);
    await until('it waits', async () => (await frontQueue(arms.world.store, POOL))[0]?.waiting === 40);
    await arms.split(0.5);
    const onNew = rcpts.filter((rcpt) => belongs(rcpt, 0.5) === 'new');
    await until('the part of the new arm went', () => arms.fresh.taken.length === onNew.length);
    const engine = await arms.engine();
    await until('the engine is back and takes the rest', () => engine.taken.length === 40 - onNew.length);
    assert.deepEqual(arms.fresh.taken.map((one) => one.rcpt).toSorted(), onNew.toSorted());
  });
});

describe('splits in the store', () => {
  test('a write is absolute and fenced; processes say what they run; changes are kept', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    const { store } = arms.world;
    await arms.split(0.1);
    const before = await readSplit(store, POOL);
    assert.ok(before);
    assert.deepEqual((await writeSplit(store, { ...before, thresholds: lines(1) })).result, 'same');
    assert.deepEqual((await readSplit(store, POOL))?.thresholds, lines(0.1), 'nothing was changed');
    let also = 0;
    const write = (revision: number) =>
      writeSplit(store, { ...before, revision }, async () => {
        also += 1;
      });
    assert.deepEqual(await write(5), { result: 'written', revision: 5 });
    assert.deepEqual(await write(4), { result: 'stale', revision: 5 });
    assert.equal(also, 1);
    await assert.rejects(
      writeSplit(store, { ...before, revision: 6 }, async () => {
        throw new Error('the decision could not be written');
      }),
    );
    assert.equal((await readSplit(store, POOL))?.revision, 5);
    await arms.mta('mta-1');
    await arms.mta('mta-2');
    await arms.runs(5, 2);
    assert.deepEqual(
      (await splitProcesses(store, POOL)).map((one) => one.node),
      ['node', 'node'],
    );
    assert.deepEqual(
      (await splitChanges(store, POOL, 0)).map((one) => one.revision),
      [1, 5],
    );
    assert.deepEqual(
      (await splitChanges(store, POOL, Date.now() + 1_000)).map((one) => one.revision),
      [5],
    );
    assert.equal((await readSplits(store)).length, 1);
  });

  test('a pool has one live cutover; an upstream may be the old arm of several', async (context) => {
    const arms = await ArmsWorld.start(context, databases);
    const { world } = arms;
    for (const name of ['news', 'spare']) await world.pool(name, 'warm-peers');
    await arms.split(0.1);
    const base = await readSplit(world.store, POOL);
    assert.ok(base);
    const refused = (change: object, says: RegExp) =>
      assert.rejects(writeSplit(world.store, { ...base, ...change }), (error: Error) => {
        assert.ok(error instanceof SplitRefused);
        assert.match(error.message, says);
        return true;
      });
    await refused({ revision: 2, newArm: 'spare' }, /has a live cutover from legacy to marketing/);
    await refused({ front: 'news', newArm: 'nowhere' }, /no pool nowhere/);
    await refused(
      { front: 'news', oldArm: POOL, newArm: 'news' },
      /pool marketing is in the live cutover of marketing/,
    );
    await refused({ front: 'news', newArm: POOL }, /pool marketing is in the live cutover/);
    await refused({ front: LEGACY, newArm: 'spare' }, /pool legacy is in the live cutover/);
    assert.equal((await writeSplit(world.store, { ...base, front: 'news', newArm: 'news' })).result, 'written');
    // Once it is over, the pool is free for another.
    assert.equal((await writeSplit(world.store, { ...base, revision: 2, settled: 'new' })).result, 'written');
    assert.equal((await writeSplit(world.store, { ...base, revision: 3, newArm: 'spare' })).result, 'written');
  });
});
