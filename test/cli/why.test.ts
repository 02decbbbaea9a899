import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { whyQueued } from '../../cli/why/gather.ts';
import { type Calendar, windowOf } from '../../policy/calendar.ts';
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
import { queuedRecipients } from '../../store/queued-mail.ts';
import { type SpoolMessage, spool } from '../../store/spool.ts';
import { COLD, type DatabaseAlone, databaseAlone, WARM } from './command-line.ts';

const CALENDAR = {
  kind: 'civil',
  zone: 'UTC',
  sendDays: [1, 2, 3, 4, 5, 6, 7],
  sendHours: { from: 0, to: 24 },
} as const;

const hour = new Date().getUTCHours();
/** Where it is neither early nor late now: in the last hour of a day nothing is paced any more. */
const MIDDAY = { ...CALENDAR, zone: hour >= 4 && hour < 20 ? 'UTC' : 'Etc/GMT+8' };

describe('why, with nothing but PostgreSQL running', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
    // Living for the time of this test: what binds is asked of lanes that could send.
    await registerProcess(alone.store, { id: 'p', role: 'mta', node: 'local', pid: process.pid }, 3_600_000);
  });
  after(() => alone.stop());
  beforeEach(async () => {
    await alone.store.query('truncate queue, messages, bodies, attempts, holds, grants, splits restart identity');
    await alone.store.query(
      `update lanes set phase = 'ramping', ramp_id = null, last_sent_at = now() where address = $1`,
      [COLD],
    );
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

  async function grant(units: number, handed = 0, calendar: Calendar = CALENDAR) {
    const window = windowOf(Date.now(), calendar);
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

  const hold = (scope: 'campaign' | 'lane' | 'tenant', target: string, reach: 'all' | 'cold' = 'all') =>
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

  test('an address that was started though it could not be bound is not told to be free', async () => {
    // Large enough that no second of the day is short of a unit by its pace.
    await grant(100_000);
    const bindsNow = async () => JSON.parse((await alone.run('why', COLD, 'google', '--json')).stdout).lane.binds.rule;
    const found = (verdict: string) =>
      alone.store.query(`insert into preflights (address, node, actor, checks) values ($1, 'local', 'ann', $2)`, [
        COLD,
        JSON.stringify([{ name: 'bind', about: COLD, verdict, says: 'EADDRNOTAVAIL' }]),
      ]);
    const { rows } = await alone.store.query('select address, provider, last_sent_at from lanes where address = $1', [
      COLD,
    ]);
    await alone.store.query('update lanes set last_sent_at = null where address = $1', [COLD]);
    assert.equal(await bindsNow(), 'none');
    await found('skipped');
    assert.equal(await bindsNow(), 'bind');
    await found('pass');
    assert.equal(await bindsNow(), 'none', 'it was mended');
    for (const row of rows)
      await alone.store.query('update lanes set last_sent_at = $3 where address = $1 and provider = $2', [
        row.address,
        row.provider,
        row.last_sent_at,
      ]);
    await alone.store.query('delete from preflights');
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

  test('mail of a stop that was lifted says that it comes back slowly, and other mail does not', async () => {
    const { id } = await hold('tenant', 'shop');
    await easeHolds(alone.store, [id], Date.now() + 600_000);
    await clearHolds(alone.store, [id], { actor: 'ann', reason: 'over' });
    await mail({ stream: 'transactional' });
    const slow = await whyNow();
    assert.match(
      slow.warm?.why ?? '',
      /^mail of tenant shop comes back slowly, at 25% of the lane's even pace until 20/,
    );
    await alone.store.query(`update queue set tenant = 'other'`);
    assert.equal((await whyNow()).warm?.why, null);
  });

  test('a tenant that had its part of a cold lane while others wait: the figure, and the key that changes it', async () => {
    await upsertPool(alone.store, { name: 'marketing', overflow: 'wait', calendar: MIDDAY });
    await grant(100, 10, MIDDAY);
    const window = windowOf(Date.now(), MIDDAY);
    const attempts = (tenant: string, count: number) =>
      alone.store.query(
        `insert into attempts (recipient, message, address, provider, window_index, at, number, unit, severity, class, scope,
           rule, reply, final, campaign, tenant, process)
         select -n, 1, $1, 'google', $2, now(), 1, true, 'delivered', 'accepted', 'message', 'r', '250 ok', true, '', $3, $3
         from generate_series(1, $4) n`,
        [COLD, window.index, tenant, count],
      );
    await attempts('shop', 4);
    await attempts('bank', 6);
    await mail();
    const alones = (await whyNow()).cold?.why;
    assert.doesNotMatch(alones ?? '', /tenant/, 'nobody else waits: it may have everything');
    const { id: other } = { id: (await mail({ tenant: 'bank', messageId: '<2@bank.example>' })).message };
    const of = (tenant: string, tenantShare?: number) => whyOfTenant(tenant, tenantShare);
    assert.match(
      (await of('shop'))?.why ?? '',
      /^tenant shop has had 4 of the 10 it sent today \(40%\), its part is 40% while others wait: they come first$/,
    );
    assert.equal((await of('shop'))?.change, 'mta.tenantShare in the configuration');
    assert.doesNotMatch((await of('shop', 0.5))?.why ?? '', /tenant/, 'a larger part is configured');
    assert.match((await of('bank'))?.why ?? '', /^tenant bank has had 6 of the 10/, 'both above it: each says so');
    await alone.store.query('update queue set due = now() + interval $$1 hour$$ where message = $1', [other]);
    assert.doesNotMatch((await of('shop'))?.why ?? '', /tenant/, 'what is not due does not wait for the lane');
    await alone.store.query('update queue set due = now()');
    assert.match((await alone.run('mta', 'queue')).stdout, /tenant (shop has had 4|bank has had 6) of the 10/);
    const story = await alone.run('mta', 'message', '<1@shop.example>');
    assert.match(story.stdout, /why: .* google: tenant shop has had 4 of the 10 .*its part is 40%/);
    await upsertPool(alone.store, { name: 'marketing', overflow: 'warm-peers', calendar: CALENDAR });
  });

  async function whyOfTenant(tenant: string, tenantShare?: number) {
    const { rows } = await alone.store.query('select id from queue where tenant = $1', [tenant]);
    const mails = await queuedRecipients(
      alone.store,
      rows.map((row) => row.id),
    );
    const [reason] = await whyQueued(alone.store, mails, Date.now(), tenantShare);
    return reason?.lanes.find((one) => one.lane === `${COLD} google`);
  }

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
    assert.equal(reason.rule, 'retry');
    assert.match(
      reason.says,
      /^throttled: waits 29 min for its next attempt \(1 made\); last: 421 4\.7\.28 slow down; from 127\.10\.0\.10 again$/,
    );
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
      change: null,
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

  /** What is said of the one recipient that waits. */
  async function whyNow() {
    const { rows } = await alone.store.query('select id from queue');
    const [reason] = await whyQueued(
      alone.store,
      await queuedRecipients(
        alone.store,
        rows.map((row) => row.id),
      ),
      Date.now(),
    );
    assert.ok(reason);
    const lane = (address: string) => reason.lanes.find((one) => one.lane === `${address} google`);
    return { ...reason, cold: lane(COLD), warm: lane(WARM) };
  }
  const by = { actor: 'ann', reason: 'wrong prices' } as const;

  test('a stop names who and why, and the command that lifts it, whatever its scope', async () => {
    await mail();
    for (const [scope, target] of [
      ['tenant', 'shop'],
      ['campaign', 'spring'],
      ['domain', 'gmail.com'],
      ['stream', 'marketing'],
      ['pool', 'marketing'],
    ] as const) {
      const { id } = await placeHold(alone.store, { scope, target, reach: 'all', cause: 'operator', ...by });
      const { rule, says, change } = await whyNow();
      assert.equal(rule, 'hold', scope);
      assert.match(
        says,
        new RegExp(`^hold ${id} on ${scope} ${target} \\(operator, warm lanes too\\) by ann: wrong prices$`),
      );
      assert.equal(change, `./rampart resume --hold ${id} --reason '…'`);
      await clearHolds(alone.store, [id], by);
    }
    for (const [scope, target] of [
      ['all', '*'],
      ['provider', 'google'],
    ] as const) {
      const { id } = await placeHold(alone.store, { scope, target, reach: 'all', cause: 'operator', ...by });
      const { rule, warm } = await whyNow();
      assert.equal(rule, 'lanes');
      assert.equal(warm?.change, `./rampart resume --hold ${id} --reason '…'`);
      await clearHolds(alone.store, [id], by);
    }
  });

  test('a pool that is stopped does not overflow, and an upstream is stopped like a lane', async () => {
    await upsertPool(alone.store, { name: 'legacy', overflow: 'warm-peers', calendar: CALENDAR, upstream: ['old:25'] });
    await upsertPool(alone.store, { name: 'marketing', overflow: 'pool:legacy', calendar: CALENDAR });
    await mail();
    const own = await placeHold(alone.store, {
      scope: 'pool',
      target: 'marketing',
      reach: 'all',
      cause: 'operator',
      ...by,
    });
    assert.deepEqual([(await whyNow()).rule], ['hold']);
    await clearHolds(alone.store, [own.id], by);
    const { id } = await placeHold(alone.store, { scope: 'all', target: '*', reach: 'all', cause: 'operator', ...by });
    const { rule, lanes } = await whyNow();
    assert.equal(rule, 'lanes');
    assert.match(lanes.at(-1)?.why ?? '', new RegExp(`^hold ${id} on everything`));
    await upsertPool(alone.store, { name: 'marketing', overflow: 'warm-peers', calendar: CALENDAR });
  });

  test('a hold on one arm of a cutover stops the mail of its front there', async () => {
    await alone.store.query(
      `insert into splits (front, old_arm, new_arm, scope, key, revision, thresholds, step, floor, moves)
       values ('marketing', 'lonely', 'marketing', '{}', 'k', 1, $1, null, '{}', '{}')`,
      [JSON.stringify({ marketing: { '*': 10_000 }, transactional: { '*': 10_000 } })],
    );
    await mail();
    const placed = (target: string) =>
      placeHold(alone.store, { scope: 'arm', target, reach: 'all', cause: 'operator', ...by });
    const other = await placed('marketing/old');
    assert.notEqual((await whyNow()).rule, 'hold', 'the other arm');
    await clearHolds(alone.store, [other.id], by);
    const { id } = await placed('marketing/new');
    const { rule, says } = await whyNow();
    assert.equal(rule, 'hold');
    assert.match(says, new RegExp(`^hold ${id} on arm marketing/new`));
  });

  test('a lane that is paused, quarantined or caught in an outage of its provider: who, why, and the way out', async () => {
    await mail();
    const lane = `${COLD} google`;
    const resume = `./rampart warmup resume ${COLD} --provider google --reason '…'`;
    const paused = await placeHold(alone.store, {
      scope: 'lane',
      target: lane,
      reach: 'cold',
      cause: 'operator',
      ...by,
    });
    const pause = await whyNow();
    assert.match(
      pause.cold?.why ?? '',
      new RegExp(`^hold ${paused.id} on lane ${lane} \\(operator\\) by ann: wrong prices$`),
    );
    assert.equal(pause.cold?.change, resume);
    assert.equal(pause.warm?.why, null);
    await clearHolds(alone.store, [paused.id], by);

    const refused = { actor: 'mta', reason: 'google refused 127.10.0.11: 550 5.7.28' } as const;
    await placeHold(alone.store, { scope: 'lane', target: lane, reach: 'all', cause: 'incident:g', ...refused });
    await alone.store.query(`update lanes set phase = 'quarantined' where address = $1 and provider = 'google'`, [
      COLD,
    ]);
    const quarantine = await whyNow();
    assert.match(
      quarantine.cold?.why ?? '',
      /^quarantined: sends nothing: hold \d+ .* by mta: google refused .* 5\.7\.28$/,
    );
    assert.equal(quarantine.cold?.change, `${resume}, once google has delisted it`);
    const shown = await alone.run('why', COLD, 'google');
    assert.match(
      shown.stdout,
      /binds: quarantined: sends nothing: hold .*\n {2}change: \.\/rampart warmup resume 127\.10\.0\.11 --provider google/,
    );
    await alone.store.query('truncate holds');
    await alone.store.query(`update lanes set phase = 'ramping' where address = $1`, [COLD]);

    const outage = { scope: 'provider', target: 'google', reach: 'cold', cause: 'provider-outage' } as const;
    await placeHold(alone.store, {
      ...outage,
      actor: 'rampart',
      reason: '3 of 4 warm lanes met infrastructure answers',
    });
    const down = await whyNow();
    assert.match(down.cold?.why ?? '', /on provider google \(provider-outage\) by rampart: 3 of 4 warm lanes/);
    assert.equal(down.cold?.change, 'nobody lifts it by hand: it ends with its cause');
  });

  test('a limit is named with its figures and what raises it: pace, grant, segment, overflow, no lane', async () => {
    await upsertPool(alone.store, { name: 'marketing', overflow: 'wait', calendar: MIDDAY });
    await mail();
    const advance = `./rampart warmup advance ${COLD} --provider google --reason '…'`;
    await grant(100, 100, MIDDAY);
    const used = await whyNow();
    assert.match(used.cold?.why ?? '', /^100 of 100 used; next in \d+ (h|min|s)$/);
    assert.equal(used.cold?.change, advance);
    assert.match(
      used.warm?.change ?? '',
      /^pools\.marketing\.overflow in the configuration, or \.\/rampart mta reroute --pool marketing/,
    );
    await alone.store.query('update grants set units = 1000, handed = 990');
    assert.match((await whyNow()).cold?.why ?? '', /^990 of 1000 used, (paced evenly over the day|and )/);

    const plan = { name: 'own', rows: { default: [{ ceiling: 1000, segment: 'engaged-30d' }] } };
    await alone.store.query(
      `insert into ramps (id, address, pool, plan, calendar, first_window, started_at, started_by)
       values ('r', $1, 'marketing', $2, $3, 0, now(), 'ann')`,
      [COLD, JSON.stringify(plan), JSON.stringify(MIDDAY)],
    );
    await alone.store.query(`update lanes set ramp_id = 'r' where address = $1`, [COLD]);
    const young = await whyNow();
    assert.equal(young.cold?.why, 'its segment all is not admitted yet (the stage takes engaged-30d)');
    assert.equal(young.cold?.change, advance);
    assert.equal(young.warm?.why, null, 'what no cold lane may carry does not wait for one');
    await upsertPool(alone.store, { name: 'marketing', overflow: 'warm-peers', calendar: CALENDAR });

    await alone.store.query(`update queue set provider = 'apple'`);
    const { rule, says, change } = await whyNow();
    assert.deepEqual([rule, says], ['pool', 'pool marketing has no lane for apple']);
    assert.match(change ?? '', /^\.\/rampart mta reroute --pool marketing --provider apple --to POOL/);
  });

  test('mail that is not due yet: its own date, a retry by its class, a site that rests, what goes back to an old arm', async () => {
    const { message, recipients } = await mail({ notBefore: Date.now() + 7_500_000 });
    const dated = await whyNow();
    assert.equal(dated.rule, 'not-before');
    assert.match(
      dated.says,
      /^not before \d{4}-\d\d-\d\d \d\d:\d\d UTC, in 2 h: its sender said so \(X-Rampart-Not-Before\)$/,
    );

    await alone.store.query(`update queue set due = now() + interval '20 seconds', reason = '421 4.3.2 too busy'`);
    const rests = await whyNow();
    assert.deepEqual([rests.rule, rests.says], ['put-off', 'put off for 19 s: 421 4.3.2 too busy']);

    const deferred = async (over: object) => {
      await alone.store.query(`update queue set claim = 'p', claimed_at = now(), attempts = 0`);
      const at = Date.now();
      const outcome = {
        ...{ recipient: recipients[0] as number, message, address: COLD, provider: 'google', windowIndex: 1, at },
        ...{ number: 1, firstAt: at, unit: true, rule: 'r', host: 'mx.google.example', campaign: 'spring' },
        ...{ tenant: 'shop', probe: false, severity: 'deferred' as const, retry: { due: at + 600_000, free: false } },
      } as const;
      const of = { class: 'greylist', scope: 'message', reply: '451 4.7.1 Greylisted', ...over } as const;
      await alone.store.query('delete from attempts');
      await commitOutcomes(alone.store, [{ ...outcome, ...of }], 'p', { bucketMs: 60_000, idleMs: 1e9 });
      return (await whyNow()).says;
    };
    assert.equal(
      await deferred({}),
      `greylisted by mx.google.example: waits 9 min for its next attempt (1 made); last: 451 4.7.1 Greylisted; from ${COLD} again`,
    );
    assert.match(
      await deferred({ class: 'reputation', scope: 'domain', reply: '421 4.7.32 From: does not align' }),
      /^deferred for our reputation by .*; it stays with 127\.10\.0\.11: the refusal is about the domain, and would follow it to any other$/,
    );

    await alone.store.query(
      `update queue set front = 'marketing', pool = 'lonely', reason = 'went back to lonely', attempts = 0`,
    );
    const back = await whyNow();
    assert.equal(back.rule, 'release');
    assert.match(back.says, /^goes back to lonely in 9 min: what a rollback returns is paced/);
    assert.equal(back.change, "./rampart cutover rollback marketing --per-day N --reason '…'");
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
