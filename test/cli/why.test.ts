import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { windowOf } from '../../policy/calendar.ts';
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
