import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SlowDomains } from '../../mta/egress/slow-domains.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startScripted, startSink, usual } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const COLD = '127.31.0.1';
const WARM = '127.31.1.1';
const MX = '127.30.0.1';
const SLOW_MX = '127.30.0.2';

/** A provider that is well, and one that defers everything. */
async function twoProviders(context: Parameters<typeof MailWorld.start>[0]) {
  const world = await MailWorld.start(context, databases, { dayLength: 3_600_000 });
  const well = await startSink(MX, world.smtpPort, { slow: 5 });
  const ill = await startSink(SLOW_MX, world.smtpPort, { rcpt: () => '451 4.3.2 system not accepting messages' });
  context.after(() => Promise.all([well.stop(), ill.stop()]));
  world.domain('provider.example', [['mx.provider.example', MX]]);
  world.domain('ill.example', [['aspmx.l.google.com', SLOW_MX]]);
  await world.lane(WARM, 'other', 'warm', 1_000_000);
  await world.lane(WARM, 'google', 'warm', 1_000_000);
  return { world, well, ill };
}

describe('nobody stands in the way of others', { concurrency: 2 }, () => {
  test('thousands of deferred messages at one provider: first attempts at another go in order, none waits for them', async (context) => {
    const { world, well, ill } = await twoProviders(context);
    const first = await world.mail(1, { domain: 'ill.example' });
    assert.equal(first.length, 1);
    await world.mta();
    await until('the first is deferred', () => ill.rcpts.length === 1);
    // Retries that are all due: by SQL, because making them one by one would take the test's time.
    for (let n = 0; n < 5; n++) await world.mail(1_000, { domain: 'ill.example', tenant: `t${n}` });
    await world.store.query(
      `update queue set provider = 'google', address = $1, attempts = 1, first_attempt = now(), due = now()
       where domain = 'ill.example'`,
      [WARM],
    );
    await until('they are being tried', () => ill.rcpts.length > 50);
    const triedBefore = ill.rcpts.length;
    const ids = await world.mail(60);
    await until('the other provider has its mail', () => well.taken.length === 60);
    const tried = ill.rcpts.length - triedBefore;
    assert.ok(ill.rcpts.length < 5_000, 'there was still a backlog');
    // Each provider has its own connections and passes: in the time of sixty here, the ill one can not have had thousands.
    assert.ok(tried < 2_000, `${tried} attempts at the ill provider while sixty new messages went`);
    const firsts = () =>
      world.store.query(`select recipient from attempts where provider = 'other' and number = 1 order by at, id`);
    await until('all are recorded', async () => (await firsts()).rowCount === 60);
    const { rows } = await firsts();
    const order = rows.map((row) => ids.indexOf(row.recipient));
    assert.equal(order.length, 60);
    const late = order.filter((place, n) => Math.abs(place - n) > 12);
    assert.deepEqual(late, [], `first attempts left their order: ${order}`);
  });

  test("another tenant's ten messages start before forty more of a tenant with thousands", async (context) => {
    const { world, well } = await twoProviders(context);
    for (let n = 0; n < 3; n++) await world.mail(1_000, { tenant: 'large' });
    await world.mta();
    await until('the large one is being sent', () => well.taken.length > 100);
    const ids = await world.mail(10, { tenant: 'small' });
    await until('the small one is sent', async () => {
      const { rows } = await world.store.query(`select count(*)::int as n from attempts where tenant = 'small'`);
      return rows[0].n === 10;
    });
    const { rows } = await world.store.query('select recipient, tenant from attempts order by at, id');
    const places = rows.flatMap((row, n) => (row.tenant === 'small' ? [n] : []));
    const between = (places.at(-1) ?? 0) - (places[0] ?? 0) + 1 - ids.length;
    assert.ok(between <= 40, `${between} of the large tenant between the first and the last of the small one`);
    const { rows: left } = await world.store.query(`select count(*)::int as n from queue where tenant = 'large'`);
    assert.ok(left[0].n > 0, 'the large one still waits');
  });

  test('transactional mail passes a campaign, and never waits for a cold grant', async (context) => {
    const { world, well } = await twoProviders(context);
    await world.lane(COLD, 'other', 'ramping');
    for (let n = 0; n < 2; n++) await world.mail(1_000);
    await world.mta();
    await until('the campaign is being sent', () => well.taken.length > 50);
    const sent = async () => {
      const { rows } = await world.store.query(`select stream from attempts a join messages m on m.id = a.message
        order by a.at, a.id`);
      return rows.map((row) => row.stream as string);
    };
    const before = (await sent()).length;
    await world.mail(5, { stream: 'transactional', campaign: 'receipts' });
    await until(
      'the receipts are out',
      async () => (await sent()).filter((one) => one === 'transactional').length === 5,
    );
    const order = (await sent()).slice(before);
    const last = order.lastIndexOf('transactional');
    const first = order.indexOf('transactional');
    assert.ok(last - first < 25, `${last - first} messages between the first receipt and the last`);
    assert.ok(well.taken.every((one) => one.from === WARM));
  });
});

describe('where mail may go', { concurrency: 3 }, () => {
  test('overflow wait: what a cold lane may carry waits for it, other mail goes by the warm address', async (context) => {
    const { world, well } = await twoProviders(context);
    await world.lane(COLD, 'other', 'ramping');
    await world.store.query(`update pools set overflow = 'wait'`);
    await world.mail(10);
    await world.mail(3, { stream: 'transactional', campaign: 'receipts' });
    await world.mta();
    await until('the receipts are out', () => well.taken.length >= 3);
    await sleep(1_500);
    assert.deepEqual(
      well.taken.map((one) => one.from),
      [WARM, WARM, WARM],
    );
    assert.equal((await world.queue()).length, 10);
    await world.grant(COLD, 'other', 100_000);
    await until('the cold lane takes the rest', () => well.taken.length === 13);
    assert.equal(well.taken.filter((one) => one.from === COLD).length, 10);
  });

  test('mail that a lane kept while it was warm leaves it when it is cold, if the lane may not carry it now', async (context) => {
    const { world, well } = await twoProviders(context);
    const other = '127.31.1.2';
    await world.lane(other, 'other', 'warm');
    await world.mail(3, { stream: 'transactional', campaign: 'receipts' });
    await world.mail(2);
    await world.store.query(
      `update queue set provider = 'other', address = $1, attempts = 1, first_attempt = now(), due = now() + interval '2 s'`,
      [WARM],
    );
    await world.store.query(`update lanes set phase = 'stepped-back', revision = revision + 1 where address = $1`, [
      WARM,
    ]);
    await world.mta();
    await until('the receipts go by the other address', () => well.taken.length === 3);
    assert.ok(well.taken.every((one) => one.from === other));
    await sleep(1_000);
    assert.deepEqual(
      (await world.queue()).map((one) => [one.address, one.freed]),
      [
        [WARM, false],
        [WARM, false],
      ],
      'what the cold lane may carry waits for its grant',
    );
  });

  test('marketing without one-click unsubscribe stays off a cold lane', async (context) => {
    const { world, well } = await twoProviders(context);
    await world.store.query(`update lanes set phase = 'ramping', revision = revision + 1 where provider = 'other'`);
    await world.grant(WARM, 'other', 100_000);
    await world.mail(4, { oneClick: false });
    await world.mail(4);
    await world.mta();
    await until('what may go goes', () => well.taken.length === 4);
    await sleep(1_000);
    assert.equal(well.taken.length, 4);
    const { rows } = await world.store.query('select one_click from queue');
    assert.deepEqual(rows, Array(4).fill({ one_click: false }));
  });

  test('a domain whose hosts answer nothing holds half of the connections at most: the mail of others passes', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 3_600_000 });
    const well = await startSink(MX, world.smtpPort);
    const mute = await startScripted(SLOW_MX, world.smtpPort, {
      answer: (verb) => (verb === 'BANNER' || verb === 'EHLO' ? usual(verb) : 'silence'),
    });
    context.after(() => Promise.all([well.stop(), mute.stop()]));
    world.domain('provider.example', [['mx.provider.example', MX]]);
    world.domain('mute.example', [['mx.mute.example', SLOW_MX]]);
    await world.lane(WARM, 'other', 'warm', 1_000_000);
    await world.mail(40, { domain: 'mute.example' });
    await world.mta();
    const held = () => mute.log.filter((verb) => verb === 'MAIL').length;
    await until('it holds what it may', () => held() === 2);
    await world.mail(40);
    await until('the others are through', () => well.taken.length === 40);
    assert.equal(held(), 2, 'of four connections');
    const { rows } = await world.store.query(
      `select count(*)::int as n from queue where domain = 'mute.example' and reason like 'its hosts are slow%'`,
    );
    assert.ok(rows[0].n > 0, 'and who asks why is told');
  });
});

test('a domain: quick ones have all places, an unknown one half, slow ones half together, and they are forgotten', () => {
  const slow = new SlowDomains();
  let now = 1_000_000;
  const mail = (domain: string, count: number) => Array.from({ length: count }, () => ({ domain }));
  assert.equal(
    slow.fit([...mail('a.example', 4), ...mail('b.example', 1)], 4, now).length,
    3,
    'two of four, and the other',
  );
  assert.equal(slow.fit(mail('a.example', 2), 1, now).length, 1, 'a single connection is for everybody');
  slow.begin('a.example', now);
  assert.equal(slow.full('a.example', 4, now), false);
  slow.begin('a.example', now);
  assert.equal(slow.full('a.example', 4, now), true, 'half of four');
  assert.equal(slow.full('b.example', 4, now), false, 'others are not asked to wait');
  assert.equal(slow.restsUntil('a.example', 4, now + 499), 0, 'its mail keeps its place for a moment');
  assert.ok(slow.restsUntil('a.example', 4, now + 500) > now + 500, 'then what is behind it passes');
  slow.end('a.example', now, now + 10_000);
  assert.equal(slow.full('a.example', 4, now + 10_000), false, 'it was quick');
  for (let n = 0; n < 8; n++) slow.begin('a.example', now + 10_000);
  assert.equal(slow.full('a.example', 4, now + 10_000), false);
  assert.equal(slow.full('a.example', 4, now + 10_001), true, 'until one of its own takes longer');
  now += 10_001;
  slow.begin('b.example', now);
  slow.end('b.example', now, now + 10_001);
  now += 10_001;
  assert.equal(slow.full('b.example', 4, now), true, 'slow ones share one half');
  slow.begin('c.example', now);
  slow.forget('c.example', now);
  assert.equal(slow.full('c.example', 2, now), false, 'a place that was not used holds nothing');
  slow.forgetOld(now + 3_600_000);
  assert.equal(slow.full('a.example', 4, now + 3_600_000), true, 'what is under way is not forgotten');
});

test('slow domains share their half among what begins together, too', () => {
  const slow = new SlowDomains();
  for (const domain of ['a.example', 'b.example']) {
    slow.begin(domain, 0);
    slow.end(domain, 0, 10_001);
  }
  const mails = ['a.example', 'b.example', 'a.example', 'b.example', 'c.example'].map((domain) => ({ domain }));
  const begin = slow.fit(mails, 4, 10_001).map(({ domain }) => domain);
  assert.deepEqual(begin, ['a.example', 'b.example', 'c.example'], 'two of four for both, and the other');
});
