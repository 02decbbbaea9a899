import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { windowOf } from '../../policy/calendar.ts';
import { CUTOVER_PLAN } from '../../policy/cutover/plan.ts';
import { BUCKETS } from '../../policy/cutover/split.ts';
import { tx } from '../../store/connect.ts';
import { keepShares } from '../../store/cutover-shares.ts';
import { applyCutover, cutoverOf, insertCutover } from '../../store/cutovers.ts';
import { writeGrant } from '../../store/grants.ts';
import { clearHolds, easeHolds, placeHold } from '../../store/holds.ts';
import { lanesOf, upsertPool } from '../../store/lanes.ts';
import { registerProcess } from '../../store/processes.ts';
import { commitOutcomes } from '../../store/queue.ts';
import { type SpoolMessage, spool } from '../../store/spool.ts';
import { COLD, type DatabaseAlone, databaseAlone, WARM } from './command-line.ts';

const CALENDAR = {
  kind: 'civil',
  zone: 'UTC',
  sendDays: [1, 2, 3, 4, 5, 6, 7],
  sendHours: { from: 0, to: 24 },
} as const;

describe('why, with nothing but PostgreSQL running', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
    // Living for the time of this test: what binds is asked of lanes that could send.
    await registerProcess(alone.store, { id: 'p', role: 'mta', node: 'local', pid: process.pid }, 3_600_000);
  });
  after(() => alone.stop());
  beforeEach(async () => {
    await alone.store.query('truncate queue, messages, bodies, attempts, holds, grants restart identity');
    await alone.store.query(`update lanes set phase = 'ramping', last_sent_at = now() where address = $1`, [COLD]);
    await alone.store.query(`update lanes set last_sent_at = now() where address = $1`, [WARM]);
  });

  async function mail(over: Partial<SpoolMessage> & { provider?: string | null } = {}) {
    const { provider = 'google', ...rest } = over;
    const [one] = await spool(alone.store, [
      {
        ...{
          raw: Buffer.from('Subject: hello\r\n\r\nHello.\r\n'),
          messageId: '<1@shop.example>',
          mailFrom: 'b@shop.example',
        },
        ...{ pool: 'marketing', tenant: 'shop', stream: 'marketing', segment: 'all', campaign: 'spring' },
        expires: Date.now() + 3_600_000,
        recipients: [{ rcpt: 'reader@gmail.com', domain: 'gmail.com', provider }],
        ...rest,
      },
    ]);
    assert.ok(one);
    return one;
  }

  async function grant(units: number, handed = 0) {
    const window = windowOf(Date.now(), CALENDAR);
    const write = {
      address: COLD,
      provider: 'google',
      window,
      units,
      planUnits: 50,
      revision: 1,
      origin: 'decided',
    } as const;
    await writeGrant(alone.store, write);
    await alone.store.query('update grants set handed = $1', [handed]);
  }

  const hold = (scope: 'campaign' | 'lane', target: string, reach: 'all' | 'cold' = 'all') =>
    placeHold(alone.store, { scope, target, reach, cause: 'operator', actor: 'ann', reason: 'wrong prices' });

  async function whyMail(name: string) {
    const ran = await alone.run('why', name, '--json');
    assert.equal(ran.code, 0, ran.stderr);
    return JSON.parse(ran.stdout).messages[0].waiting[0];
  }

  test('a lane that got less than its plan says: the joint budget of its pool, and how that came about', async () => {
    await grant(30);
    const window = windowOf(Date.now(), CALENDAR);
    await alone.store.query(
      `insert into joint_budgets (pool, provider, window_index, budget, best_day, lanes, wanted, trimmed)
       values ('marketing', 'google', $1, 800, 400, 6, 100, 70)`,
      [window.index],
    );
    const ran = await alone.run('why', COLD, 'google');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(
      ran.stdout,
      /joint budget +800 for 6 cold lanes of pool marketing +the growth cap over the 400 they sent on their best day of 7; 70 of what the plans say did not fit: it binds here/,
    );
    await alone.store.query('delete from joint_budgets');
    assert.doesNotMatch((await alone.run('why', COLD, 'google')).stdout, /joint budget/);
  });

  test('a lane: what binds it, and every limit with where it came from', async () => {
    await grant(100, 100);
    const ran = await alone.run('why', COLD, 'google');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /pool marketing, ramping\n {2}binds: 100 of 100 used \(next in /);
    assert.match(ran.stdout, /messages this window +100 \(100 handed out\) +a decision .*; the plan's row says 50/);
    assert.match(ran.stdout, /messages this hour +9 +twice the even share/);
    assert.match(ran.stdout, /connections at once +10 +shipped for google/);
    assert.match(ran.stdout, /connections a minute +100 +shipped for every provider/);
    assert.match(ran.stdout, /TLS +required +shipped for google/);
    assert.match(ran.stdout, /which mail +marketing with one-click unsubscribe/);
    assert.match(ran.stdout, /processes that send +1 +leases of node local/);
    const same = await alone.run('why', `${COLD}/google`, '--json');
    const { lane } = JSON.parse(same.stdout);
    assert.deepEqual([lane.binds.rule, lane.pool], ['grant', 'marketing']);
    assert.ok(lane.limits.length >= 6);
  });

  test('a lane that comes back after a stop says that it does so slowly, and until when', async () => {
    const { id } = await hold('lane', `${WARM} google`);
    await easeHolds(alone.store, [id], Date.now() + 600_000);
    await clearHolds(alone.store, [id], { actor: 'ann', reason: 'over' });
    const ran = await alone.run('why', WARM, 'google');
    assert.match(ran.stdout, /pace +25% of what it would have +a stop on it was lifted: slowly until 20/);
  });

  test('a broken configuration keeps nobody from an answer', async () => {
    const ran = await alone.run('why', WARM, 'google', '--config', `${alone.folder}/none.ts`);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /binds: nothing: mail goes as it comes/);
    assert.match(ran.stdout, /note: the configuration can not be read .*: connection limits are the shipped ones/);
  });

  test('a message: the hold on it binds before any lane does', async () => {
    await mail();
    await hold('campaign', 'spring');
    const reason = await whyMail('<1@shop.example>');
    assert.equal(reason.rule, 'hold');
    assert.match(reason.says, /hold 1 on campaign spring .* by ann: wrong prices/);
  });

  test('a message that waits for its retry says until when, and what was said last', async () => {
    const { recipients, message } = await mail();
    await alone.store.query(`update queue set claim = 'p', claimed_at = now()`);
    const at = Date.now();
    const outcome = {
      ...{
        recipient: recipients[0] as number,
        message,
        address: WARM,
        provider: 'google',
        windowIndex: 1,
        at,
        number: 1,
      },
      ...{ firstAt: at, unit: true, class: 'throttle', scope: 'ip', rule: 'r' },
      ...{ reply: '421 4.7.28 slow down', campaign: 'spring', tenant: 'shop', probe: false },
      retry: { due: at + 1_800_000, free: false },
    } as const;
    await commitOutcomes(alone.store, [{ ...outcome, severity: 'deferred' }], 'p', { bucketMs: 60_000, idleMs: 1e9 });
    const reason = await whyMail(String(message));
    assert.equal(reason.rule, 'due');
    assert.match(reason.says, /waits 29 min for its next attempt \(1 made\); last: 421 4\.7\.28 slow down/);
    const cold = reason.lanes.find((one: { lane: string }) => one.lane === `${COLD} google`);
    assert.match(cold.why, new RegExp(`belongs to ${WARM}`));
    const warm = reason.lanes.find((one: { lane: string }) => one.lane === `${WARM} google`);
    assert.equal(warm.why, null);
  });

  test('a message nobody can take: each lane says why', async () => {
    await mail({ stream: 'transactional' });
    await hold('lane', `${WARM} google`);
    const reason = await whyMail('<1@shop.example>');
    assert.equal(reason.rule, 'lanes');
    assert.equal(reason.says, 'none of 2 lanes takes it now');
    const [cold, warm] = [`${COLD} google`, `${WARM} google`].map((lane) =>
      reason.lanes.find((one: { lane: string }) => one.lane === lane),
    );
    assert.equal(cold?.why, 'transactional mail goes by warm lanes only');
    assert.match(warm?.why, /hold 1 on lane .* by ann: wrong prices/);
  });

  test('what keeps marketing off a cold lane: no grant, no one-click, and overflow wait off the warm one', async () => {
    await upsertPool(alone.store, { name: 'marketing', overflow: 'wait', calendar: CALENDAR });
    await mail();
    const waits = await whyMail('<1@shop.example>');
    const why = (reason: { lanes: { lane: string; why: string }[] }, address: string) =>
      reason.lanes.find(({ lane }) => lane === `${address} google`)?.why;
    assert.match(why(waits, COLD) ?? '', /no grant for this window/);
    assert.match(why(waits, WARM) ?? '', /pool marketing has overflow 'wait'/);
    await alone.store.query('update queue set one_click = false');
    const plain = await whyMail('<1@shop.example>');
    assert.match(why(plain, COLD) ?? '', /no one-click unsubscribe \(RFC 8058\)/);
    assert.equal(why(plain, WARM), null);
    assert.equal(plain.rule, 'none');
    await upsertPool(alone.store, { name: 'marketing', overflow: 'warm-peers', calendar: CALENDAR });
  });

  test('overflow to another pool and to an upstream are shown, with when they would take it', async () => {
    await upsertPool(alone.store, { name: 'legacy', overflow: 'warm-peers', calendar: CALENDAR, upstream: ['old:25'] });
    await upsertPool(alone.store, { name: 'marketing', overflow: 'pool:legacy', calendar: CALENDAR });
    await mail();
    const open = await whyMail('<1@shop.example>');
    assert.deepEqual(open.lanes.at(-1), {
      lane: 'upstream legacy (old:25)',
      why: 'overflow, while no warm lane of marketing may send',
    });
    await hold('lane', `${WARM} google`);
    const stopped = await whyMail('<1@shop.example>');
    assert.equal(stopped.lanes.at(-1).why, null);
    assert.equal(stopped.says, 'nothing: upstream legacy (old:25) takes it');
    await upsertPool(alone.store, { name: 'marketing', overflow: 'warm-peers', calendar: CALENDAR });
  });

  test('unrouted, in hand, expired and finished mail say so', async () => {
    const { message } = await mail({ provider: null });
    assert.match((await whyMail(String(message))).says, /the provider of gmail\.com is not known yet/);
    await alone.store.query(`update queue set claim = 'p'`);
    assert.equal((await whyMail(String(message))).rule, 'sending');
    await alone.store.query(`update queue set claim = null, expires = now()`);
    assert.equal((await whyMail(String(message))).rule, 'expired');
    await alone.store.query('delete from queue');
    const ran = await alone.run('why', String(message));
    assert.equal(ran.code, 0, ran.stderr);
  });

  test('a front with a split: which arm each recipient takes, and why; mta message says the same', async () => {
    const store = alone.store;
    await upsertPool(store, { name: 'pmta', overflow: 'wait', calendar: CALENDAR, upstream: ['old:25'] });
    const start = { front: 'marketing', oldArm: 'pmta', newArm: 'marketing', scope: { tenants: ['shop'] }, key: 'k' };
    const at = Date.now() - 3_600_000;
    await tx(store, (db) =>
      insertCutover(
        db,
        {
          ...{ ...start, id: 'marketing/1', plan: CUTOVER_PLAN, calendar: CALENDAR, at, operationId: 'start-1' },
          policyVersion: 'test',
        },
        { actor: 'ada', reason: 'a test' },
      ),
    );
    const row = await cutoverOf(store, 'marketing');
    assert.ok(row);
    const lines = (google: number) => ({
      marketing: { '*': google * BUCKETS, google: google * BUCKETS },
      transactional: { '*': 0 },
    });
    await tx(store, (db) =>
      applyCutover(db, {
        ...{ row, operationId: 'op-1', at: at + 1_000, policyVersion: 'test' },
        decision: {
          event: 'advance',
          state: { phase: 'running', rung: 4 },
          actor: 'ada',
          reason: 'a test',
          evidence: {},
        },
        split: { thresholds: lines(0.1), step: lines(0.2), floor: { '*': 0, google: 0.05 * BUCKETS } },
      }),
    );
    await store.query(`update split_changes set at = to_timestamp($1::float8 / 1000)`, [at + 1_000]);
    await keepShares(store, 'marketing/1', [
      {
        ...{ window: windowOf(Date.now(), CALENDAR).index, stream: 'marketing', provider: 'google', points: 10 },
        ...{ binds: 'grants', step: 20, forecast: 1_000, grants: 125, needed: 1 },
      },
    ]);
    const { message } = await mail({
      recipients: ['new', 'old', 'over', 'floor', 'doubt', 'hand', 'moved', 'none'].map((name) => ({
        rcpt: `${name}@gmail.com`,
        ...{ domain: 'gmail.com', provider: 'google' },
      })),
    });
    const place = (name: string, pool: string, bucket: number, more = '') =>
      store.query(
        `update queue set front = 'marketing', pool = $2, bucket = $3, mailbox_provider = 'google' ${more} where rcpt = $1`,
        [`${name}@gmail.com`, pool, bucket],
      );
    await place('new', 'marketing', 31_000);
    await place('old', 'pmta', 551_000);
    await place('over', 'pmta', 150_000, `, outside = 'overflow'`);
    await place('floor', 'pmta', 990_000);
    await place('doubt', 'marketing', 700_000, ', attempts = 1, doubts = 1, first_attempt = now()');
    await place('hand', 'marketing', 700_001, `, claim = 'p'`);
    await place('moved', 'pmta', 1, `, outside = 'moved'`);
    const { arms } = JSON.parse((await alone.run('why', String(message), '--json')).stdout).messages[0];
    assert.deepEqual(
      arms.map((one: { arm: string; pool: string; rule: string }) => [one.arm, one.pool, one.rule]),
      [
        ['new', 'marketing', 'line'],
        ['old', 'pmta', 'line'],
        ['old', 'pmta', 'overflow'],
        ['old', 'pmta', 'floor'],
        ['new', 'marketing', 'in-doubt'],
        ['new', 'marketing', 'claim'],
        ['old', 'pmta', 'moved'],
        [null, 'marketing', 'unknown'],
      ],
    );
    const line = "the new arm's line 10% for marketing mail at google \\(step 20%, bound by grants\\)";
    for (const command of [['why'], ['mta', 'message']]) {
      const { stdout } = await alone.run(...command, String(message));
      assert.match(stdout, new RegExp(`arm of marketing: new \\(marketing\\): its bucket 3\\.1% is below ${line}`));
      assert.match(stdout, new RegExp(`old \\(pmta\\): its bucket 55\\.1% is not below ${line}`));
      assert.match(
        stdout,
        /overflow: the step gives it to the new arm, but its bucket 15% is above what its grants carry/,
      );
      assert.match(stdout, /its bucket 99% is in the floor, the top 5% that keep the old arm warm/);
      assert.match(stdout, /fixed by its claim: p has it in hand/);
      assert.match(stdout, /arm of marketing: none yet: its provider decides, and is not known yet/);
    }
    // What is finished is told by the line of its time, not today's.
    await store.query(
      `insert into attempts (recipient, message, provider, at, number, first_at, unit, severity, class, scope, rule, reply,
         final, campaign, tenant, process, front, arm, bucket, mailbox_provider)
       select id, message, 'google', $2, 1, $2, false, 'delivered', 'delivered', 'message', 'x', '250 ok', true, '', 'shop', 'p',
         'marketing', 'new', bucket, 'google' from queue where rcpt = $1`,
      ['new@gmail.com', new Date(at + 60_000)],
    );
    await store.query(`delete from queue where rcpt = 'new@gmail.com'`);
    const now = await cutoverOf(store, 'marketing');
    assert.ok(now);
    const state = { phase: 'rolled-back', rung: -1 } as const;
    const decision = { event: 'rollback', state, actor: 'ada', reason: 'a test', evidence: {} } as const;
    await tx(store, (db) =>
      applyCutover(db, {
        ...{ row: now, operationId: 'op-2', at: Date.now(), policyVersion: 'test', decision },
        split: { thresholds: lines(0), step: null },
      }),
    );
    assert.match((await alone.run('why', String(message))).stdout, /its bucket 3\.1% is below the new arm's line 10%/);
    await store.query('truncate splits, split_changes, cutovers, cutover_decisions, cutover_shares cascade');
  });

  test('what it is asked about must be there', async () => {
    const unknown = await alone.run('why', '4711');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /no message is called "4711".*or a lane such as/);
    const which = await alone.run('why', COLD);
    assert.equal(which.code, 2);
    assert.match(which.stderr, /several lanes: name one of google, yahoo/);
    const wrong = await alone.run('why', COLD, 'gogle');
    assert.match(wrong.stderr, /did you mean google\?/);
    const lanes = await lanesOf(alone.store, COLD);
    assert.equal(lanes.length, 2);
  });
});
