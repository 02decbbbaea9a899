import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { windowAt, windowOf } from '../../policy/calendar.ts';
import { allGrants, writeGrant } from '../../store/grants.ts';
import { clearHolds, placeHold } from '../../store/holds.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { type Seen, startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const COLD = '127.31.0.1';
const WARM = '127.31.1.1';
const MX = '127.30.0.1';

async function sinkFor(context: Parameters<typeof MailWorld.start>[0], world: MailWorld) {
  const sink = await startSink(MX, world.smtpPort);
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', MX]]);
  return sink;
}

/** RCPTs a window, by the sink's clock. */
function perWindow(world: MailWorld, rcpts: readonly Seen[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { at } of rcpts) {
    const { index } = windowOf(at, world.calendar);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return counts;
}

test('two processes with more mail than units: never over a window or two, and nearly all is used', async (context) => {
  const world = await MailWorld.start(context, databases, { dayLength: 4_000 });
  const sink = await sinkFor(context, world);
  await world.lane(COLD, 'other', 'ramping');
  await world.mail(600);
  await Promise.all([world.mta('mta-1'), world.mta('mta-2')]);
  const units = [60, 80, 100];
  const first = windowOf(Date.now(), world.calendar).index + 1;
  for (const [n, some] of units.entries()) await world.grant(COLD, 'other', some, n + 1);
  await world.grant(COLD, 'other', 0, 4);
  await sleep(windowAt(first + 3, world.calendar).start + 500 - Date.now());
  const counts = perWindow(world, sink.rcpts);
  const sent = [0, 1, 2, 3].map((n) => counts.get(first + n) ?? 0);
  assert.equal(sent[3], 0);
  // By the sink's clock the first window and two adjacent ones are strict; mail on its way at the end of a window may
  // reach a busy sink in the next.
  assert.ok((sent[0] ?? 0) <= (units[0] ?? 0), `sent ${sent} of ${units}`);
  for (const n of [0, 1]) {
    assert.ok((sent[n] ?? 0) + (sent[n + 1] ?? 0) <= (units[n] ?? 0) + (units[n + 1] ?? 0), `sent ${sent} of ${units}`);
  }
  for (const [n, some] of units.entries()) {
    assert.ok((sent[n] ?? 0) >= 0.9 * some, `sent ${sent} of ${units}`);
  }
  const attempts = await world.attempts();
  for (const grant of (await allGrants(world.store)).filter((one) => one.windowIndex < first + 3)) {
    const used = attempts.filter((one) => one.unit && one.windowIndex === grant.windowIndex).length;
    assert.ok(used <= grant.units, `window ${grant.windowIndex}: ${used} of ${grant.units}`);
  }
});

// They mostly wait: each has its own database, ports and processes.
describe('what a lane may send', { concurrency: 4 }, () => {
  test('a grant lowered in mid-window hands out no more, and a lower revision is refused', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 12_000 });
    const sink = await sinkFor(context, world);
    await world.lane(COLD, 'other', 'ramping');
    await Promise.all([world.mta('mta-1'), world.mta('mta-2')]);
    // A busy machine takes longer to start processes than this window lasts.
    await until('a window begins', () => Date.now() - windowOf(Date.now(), world.calendar).start < 500);
    const index = await world.grant(COLD, 'other', 240, 0, 5);
    await world.mail(300);
    await until('some mail flows', () => sink.rcpts.length >= 20);
    const window = windowAt(index, world.calendar);
    const write = { address: COLD, provider: 'other', window, planUnits: 10, origin: 'decided' } as const;
    assert.equal(await writeGrant(world.store, { ...write, units: 10, revision: 6 }), true);
    const { rows } = await world.store.query('select handed from grants where window_index = $1', [index]);
    assert.equal(await writeGrant(world.store, { ...write, units: 240, revision: 5 }), false);
    await sleep(2_000);
    const sent = sink.rcpts.length;
    assert.ok(sent < 240 && sent <= rows[0].handed, `${sent} sent, ${rows[0].handed} handed out when it was lowered`);
  });

  test('a hold row alone stops cold mail within two seconds; clearing it lets the mail go on', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 60_000 });
    const sink = await sinkFor(context, world);
    await world.lane(COLD, 'other', 'ramping');
    await world.grant(COLD, 'other', 1_200);
    await world.mail(600);
    await Promise.all([world.mta('mta-1'), world.mta('mta-2')]);
    await until('mail flows', () => sink.rcpts.length >= 10);
    // A bare row: no notification, as a client that knows nothing of ours would write it.
    const hold = await world.store.query(
      `insert into holds (scope, target, reach, cause, actor, reason) values ('pool', 'marketing', 'cold', 'operator', 'ann', 'stop')
     returning id`,
    );
    await sleep(2_000);
    const sent = sink.rcpts.length;
    await sleep(1_500);
    assert.equal(sink.rcpts.length, sent);
    await clearHolds(world.store, [hold.rows[0].id], { actor: 'ann', reason: 'go on' });
    await until('mail flows again', () => sink.rcpts.length >= sent + 10);
  });

  test('a hold on a domain or a campaign stops that mail only', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await sinkFor(context, world);
    world.domain('other.example', [['mx.provider.example', MX]]);
    await world.lane(WARM, 'other', 'warm');
    const by = { actor: 'ann', reason: 'stop', cause: 'operator', reach: 'all' } as const;
    await placeHold(world.store, { ...by, scope: 'domain', target: 'other.example' });
    await placeHold(world.store, { ...by, scope: 'campaign', target: 'summer' });
    await world.mail(5, { domain: 'other.example' });
    await world.mail(5, { campaign: 'summer' });
    await world.mail(5);
    await world.mta();
    await until('the rest is delivered', () => sink.taken.length === 5);
    await sleep(1_000);
    assert.equal(sink.taken.length, 5);
    assert.equal((await world.queue()).length, 10);
    await world.store.query('update queue set expires = now()');
    await until('the held mail expires', async () => (await world.queue()).length === 0);
    const replies = (await world.attempts()).filter((one) => one.severity === 'expired').map((one) => one.reply);
    assert.equal(replies.length, 10);
    assert.ok(
      replies.every((reply) => /^hold \d+ \(operator\): stop$/.test(reply)),
      replies.join('\n'),
    );
  });

  test('without a grant a cold lane sends nothing; a warm one needs nobody', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 4_000 });
    const sink = await sinkFor(context, world);
    await world.lane(COLD, 'other', 'ramping');
    await world.mail(30);
    await world.mta();
    await sleep(2_500);
    assert.equal(sink.rcpts.length, 0);
    await world.lane(WARM, 'other', 'warm', 10);
    const next = windowOf(Date.now(), world.calendar).index + 1;
    await until('three windows went by', () => windowOf(Date.now(), world.calendar).index === next + 2, 13_000);
    assert.ok(sink.rcpts.every((seen) => seen.from === WARM));
    const counts = perWindow(world, sink.rcpts);
    for (const index of [next, next + 1]) assert.equal(counts.get(index), 10, `window ${index} of ${[...counts]}`);
  });

  test('a grant nobody renews is carried three windows, never above itself, and then ends', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 2_500 });
    const sink = await sinkFor(context, world);
    await world.lane(COLD, 'other', 'ramping');
    await world.mail(400);
    await world.mta();
    const first = await world.grant(COLD, 'other', 30, 1);
    await until('six windows went by', () => windowOf(Date.now(), world.calendar).index === first + 6, 20_000);
    const counts = perWindow(world, sink.rcpts);
    const sent = [0, 1, 2, 3, 4, 5].map((n) => counts.get(first + n) ?? 0);
    assert.deepEqual(sent.slice(4), [0, 0]);
    for (const n of [0, 1, 2, 3]) assert.ok((sent[n] ?? 0) > 20 && (sent[n] ?? 0) <= 30, `sent ${sent}`);
  });

  test('mail that no lane may take does not stand before mail that one may', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 60_000 });
    const sink = await sinkFor(context, world);
    await world.lane(COLD, 'other', 'ramping');
    await world.grant(COLD, 'other', 1_200);
    await world.mail(50, { stream: 'transactional', campaign: 'receipts' });
    await world.mail(10);
    await world.mta();
    await until('the cold lane sends what it may', () => sink.taken.length === 10);
    await until('that is recorded', async () => (await world.queue()).length === 50);
  });

  test('one tenant gets two fifths of a cold lane while others wait, and everything when they do not', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 12_000 });
    const sink = await sinkFor(context, world);
    await world.lane(COLD, 'other', 'ramping');
    await world.mail(400, { tenant: 'large' });
    await world.mail(400, { tenant: 'late' });
    await world.mail(20, { tenant: 'small' });
    const index = await world.grant(COLD, 'other', 0);
    await world.grant(COLD, 'other', 100, 1);
    await Promise.all([world.mta('mta-1'), world.mta('mta-2')]);
    await sleep(windowAt(index + 1, world.calendar).end - Date.now());
    const { rows } = await world.store.query(
      `select tenant, count(*)::int as n from attempts where window_index = $1 and unit group by 1`,
      [index + 1],
    );
    const sent = Object.fromEntries(rows.map((row) => [row.tenant, row.n]));
    assert.equal(sent.small, 20, JSON.stringify(sent));
    // The two that have more than their share split what is left of it: nobody under it waits for them.
    assert.ok(sent.large >= 30 && sent.large <= 46 && sent.late >= 30 && sent.late <= 46, JSON.stringify(sent));
    assert.ok(sink.rcpts.length >= 90, `${sink.rcpts.length} of 100 units used`);
    await world.store.query(`delete from queue where tenant <> 'large'`);
    await world.grant(COLD, 'other', 100, 1);
    const alone = windowOf(Date.now(), world.calendar).index + 1;
    await sleep(windowAt(alone, world.calendar).end - Date.now());
    const last = (await world.attempts()).filter((one) => one.windowIndex === alone);
    assert.ok(last.length >= 90, `${last.length} of 100 units used by the only tenant`);
  });

  test('a warm lane that was idle for a week is cold at once, and stays so when it sends', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 20_000 });
    const sink = await sinkFor(context, world);
    await world.lane(COLD, 'other', 'warm', 5_000);
    const weeks = `now() - interval '160 seconds'`;
    await world.store.query(`update lanes set phase_since = ${weeks}, last_sent_at = ${weeks}`);
    await world.mta();
    await world.mail(10, { stream: 'transactional' });
    await world.mail(30);
    await sleep(1_500);
    assert.equal(sink.rcpts.length, 0, 'it has no grant');
    const index = await world.grant(COLD, 'other', 20, 1);
    await sleep(windowAt(index, world.calendar).start - Date.now());
    await until('it sends under its grant', () => sink.rcpts.length >= 5);
    assert.ok(sink.rcpts.length < 20, 'paced over the window, not all at once');
    await sleep(windowAt(index, world.calendar).end - 500 - Date.now());
    assert.ok(sink.rcpts.length <= 20 && sink.rcpts.length >= 18, `${sink.rcpts.length} of 20`);
    const { rows } = await world.store.query(
      `select last_sent_at < now() - interval '150 seconds' as still from lanes`,
    );
    assert.equal(rows[0].still, true, 'only an evaluation may say that it is warm again');
    const { rows: left } = await world.store.query(
      `select count(*)::int as n from queue where stream = 'transactional'`,
    );
    assert.ok(left[0].n < 10, 'mail that cold lanes do not carry has no other way than this lane');
  });
});
