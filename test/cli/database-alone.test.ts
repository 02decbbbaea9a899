import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { windowOf } from '../../policy/calendar.ts';
import { judge } from '../../policy/evidence.ts';
import { gatesOf } from '../../policy/gates/settings.ts';
import { planNamed } from '../../policy/plan.ts';
import { tx } from '../../store/connect.ts';
import { applyLane } from '../../store/decisions.ts';
import { liveHolds, placeHold } from '../../store/holds.ts';
import { insertRamp, lanesOf } from '../../store/lanes.ts';
import { COLD, type DatabaseAlone, databaseAlone, WARM } from './command-line.ts';

describe('with nothing but PostgreSQL running', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
  });
  after(() => alone.stop());

  test('a pause is in force, says so, and says that the workflow has not heard of it', async () => {
    const ran = await alone.run(
      'warmup',
      'pause',
      COLD,
      '--provider',
      'google',
      '--reason',
      'too many',
      '--actor',
      'ann',
    );
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /in force: hold \d+ stops new cold mail of 127\.10\.0\.11 google/);
    assert.match(ran.stdout, /the workflow has not heard of it .*: the hold stands without it/);
    const [hold, ...more] = await liveHolds(alone.store);
    assert.equal(more.length, 0);
    assert.deepEqual(
      [hold?.scope, hold?.target, hold?.reach, hold?.cause, hold?.actor, hold?.reason],
      ['lane', `${COLD} google`, 'cold', 'operator', 'ann', 'too many'],
    );
  });

  test('pausing again names the pause that is there, and places none', async () => {
    const ran = await alone.run('warmup', 'pause', COLD, '--provider', 'google', '--reason', 'again', '--json');
    assert.equal(ran.code, 0, ran.stderr);
    const answer = JSON.parse(ran.stdout);
    assert.equal(answer.placed, false);
    assert.match(answer.says, /in force since .* of ann \(too many\)/);
    assert.equal((await liveHolds(alone.store)).length, 1);
  });

  test('the status names the hold that binds the lane', async () => {
    await alone.store.query(`update lanes set phase = 'ramping' where address = $1 and provider = 'google'`, [COLD]);
    const ran = await alone.run('warmup', 'status', COLD);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /google .*hold \d+ on lane 127\.10\.0\.11 google \(operator\) by ann: too many/);
    assert.match(ran.stdout, /yahoo +planned .*not started: \.\/rampart warmup start 127\.10\.0\.11/);
    assert.ok(!ran.stdout.includes('\x1b'), 'no colour where there is no terminal');
  });

  test('a resume lifts the pause itself, says so, and leaves the hold of a gate', async () => {
    const gate = {
      scope: 'lane',
      target: `${COLD} google`,
      reach: 'cold',
      cause: 'gate:block',
      actor: 'rampart',
    } as const;
    await tx(alone.store, (db) => placeHold(db, { ...gate, reason: 'blocked' }));
    const ran = await alone.run('warmup', 'resume', COLD, '--provider', 'google', '--reason', 'mended', '--json');
    assert.equal(ran.code, 0, ran.stderr);
    const answer = JSON.parse(ran.stdout);
    assert.equal(answer.lifted.length, 1);
    assert.match(answer.note, /the workflow has not heard of it .*: lifted without it/);
    assert.deepEqual(
      (await liveHolds(alone.store)).map((hold) => hold.cause),
      ['gate:block'],
    );
    assert.equal(answer.stillHeld[0].cause, 'gate:block');
  });

  test('a resume with nothing of the operator to lift is bad input', async () => {
    const ran = await alone.run('warmup', 'resume', COLD, '--reason', 'mended');
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /^rampart: nothing to resume: no operator's pause on 127\.10\.0\.11 .*gate:block.*\n$/);
  });

  test('a lane can not be resumed out of a pause of its whole address', async () => {
    await alone.run('warmup', 'pause', COLD, '--reason', 'all of it', '--actor', 'ann');
    const ran = await alone.run('warmup', 'resume', COLD, '--provider', 'yahoo', '--reason', 'mended');
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /the pause is on the whole address .*: resume it without --provider/);
    assert.equal((await alone.run('warmup', 'resume', COLD, '--reason', 'mended')).code, 0);
  });

  test('a start that can not work is refused in one line, and nothing is written', async () => {
    const plan = ['--plan', 'six-week'];
    const cases: [string[], RegExp][] = [
      [['203.0.113.9', ...plan], /203\.0\.113\.9 is not an address of any pool \(known: .*127\.10\.0\.11.*\): add it/],
      [['mta-1', ...plan], /"mta-1" is not an IPv4 address/],
      [[COLD], /choose a plan: --plan six-week or --plan four-week/],
      [[COLD, '--plan', 'six-weeks'], /no plan is called "six-weeks": choose one of six-week, four-week/],
      [[WARM, ...plan], /127\.10\.0\.10 is warm at every provider/],
      [
        ['127.10.0.20', ...plan],
        /pool lonely has no warm address .* standing 'warm', or set the pool's overflow to 'wait'/,
      ],
      [
        [COLD, ...plan, '--target', 'gogle=5,default=9'],
        /--target names "gogle", which has no lane: did you mean google\?/,
      ],
      [[COLD, ...plan, '--target', 'google=5'], /--target names no default: add default=N/],
      [[COLD, ...plan, '--start', '0'], /--start is "0": give a whole number above 0/],
      [[COLD, ...plan, '--days', '1.5'], /--days is "1\.5"/],
    ];
    for (const [args, expected] of cases) {
      const ran = await alone.run('warmup', 'start', ...args);
      assert.equal(ran.code, 2, `${args.join(' ')}: ${ran.stderr}`);
      assert.match(ran.stderr, expected);
      assert.equal(ran.stderr.trim().split('\n').length, 1, ran.stderr);
    }
    const { rows } = await alone.store.query('select count(*)::int as n from ramps');
    assert.equal(rows[0].n, 0);
  });

  test('the history tells a decision with its evidence, and whole rows as JSON', async () => {
    const at = Date.UTC(2026, 2, 1, 12);
    const calendar = {
      kind: 'civil',
      zone: 'UTC',
      sendDays: [1, 2, 3, 4, 5, 6, 7],
      sendHours: { from: 0, to: 24 },
    } as const;
    const window = windowOf(at, calendar).index;
    const evidence = {
      metric: 'deferral',
      feed: 'ok',
      trials: 40,
      events: 0,
      awaiting: 0,
      campaigns: 0,
      from: 0,
      to: at,
    } as const;
    const judgement = judge(evidence, {
      ...{ nextCeiling: 60, gates: gatesOf(undefined), perHour: 2, placement: { minObserved: 3, collapse: 0.5 } },
    });
    await tx(alone.store, async (db) => {
      const plan = planNamed('six-week', { start: 50, targets: { default: 1000 } });
      await insertRamp(db, {
        id: 'r1',
        address: COLD,
        pool: 'marketing',
        plan,
        calendar,
        firstWindow: window,
        at,
        actor: 'ann',
      });
      const lane = (await lanesOf(db, COLD)).find((one) => one.provider === 'google');
      assert.ok(lane);
      await applyLane(db, {
        lane,
        decision: {
          kind: 'hold',
          phase: 'holding',
          stage: 0,
          ceiling: 50,
          clean: 0,
          retreat: false,
          raised: false,
          reason: judgement.says,
          judgements: [judgement],
        },
        operationId: 'o1',
        rampId: 'r1',
        window,
        actor: 'rampart',
        policyVersion: '1',
        at,
        final: true,
        pauseReasons: [],
        missed: [],
        grants: [],
      });
    });
    const ran = await alone.run('warmup', 'history', COLD, '--provider', 'google');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /2026-03-01 12:00 {2}google {2}hold, ramping → holding, 0 → 50 a day/);
    assert.match(ran.stdout, new RegExp(`deferral: ${judgement.verdict === 'pass' ? 'pass' : 'too little seen'}`));
    const [row] = JSON.parse((await alone.run('warmup', 'history', COLD, '--json')).stdout).decisions;
    assert.equal(row.evidence[0].trials, 40);
    assert.equal(row.operationId, 'o1');

    const why = await alone.run('why', COLD, 'google');
    assert.equal(why.code, 0, why.stderr);
    assert.match(why.stdout, /gates, judged 2026-03-01 12:00/);
    assert.match(why.stdout, /deferral +(pass|too little seen) +\d+ of 40/);
    const [status] = JSON.parse((await alone.run('warmup', 'status', COLD, '--json')).stdout).addresses;
    const google = status.lanes.find((one: { provider: string }) => one.provider === 'google');
    assert.deepEqual(
      google.gates.map((gate: { metric: string; acted: boolean }) => [gate.metric, gate.acted]),
      [['deferral', true]],
    );

    const again = await alone.run('warmup', 'start', COLD, '--plan', 'six-week');
    assert.equal(again.code, 2);
    assert.match(again.stderr, /127\.10\.0\.11 is warming already \(plan six-week\)/);
  });

  test('the doctor says which parts are missing, and fails', async () => {
    const ran = await alone.run('doctor', '--json');
    assert.equal(ran.code, 1);
    const { ok, checks } = JSON.parse(ran.stdout);
    assert.equal(ok, false);
    const state = new Map(checks.map((check: { name: string; ok: boolean }) => [check.name, check.ok]));
    for (const name of ['node', 'config', 'postgresql', 'durability', 'migrations', `address ${COLD}`]) {
      assert.equal(state.get(name), true, name);
    }
    for (const name of ['temporal', 'worker', 'mta']) assert.equal(state.get(name), false, name);
    for (const check of checks) if (!check.ok) assert.ok(check.todo, `${check.name} says what to do`);
  });
});
