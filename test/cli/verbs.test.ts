import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { liftable } from '../../cli/verbs/liftable.ts';
import { type AddressResult, answerOf } from '../../cli/verbs/results.ts';
import { laneTarget } from '../../policy/holds.ts';
import { tx } from '../../store/connect.ts';
import { liveHolds, placeHold } from '../../store/holds.ts';
import { lanesOf, rampsOf } from '../../store/lanes.ts';
import { liveOrders, placeOrder } from '../../store/orders.ts';
import { rampReport } from '../../store/ramp-report.ts';
import { COLD, type DatabaseAlone, databaseAlone, WARM } from './command-line.ts';

const done: AddressResult = { address: '198.51.100.8', outcome: 'done', says: 'google steps back' };
const refused: AddressResult = { address: '198.51.100.10', outcome: 'refused', says: 'is warm' };

test('what became of each address is told, and one failure makes the command fail', () => {
  const mixed = answerOf([done, refused], { verb: 'hold' });
  assert.equal(mixed.exit, 1);
  assert.deepEqual(mixed.lines, [
    '198.51.100.8   google steps back',
    '198.51.100.10  refused: is warm',
    '1 of 2 addresses done',
  ]);
  assert.deepEqual(Object.keys(mixed.json as object), ['verb', 'results', 'failed']);
  assert.equal(answerOf([done, done], {}).exit, undefined);
  assert.throws(() => answerOf([refused], {}), /^CliError: 198\.51\.100\.10: is warm$/);
  const partly = { ...done, lanes: [{ provider: 'yahoo', done: false, says: 'is warm' }] };
  assert.deepEqual(answerOf([partly], {}).lines, [
    '198.51.100.8  google steps back',
    '              unchanged: yahoo is warm',
  ]);
  const lines = answerOf([{ ...refused, says: 'google is warm\nyahoo cools down' }, done], {}).lines;
  assert.deepEqual(lines.slice(0, 2), [
    '198.51.100.10  refused: google is warm',
    '               refused: yahoo cools down',
  ]);
  const named = { ...refused, says: '198.51.100.10 has no lane for gogle' };
  assert.throws(() => answerOf([named], {}), /^CliError: 198\.51\.100\.10 has no lane for gogle$/);
});

test('a resume lifts each reason on its own, a refusal by name alone, and never a gate', () => {
  const hold = (id: number, cause: string, target = laneTarget(COLD, 'google')) => ({
    ...{ id, scope: target === COLD ? 'address' : 'lane', target, reach: 'all', cause, actor: 'ann', reason: 'r' },
    ...{ since: 1, until: null },
  });
  const freeze = { id: 9, provider: 'google', kind: 'freeze', actor: 'ann', reason: 'r', since: 1, until: null };
  const live = {
    holds: [hold(1, 'operator'), hold(2, 'incident:tss09'), hold(3, 'gate:block'), hold(4, 'operator', COLD)],
    orders: [freeze, { ...freeze, id: 10, provider: 'yahoo' }, { ...freeze, id: 11, kind: 'promote' }],
  } as Parameters<typeof liftable>[0];
  const ids = (provider: string | null, only?: 'operator' | 'freeze' | 'incident') => {
    const lifts = liftable(live, { address: COLD, provider, only });
    return typeof lifts === 'string' ? lifts : [lifts.holds.map((one) => one.id), lifts.orders.map((one) => one.id)];
  };
  assert.deepEqual(ids(null), [
    [1, 4],
    [9, 10],
  ]);
  assert.deepEqual(ids('google'), [[1, 2], [9]]);
  assert.deepEqual(ids('google', 'operator'), [[1], []]);
  assert.deepEqual(ids('google', 'incident'), [[2], []]);
  assert.deepEqual(ids('google', 'freeze'), [[], [9]]);
  assert.match(String(ids(null, 'incident')), /nothing to resume/);
  assert.match(String(ids('yahoo', 'operator')), /the pause is on the whole address/);
  const gate = liftable({ holds: [hold(3, 'gate:block')], orders: [] } as never, {
    address: COLD,
    provider: 'google',
    only: undefined,
  });
  assert.match(String(gate), /not yours to lift/);
});

describe('with nothing but PostgreSQL running', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
  });
  after(() => alone.stop());
  const reason = ['--reason', 'a test', '--actor', 'ann'];

  test('a pause of a range holds every address in it or none, and a resume of the pool lifts them', async () => {
    const missing = await alone.run('warmup', 'pause', '127.10.0.10-11', '--provider', 'gogle', ...reason);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /has no lane for "gogle": nothing is paused\. It has google, yahoo\n$/);
    assert.deepEqual(await liveHolds(alone.store), []);

    const paused = await alone.run('warmup', 'pause', '127.10.0.10/31', ...reason, '--json');
    assert.equal(paused.code, 0, paused.stderr);
    const { results } = JSON.parse(paused.stdout);
    assert.deepEqual(results.map((one: { address: string; placed: boolean }) => [one.address, one.placed]).sort(), [
      [WARM, true],
      [COLD, true],
    ]);
    assert.deepEqual((await liveHolds(alone.store)).map((hold) => hold.target).sort(), [WARM, COLD]);
    const resumed = await alone.run('warmup', 'resume', 'pool:marketing', ...reason);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stdout, /127\.10\.0\.10 {2}lifted: hold \d+ on address 127\.10\.0\.10/);
    assert.deepEqual(await liveHolds(alone.store), []);
  });

  test('a held ceiling is lifted without a workflow, and a pause beside it stays', async () => {
    const now = Date.now();
    await placeOrder(alone.store, {
      ...{ address: COLD, provider: 'google', kind: 'freeze', actor: 'ann', reason: 'wait', since: now, until: null },
    });
    const target = laneTarget(COLD, 'google');
    await tx(alone.store, (db) =>
      placeHold(db, { scope: 'lane', target, reach: 'cold', cause: 'operator', actor: 'ann', reason: 'list' }),
    );
    const ran = await alone.run('warmup', 'resume', COLD, '--provider', 'google', '--only', 'freeze', ...reason);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /lifted: the held ceiling of google by ann: wait\n.*\nstill in force: hold \d+/);
    assert.deepEqual(await liveOrders(alone.store, COLD, now + 1), []);
    assert.equal((await liveHolds(alone.store)).length, 1);
  });

  test('the status and why tell a held ceiling and a promotion, who ordered it and until when', async () => {
    const [since, until] = [Date.now(), Date.UTC(2036, 0, 9, 12)];
    const lane = [COLD, 'yahoo'];
    await alone.store.query(
      `update lanes set phase = 'holding', pause_reasons = '{freeze}' where address = $1 and provider = $2`,
      lane,
    );
    const by = { address: COLD, provider: 'yahoo', since, until } as const;
    await placeOrder(alone.store, { ...by, kind: 'freeze', actor: 'ann', reason: 'look first' });
    await placeOrder(alone.store, { ...by, kind: 'promote', actor: 'bob', reason: 'they know us' });
    const status = (await alone.run('warmup', 'status', COLD)).stdout;
    assert.match(status, /yahoo +holding \(freeze until 2036-01-09 12:00, promoted until 2036-01-09 12:00\)/);
    const why = (await alone.run('why', COLD, 'yahoo')).stdout;
    assert.match(why, /\n {2}held: its ceiling stays until 2036-01-09 12:00, by ann: look first\n/);
    assert.match(
      why,
      /\n {2}promoted: its next step goes over gates that hold it, until 2036-01-09 12:00, by bob: they know us\n/,
    );
    const { addresses } = JSON.parse((await alone.run('warmup', 'status', COLD, '--json')).stdout);
    const yahoo = addresses[0].lanes.find((one: { provider: string }) => one.provider === 'yahoo');
    assert.deepEqual(yahoo.orders[0], { kind: 'freeze', actor: 'ann', reason: 'look first', until });
    await alone.store.query(`update lane_orders set ended_at = now() where address = $1 and provider = $2`, lane);
    await alone.store.query(
      `update lanes set phase = 'planned', pause_reasons = '{}' where address = $1 and provider = $2`,
      lane,
    );
  });

  test('a verb that nobody answers fails, and says how to say it again', async () => {
    const ran = await alone.run('warmup', 'step-back', COLD, WARM, ...reason, '--operation', 'mine', '--json');
    assert.equal(ran.code, 1);
    const { results, failed } = JSON.parse(ran.stdout);
    assert.equal(failed, 2);
    for (const one of results) {
      assert.equal(one.outcome, 'silent');
      assert.match(one.says, /nothing listens at .* it may yet be done\. .* --operation mine/);
    }
  });

  test('targets that choose nothing are refused with what there is', async () => {
    for (const [target, says] of [
      ['203.0.113.9', /203\.0\.113\.9 is not an address of any pool \(known: 127\.10\.0\.10, /],
      ['203.0.113.0/24', /203\.0\.113\.0\/24 holds no address of any pool/],
      ['pool:marketin', /no pool is called "marketin": did you mean pool:marketing\?/],
      ['mta-1', /"mta-1" is no address, range or pool: write /],
      ['127.10.0.11/24', /begins inside a block: write 127\.10\.0\.0\/24, or 127\.10\.0\.11 alone/],
    ] as const) {
      const ran = await alone.run('warmup', 'hold', target, ...reason);
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, says);
    }
  });

  test('a report without a warmup says so, and one of an early warmup is all zeros', async () => {
    const none = await alone.run('warmup', 'report', COLD);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /127\.10\.0\.11 had no warmup yet: \.\/rampart warmup start 127\.10\.0\.11/);
    const plan = {
      name: 'mine',
      source: '',
      advance: 'gated',
      overflow: 'wait',
      days: 2,
      rows: { default: [{ ceiling: 5 }, { ceiling: 9 }] },
    };
    await alone.store.query(
      `insert into ramps (id, address, pool, plan, calendar, first_window, started_at, started_by)
       select 'r1', $1, 'marketing', $2, calendar, 1, now(), 'ann' from pools where name = 'marketing'`,
      [COLD, JSON.stringify(plan)],
    );
    await alone.store.query(
      `insert into decisions (operation_id, ramp_id, address, provider, window_index, kind, from_phase, to_phase, from_stage,
         to_stage, from_ceiling, to_ceiling, actor, reason, evidence, policy_version, revision, at)
       select 'o', 'r1', address, provider, 1, 'step-back', 'ramping', 'stepped-back', 1, 0, 9, 5, 'ann', 'a doubt', '[]', '1',
         1, now() from lanes where address = $1`,
      [COLD],
    );
    const ran = await alone.run('warmup', 'report', COLD);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /plan mine, started .* by ann, running: 1 day\n/);
    assert.match(ran.stdout, /google +stepped-back +1 of 2 +5/);
    assert.match(ran.stdout, /retreats: 2\n.*google step-back, stage 2 → 1, by ann: a doubt/);
    await alone.store.query(
      `insert into decisions (operation_id, ramp_id, address, provider, window_index, kind, from_phase, to_phase, from_stage,
         to_stage, from_ceiling, to_ceiling, actor, reason, evidence, policy_version, revision, at)
       select 'p', 'r1', address, provider, 1, 'abort', 'stepped-back', 'planned', 0, 0, 5, 0, 'bob', 'sold', '[]', '1',
         2, now() from lanes where address = $1`,
      [COLD],
    );
    const ended = (await alone.run('warmup', 'report', COLD)).stdout;
    assert.match(
      ended,
      /retreats: 2\n(?! .*abort)[\s\S]*\naborted by bob: sold\n$/,
      'an end is no retreat, and told once',
    );
    const [ramp] = await rampsOf(alone.store, COLD);
    assert.ok(ramp !== undefined);
    const report = await rampReport(alone.store, ramp, Date.now());
    assert.equal(report.lanes.length, (await lanesOf(alone.store, COLD)).length);
  });
});
