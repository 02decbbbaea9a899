import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { evaluateCutover } from '../../activities/cutover/evaluate.ts';
import { nextLook } from '../../activities/cutover/times.ts';
import { lookAtCutovers } from '../../activities/cutover/watch.ts';
import { windowOf } from '../../policy/calendar.ts';
import { tx } from '../../store/connect.ts';
import { sharesOf } from '../../store/cutover-shares.ts';
import { applyCutover } from '../../store/cutovers.ts';
import { StaleRevision } from '../../store/decisions.ts';
import { readSplit } from '../../store/splits.ts';
import {
  anew,
  begin,
  calendar,
  clock,
  day,
  db,
  decisions,
  deps,
  fed,
  look,
  mail,
  notCompared,
  order,
  points,
  prepared,
  row,
  told,
} from './cutover-world.ts';

after(() => db.remove());
beforeEach(() => anew());

test('two equal arms: baseline, three steps, the watch, done; nothing is raised without a pass', async () => {
  await begin();
  await day();
  assert.equal((await row()).phase, 'preparing');
  assert.match(JSON.stringify((await row()).outlook), /under way through both arms|not-compared/);
  await notCompared();
  for (let n = 0; n < 14 && (await row()).endedAt === null; n++) await day();
  assert.deepEqual(await told(), [
    'start > preparing -1',
    'advance > running 0',
    'advance > running 1',
    'advance > watching 2',
    'complete > done 2',
  ]);
  const raises = (await decisions()).filter((one) => one.event === 'advance' && one.fromRung >= 0);
  for (const one of raises) {
    const { judgements, campaigns } = one.evidence as {
      judgements: { metric: string; verdict: string }[];
      campaigns: number;
    };
    assert.ok(campaigns >= 3);
    for (const metric of ['deferral', 'hard-bounce'])
      assert.equal(judgements.find((judgement) => judgement.metric === metric)?.verdict, 'pass');
    assert.ok(one.at - (raises[0]?.at ?? 0) === 0 || one.at - (raises[0]?.at ?? 0) >= 24 * 3_600_000);
  }
  const baseline = (await row()).baseline as { messages: number; old: { hard: number; told: number }[] };
  assert.ok(
    baseline.messages >= 3_000 && baseline.old.every((one) => one.hard / one.told === 0.02),
    'the old arm before anything moved',
  );
  const split = await readSplit(db.store, 'marketing');
  assert.equal(split?.settled, 'new');
  const shares = await sharesOf(db.store, (await row()).id, 0);
  assert.ok(
    shares.some((share) => share.binds === 'floor' && share.step === 100 && share.points < 100),
    'the old arm is kept warm',
  );
});

test('the canary waits for the messages to be compared, or for somebody who accepts that they were not', async () => {
  await begin();
  for (let n = 0; n < 3; n++) await day();
  const { probeCutover } = await import('../../activities/cutover/probes.ts');
  await probeCutover(deps, { front: 'marketing' });
  await day();
  assert.deepEqual(await told(), ['start > preparing -1']);
  assert.match(JSON.stringify((await row()).outlook), /accept-differences marketing not-compared/);
  await assert.rejects(order('advance'), /differences between the arms are not accepted: not-compared/);
  await assert.rejects(
    order('accept-differences', { names: ['links'] }),
    /no difference is called links: there is not-compared/,
  );
  await order('accept-differences', { names: ['not-compared'] });
  await day();
  assert.deepEqual((await told()).at(-1), 'advance > running 0');
  assert.equal((await row()).accepted[0]?.actor, 'ada');
});

test('an arm that turns bad at 40% goes back a step, then all the way, and a person begins it again', async () => {
  await prepared();
  while ((await row()).rung < 1) await day();
  const bad = { rates: { hard: { new: 0.09 } } };
  for (let n = 0; n < 12 && (await row()).phase !== 'rolled-back'; n++) await day(bad);
  const events = (await decisions()).map((one) => one.event);
  assert.ok(events.includes('step-back'));
  assert.equal((await row()).phase, 'rolled-back');
  assert.equal(await points(), 0);
  const fall = (await decisions()).find((one) => one.event === 'step-back');
  assert.match(fall?.reason ?? '', /hard-bounce new .*(worse|over the limit)/);
  const { rung } = await row();
  assert.equal(rung, -1);
  for (let n = 0; n < 2; n++) await day();
  assert.equal((await row()).phase, 'rolled-back', 'nothing begins again by itself');
  await order('resume', { reason: 'mended' });
  for (let n = 0; n < 14 && (await row()).endedAt === null; n++) await day();
  assert.equal((await row()).phase, 'done');
});

test('grants bind the share and the next step, and both are said', async () => {
  await anew(200);
  await prepared();
  for (let n = 0; n < 4; n++) await day();
  // 1,500 messages a day and provider; 0.8 x 200 are 10.7% of them.
  assert.equal(await points(), 10);
  assert.match(JSON.stringify((await row()).outlook), /the ceilings do not carry 40% yet \(a day: google 200 of 750/);
  await db.store.query('update lanes set ceiling = 100');
  await day();
  assert.ok((await points()) < 5.4 && (await points()) > 5.2, 'a share falls with its grants');
  assert.equal((await row()).reachedAt, null);
  await db.store.query('update lanes set ceiling = 2000');
  for (let n = 0; n < 4 && (await row()).rung < 1; n++) await day();
  assert.equal((await row()).rung, 1);
});

test('growth at the low end doubles from day to day, whatever steps somebody listed', async () => {
  await prepared({ uncapped: false });
  const seen: number[] = [];
  for (let n = 0; n < 6; n++) {
    await day();
    seen.push(await points());
  }
  assert.deepEqual(seen.slice(0, 5), [1, 2, 4, 8, 10]);
});

test('a step waits for a person; what fails meanwhile does not, and an approval counts for one step', async () => {
  await prepared({ approve: 'manual' });
  await day();
  assert.deepEqual((await told()).at(-1), 'ask > waiting -1');
  assert.equal(await points(), 0);
  await order('approve', { reason: 'go' });
  await day();
  assert.deepEqual((await told()).at(-1), 'approve > running 0');
  assert.equal((await decisions()).at(-1)?.actor, 'ada');
  for (let n = 0; n < 14 && (await row()).phase !== 'waiting'; n++) await day();
  assert.equal((await row()).phase, 'waiting');
  await assert.rejects(order('complete'), /complete ends the watch/);
  for (let n = 0; n < 3 && (await row()).phase === 'waiting'; n++) await day({ rates: { blocked: { new: 0.1 } } });
  assert.equal((await row()).phase, 'rolled-back');
  assert.equal(await points(), 0);
});

test('a freeze takes no step and keeps nothing from falling', async () => {
  await prepared({ freezes: [{ from: 'Mon 00:00', to: 'Sun 23:59', says: 'the year ends' }] });
  for (let n = 0; n < 2; n++) await day();
  assert.equal((await row()).phase, 'preparing');
  assert.match(JSON.stringify((await row()).outlook), /frozen: the year ends/);
  await order('advance', { reason: 'a person may' });
  assert.equal(await points(), 10);
  await day({ rates: { blocked: { new: 0.2 } } });
  assert.equal((await row()).phase, 'rolled-back');
});

test('an old arm without events is not compared: shown, and the new arm has to be seen enough by itself', async () => {
  await prepared({}, { upstream: true }, 'pmta');
  while ((await row()).rung < 0) await day({ upstream: true });
  await day({ upstream: true });
  const outlook = (await row()).outlook as { judgements: { metric: string; verdict: string; says: string }[] };
  const bounce = outlook.judgements.find((one) => one.metric === 'hard-bounce');
  assert.equal(bounce?.verdict, 'not-configured');
  assert.match(bounce?.says ?? '', /the old arm gives no events/);
  for (let n = 0; n < 6 && (await row()).rung < 1; n++) await day({ upstream: true });
  assert.equal((await row()).rung, 1);
  // Absolute limits stay: the same arm with dead addresses falls.
  for (let n = 0; n < 3 && (await row()).rung >= 1; n++) await day({ upstream: true, rates: { hard: { new: 0.2 } } });
  assert.ok((await row()).rung < 1);
});

test('a feed that should tell of the old arm and says nothing keeps every step, and is no engine that nobody can ask', async () => {
  await prepared({}, { upstream: true }, 'pmta');
  fed.add('pmta');
  while ((await row()).rung < 0) await day({ upstream: true });
  for (let n = 0; n < 6; n++) await day({ upstream: true });
  const outlook = (await row()).outlook as { judgements: { metric: string; verdict: string }[]; waits: string[] };
  assert.equal(outlook.judgements.find((one) => one.metric === 'hard-bounce')?.verdict, 'stale');
  assert.ok(outlook.waits.includes('hard-bounce: events of the old arm are missing'), outlook.waits.join('; '));
  assert.equal((await row()).rung, 0);
  fed.clear();
  for (let n = 0; n < 6 && (await row()).rung < 1; n++) await day({ upstream: true });
  assert.equal((await row()).rung, 1, 'with no feed it is not compared');
});

/** What the old arm's engine says of the mail it was handed: every `nth` message is told of, every fiftieth is dead. */
async function tells(nth: number): Promise<void> {
  await db.store.query(`insert into legacy_feeds (name, format) values ('pmta', 'test') on conflict do nothing`);
  await db.store.query(
    `insert into legacy_events (feed, key, kind, at, rcpt, recipient)
     select (select min(id) from legacy_feeds), decode(lpad(to_hex(recipient), 32, '0'), 'hex'),
       case when recipient % 50 = 0 then 'hard' when recipient % 16 = 1 then 'deferred' else 'delivered' end, at, 'x', recipient
     from attempts where severity = 'relayed' and recipient % $1 = 0 on conflict do nothing`,
    [nth],
  );
}

test('events that come days late are joined to the hours their mail was sent in: the comparison goes on', async () => {
  await prepared({ minHours: 100 * 24 }, { upstream: true }, 'pmta');
  while ((await row()).rung < 0) await day({ upstream: true });
  const verdict = async () => {
    const { judgements } = (await row()).outlook as { judgements: { metric: string; verdict: string }[] };
    return judgements.find((one) => one.metric === 'deferral')?.verdict;
  };
  await tells(1);
  for (let n = 0; n < 8; n++) await day({ upstream: true });
  assert.equal(await verdict(), 'stale', 'nobody reads the log');
  await tells(1);
  clock.now = nextLook(clock.now, calendar, 'marketing');
  await look();
  assert.notEqual(await verdict(), 'stale');
});

test('an old arm whose engine tells of its mail is compared; one that tells of half is stale, and steps wait', async () => {
  await db.store.query('truncate legacy_events, legacy_feeds cascade');
  await prepared({}, { upstream: true }, 'pmta');
  while ((await row()).rung < 0) await day({ upstream: true });
  const judgement = async () => {
    const { judgements } = (await row()).outlook as {
      judgements: { metric: string; verdict: string; old: { trials: number } }[];
    };
    return judgements.find((one) => one.metric === 'hard-bounce');
  };
  await tells(2);
  await day({ upstream: true });
  assert.equal((await judgement())?.verdict, 'stale');
  for (let n = 0; n < 12 && (await row()).rung < 1; n++) {
    await tells(1);
    await day({ upstream: true });
  }
  const { evidence } = (await decisions()).at(-1) as {
    evidence: { judgements: { metric: string; verdict: string; old: { trials: number; events: number } }[] };
  };
  const bounce = evidence.judgements.find((one) => one.metric === 'hard-bounce');
  assert.equal((await row()).rung, 1);
  assert.equal(bounce?.verdict, 'pass');
  assert.ok(Math.abs((bounce?.old.events ?? 0) / (bounce?.old.trials ?? 1) - 0.02) < 0.005, 'what its own events say');
});

test('the watch rolls back by itself within an hour, in every phase, and tells it once', async () => {
  await prepared();
  while ((await row()).rung < 1) await day();
  await order('hold');
  const window = windowOf(clock.now, calendar);
  clock.now = window.start + 6 * 3_600_000;
  await db.store.query(
    `insert into rollups (address, provider, campaign, bucket, process, attempts, blocked) values ('198.51.100.8', 'google', 'c', $1, 'p', 100, 40)`,
    [new Date(clock.now - 60_000)],
  );
  await lookAtCutovers(deps);
  await lookAtCutovers(deps);
  assert.equal((await row()).phase, 'rolled-back');
  assert.equal(await points(), 0);
  assert.equal((await told()).filter((one) => one.startsWith('rollback')).length, 1);
  assert.match((await decisions()).at(-1)?.reason ?? '', /block 40 of 100 at google within an hour/);
  assert.deepEqual((await readSplit(db.store, 'marketing'))?.moves, { attempted: 'move' });
});

test('an upstream as the new arm is watched as well: by the events of its engine', async () => {
  await db.store.query('truncate legacy_rollups');
  await begin({}, 'marketing', 'old', 'pmta');
  await notCompared();
  while ((await row()).rung < 0) await day();
  const tell = (minutes: number, blocked: number) =>
    db.store.query(
      `insert into legacy_rollups (front, arm, provider, bucket, attempts, blocked) values ('marketing', 'new', 'google', $1, 100, $2)`,
      [new Date(clock.now - minutes * 60_000), blocked],
    );
  clock.now += 6 * 3_600_000;
  await tell(90, 60);
  await tell(2, 1);
  await lookAtCutovers(deps);
  assert.equal((await row()).rung, 0, 'what is older than an hour is the comparison’s');
  await tell(1, 40);
  await lookAtCutovers(deps);
  await lookAtCutovers(deps);
  assert.deepEqual([(await row()).phase, await points()], ['rolled-back', 0]);
  assert.match((await decisions()).at(-1)?.reason ?? '', /block 41 of 200 at google within an hour/);
  assert.equal((await told()).filter((one) => one.startsWith('rollback')).length, 1);
});

test('a repeated operation says the same, and what was decided from an older row is refused', async () => {
  await prepared();
  const first = await evaluateCutover(deps, { operationId: 'once', front: 'marketing' });
  const count = (await decisions()).length;
  assert.deepEqual(await evaluateCutover(deps, { operationId: 'once', front: 'marketing' }), first);
  assert.equal((await decisions()).length, count);
  const old = await row();
  await look();
  const stale = tx(db.store, (client) =>
    applyCutover(client, { row: old, operationId: 'late', at: clock.now, policyVersion: 'test', decision: null }),
  );
  await assert.rejects(stale, StaleRevision);
  const command = { operationId: 'hold-once' };
  assert.deepEqual(await order('hold', command), await order('hold', command));
  assert.equal((await told()).filter((one) => one.startsWith('hold')).length, 1);
});

test('a front has one live cutover, and its mail takes the old arm from the start', async () => {
  await begin();
  assert.equal(await points(), 0);
  await assert.rejects(begin({}, 'marketing', 'pmta'), /has a live cutover/);
  await order('abort');
  assert.equal((await readSplit(db.store, 'marketing'))?.settled, 'old');
  await begin();
  assert.equal((await readSplit(db.store, 'marketing'))?.settled, null);
});

test('transactional mail moves last, and steps that would move nothing are passed over', async () => {
  const plan = { steps: [40, 100], transactionalSteps: [50, 100] };
  await prepared(plan);
  await mail({ stream: 'transactional', campaigns: 1 });
  let last = 0;
  for (let n = 0; n < 20 && (await row()).endedAt === null; n++) {
    clock.now += 1;
    await look();
    await mail({ stream: 'transactional', campaigns: 1 });
    await day();
    const transactional = await points('google', 'transactional');
    if (transactional > 0 && last === 0) assert.ok((await points()) >= 90, 'marketing has moved before');
    last = transactional;
  }
  const rungs = (await decisions()).filter((one) => one.toRung > one.fromRung).map((one) => one.toRung);
  assert.deepEqual(rungs, [0, 1, 2, 3]);
});
