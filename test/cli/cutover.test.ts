/** Cutovers from the command line with nothing but the database: no Temporal, no worker, no MTA. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { tx } from '../../store/connect.ts';
import { applyCutover, cutoverOf } from '../../store/cutovers.ts';
import { upsertPool } from '../../store/pools.ts';
import { readSplit } from '../../store/splits.ts';
import { databaseAlone, smallConfig } from './command-line.ts';

const world = await databaseAlone();
after(() => world.stop());
const { store } = world;
const calendar = {
  kind: 'civil',
  zone: 'UTC',
  sendDays: [1, 2, 3, 4, 5, 6, 7],
  sendHours: { from: 0, to: 24 },
} as const;
await upsertPool(store, { name: 'pmta', overflow: 'wait', calendar, upstream: ['127.0.0.1:2599'] });

const json = async (...args: string[]) => {
  const ran = await world.run(...args, '--json');
  return { code: ran.code, out: JSON.parse(ran.stdout || 'null'), err: ran.stderr };
};
const because = ['--reason', 'a test'] as const;

test('a start says what is wrong before anything is written', async () => {
  for (const [args, says] of [
    [['marketing'], /--from POOL/],
    [['marketing', '--from', 'marketing'], /name two pools/],
    [['marketing', '--from', 'pmto'], /did you mean pmta/],
    [['nobody', '--from', 'pmta'], /no pool is called "nobody"/],
    [['marketing', '--from', 'pmta', '--steps', '10,50'], /the last step is 100/],
    [['marketing', '--from', 'pmta', '--steps', '10,100', '--step', '10%'], /not both/],
    [['marketing', '--from', 'pmta', '--step', 'ten'], /give a share such as 10%/],
    [['marketing', '--from', 'pmta', '--stream', 'both'], /marketing or transactional/],
    [['marketing', '--from', 'pmta', '--uncapped'], /say why/],
  ] as const) {
    const ran = await world.run('cutover', 'start', ...args);
    assert.equal(ran.code, 2, args.join(' '));
    assert.match(ran.stderr, says);
  }
  assert.equal(await cutoverOf(store, 'marketing'), undefined);
  assert.equal(await readSplit(store, 'marketing'), undefined);
});

test('a start sends all mail through the old arm, says what a list of steps takes, and can not be given twice', async () => {
  const started = await world.run(
    'cutover',
    'start',
    'marketing',
    '--from',
    'pmta',
    '--steps',
    '5,50,100',
    '--provider',
    'google',
  );
  assert.equal(started.code, 0, started.stderr);
  assert.match(started.stdout, /all mail of marketing takes pmta until the first step \(5%\)/);
  assert.match(started.stdout, /from 5% to 50% takes several days/);
  assert.match(started.stdout, /the workflow has not heard of it/);
  const split = await readSplit(store, 'marketing');
  assert.deepEqual(
    [split?.oldArm, split?.newArm, split?.thresholds.marketing, split?.scope],
    ['pmta', 'marketing', { '*': 0 }, { providers: ['google'] }],
  );
  const again = await world.run('cutover', 'start', 'marketing', '--from', 'pmta');
  assert.deepEqual([again.code, /has a live cutover/.test(again.stderr)], [2, true]);
});

async function atTwentyPercent(): Promise<void> {
  await tx(store, async (db) => {
    const row = await cutoverOf(db, 'marketing');
    assert.ok(row);
    const decision = {
      event: 'advance',
      state: { phase: 'running', rung: 1 },
      actor: 'ada',
      reason: 'a test',
      evidence: {},
    } as const;
    const split = { thresholds: { marketing: { '*': 200_000 }, transactional: { '*': 0 } }, step: null };
    await applyCutover(db, {
      row,
      operationId: `up-${row.revision}`,
      at: Date.now(),
      policyVersion: 'test',
      decision,
      split,
    });
  });
}

test('hold, step-back and rollback are in force at once, once each, and name who did it', async () => {
  await atTwentyPercent();
  assert.equal((await json('cutover', 'hold', 'marketing', ...because)).out.phase, 'holding');
  const twice = ['cutover', 'step-back', 'marketing', ...because, '--operation', 'op-1'];
  const first = await json(...twice);
  assert.deepEqual([first.code, first.out.phase, first.out.rung, first.out.workflow], [0, 'stepped-back', 0, 'silent']);
  assert.deepEqual((await json(...twice)).out.rung, 0);
  assert.equal((await readSplit(store, 'marketing'))?.thresholds.marketing['*'], 50_000);
  const back = await world.run(
    'cutover',
    'rollback',
    'marketing',
    '--attempted',
    'move',
    '--per-day',
    '5000',
    '--over',
    '12',
    ...because,
  );
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stdout, /in force: rollback: rolled-back at 0%\n.*has not heard of it/);
  const split = await readSplit(store, 'marketing');
  assert.equal(split?.thresholds.marketing['*'], 0);
  assert.deepEqual(split?.moves, { attempted: 'move', perDay: { '*': 5_000 }, spreadMs: 12 * 3_600_000 });
  // Said again, it changes the pace of what goes back, and nothing else.
  const slower = await json('cutover', 'rollback', 'marketing', '--per-day', '0', ...because);
  assert.deepEqual([slower.code, slower.out.phase, slower.out.rung], [0, 'rolled-back', -1]);
  const stopped = await readSplit(store, 'marketing');
  assert.deepEqual(stopped?.moves, { attempted: 'move', perDay: { '*': 0 }, spreadMs: 12 * 3_600_000 });
  assert.deepEqual(stopped?.thresholds, split?.thresholds);
  const history = await json('cutover', 'history', 'marketing');
  assert.deepEqual(
    history.out.decisions.map((one: { event: string }) => one.event),
    ['start', 'advance', 'hold', 'step-back', 'rollback', 'rollback'],
  );
});

test('what means nothing is refused with the way out; what raises needs the workflow, and says that nobody answered', async () => {
  for (const [args, says] of [
    [['reverse', 'marketing'], /rollback marketing/],
    [['step-back', 'marketing'], /nothing has moved yet/],
    [['rollback', 'marketing', '--to', '100%'], /goes lower/],
    [['rollback', 'marketing', '--attempted', 'perhaps'], /stay or move/],
    [['rollback', 'marketing', '--over', '0'], /whole number from 1 on/],
    [['rollback', 'pmta'], /pmta has no cutover \(there is marketing\)/],
  ] as const) {
    const ran = await world.run('cutover', ...args, ...because);
    assert.equal(ran.code, 2, args.join(' '));
    assert.match(ran.stderr, says);
  }
  const resume = await world.run('cutover', 'resume', 'marketing', ...because);
  assert.equal(resume.code, 1);
  assert.match(resume.stderr, /no answer .*--operation/);
  assert.equal((await world.run('cutover', 'hold', 'marketing')).code, 2, 'without a reason');
});

test('status is one screen, with or without a cutover that runs', async () => {
  const one = await world.run('cutover', 'status');
  assert.match(one.stdout, /marketing {2}rolled-back at 0%, step 0 of \d+, from pmta to marketing/);
  assert.match(one.stdout, /rollback by .*: a test/);
  assert.equal((await json('cutover', 'abort', 'marketing', ...because)).out.phase, 'aborted');
  assert.equal((await readSplit(store, 'marketing'))?.settled, 'old');
  assert.equal((await json('cutover', 'status')).out.cutovers[0].phase, 'aborted');
  const after = await world.run('cutover', 'hold', 'marketing', ...because);
  assert.deepEqual([after.code, /is over \(aborted\)/.test(after.stderr)], [2, true]);
});

test('a migration is of the configuration, once; its estate is shown, and an abort starts no further pool', async () => {
  const config = {
    ...smallConfig(),
    pools: { ...smallConfig().pools, pmta: { upstream: { hosts: ['127.0.0.1:2599'] } } },
    migrations: { off: { pools: [{ pool: 'marketing', from: 'pmta' }] } },
    cutovers: { defaults: { minHours: 12 } },
  };
  await writeFile(path.join(world.folder, 'rampart.config.ts'), `export default ${JSON.stringify(config)};\n`);
  assert.match((await world.run('migration', 'start', 'of')).stderr, /did you mean off/);
  const started = await json('migration', 'start', 'off');
  assert.deepEqual([started.code, started.out.pools], [0, ['marketing']]);
  assert.match((await world.run('migration', 'start', 'off')).stderr, /runs already/);
  const estate = (await json('migration', 'status', 'off')).out.migrations[0];
  assert.deepEqual([estate.outcome, estate.pools[0].phase, estate.pools[0].expectedAt], [null, 'waiting', null]);
  assert.equal((await world.run('migration', 'abort', 'off', ...because)).code, 0);
  assert.match((await world.run('migration', 'status')).stdout, /off {2}aborted/);
  assert.equal((await world.run('migration', 'abort', 'off', ...because)).code, 2);
});
