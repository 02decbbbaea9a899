import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startScripted, startSink, usual } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const MX = '127.30.0.1';
const BLOCKED = '554 5.7.1 Your IP address is blocked by our administrator, client 192.0.2.1 blocked';

describe('mail that is refused for its address', { concurrency: 3 }, () => {
  test('goes to an address that has not been refused, and never back to one that was', async (context) => {
    const world = await MailWorld.start(context, databases);
    const warm = ['127.31.1.1', '127.31.2.1', '127.31.3.1'];
    const sink = await startSink(MX, world.smtpPort, { rcpt: (_rcpt, from) => (from === warm[2] ? null : BLOCKED) });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    for (const address of warm) await world.lane(address, 'other', 'warm');
    await world.mail(12);
    await Promise.all([world.mta('mta-1'), world.mta('mta-2')]);
    await until('all are finished', async () => (await world.queue()).length === 0);
    const attempts = await world.attempts();
    const byRecipient = Map.groupBy(attempts, (one) => one.recipient);
    assert.equal(byRecipient.size, 12);
    for (const tries of byRecipient.values()) {
      const used = tries.map((one) => one.address);
      assert.equal(new Set(used).size, used.length, `tried from ${used.join(', ')}`);
      assert.equal(tries.at(-1)?.severity, 'delivered');
    }
  });

  test('bounces when every address was refused', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort, { rcpt: () => BLOCKED });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    for (const address of ['127.31.1.1', '127.31.2.1']) await world.lane(address, 'other', 'warm');
    await world.mail(3);
    await world.mta();
    await until('all are finished', async () => (await world.queue()).length === 0);
    const attempts = await world.attempts();
    assert.equal(attempts.length, 6);
    assert.equal(attempts.filter((one) => one.final && one.severity === 'blocked').length, 3);
  });

  test('does not go to a neighbour when the network was refused', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort, {
      rcpt: (_rcpt, from) =>
        from.startsWith('127.31.1.')
          ? '550 5.7.1 Messages from your network range, netblock, are blocked: S3150'
          : null,
    });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.olc.protection.outlook.com', MX]]);
    for (const address of ['127.31.1.1', '127.31.1.2']) await world.lane(address, 'microsoft-consumer', 'warm');
    await world.lane('127.31.2.1', 'microsoft-consumer', 'warm');
    await world.mail(20);
    await world.mta();
    await until('all are finished', async () => (await world.queue()).length === 0);
    const attempts = await world.attempts();
    for (const tries of Map.groupBy(attempts, (one) => one.recipient).values()) {
      const inside = tries.filter((one) => one.address?.startsWith('127.31.1.'));
      assert.ok(inside.length <= 1, 'the same network was tried twice');
    }
    assert.ok(attempts.filter((one) => one.final).every((one) => one.severity === 'delivered'));
  });
});

describe('a refusal before any message', { concurrency: 3 }, () => {
  const JUDGED = '421 4.7.0 [192.0.2.1] Messages from 192.0.2.1 temporarily deferred due to IP reputation';
  const rollup = async (world: MailWorld, address: string) =>
    (
      await world.store.query(
        `select coalesce(sum(attempts), 0)::int as attempts, coalesce(sum(reputation), 0)::int as reputation
         from rollups where address = $1`,
        [address],
      )
    ).rows[0];

  test('is seen by the gates as one reputation answer, uses no attempt and no unit', async (context) => {
    const world = await MailWorld.start(context, databases);
    world.domain('provider.example', [['mta5.am0.yahoodns.net', MX]]);
    const sink = await startScripted(MX, world.smtpPort, {
      answer: (verb) => (verb === 'BANNER' ? JUDGED : usual(verb)),
    });
    context.after(() => sink.stop());
    await world.lane('127.31.1.1', 'yahoo', 'warm');
    await world.mail(8);
    await world.mta();
    await until('it is counted', async () => (await rollup(world, '127.31.1.1')).reputation > 0);
    await sleep(1_500);
    // Eight messages and several connections met the same refusal: one event.
    assert.deepEqual(await rollup(world, '127.31.1.1'), { attempts: 1, reputation: 1 });
    assert.deepEqual(await world.attempts(), []);
    assert.ok(
      (await world.queue()).every((one) => one.attempts === 0 && /IP reputation|do not answer/.test(one.reason ?? '')),
    );
  });

  test('to MAIL counts too, and makes the site rest longer each time', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 20_000 });
    world.domain('provider.example', [['mta5.am0.yahoodns.net', MX]]);
    const sink = await startScripted(MX, world.smtpPort, {
      answer: (verb) => (verb === 'MAIL' ? JUDGED : usual(verb)),
    });
    context.after(() => sink.stop());
    await world.lane('127.31.1.1', 'yahoo', 'warm');
    await world.mail(2);
    await world.mta();
    await until('it was tried three times', () => sink.log.filter((verb) => verb === 'MAIL').length >= 3);
    await sleep(3_000);
    const tried = sink.log.filter((verb) => verb === 'MAIL').length;
    assert.ok(tried <= 6, `${tried} times: it does not rest longer`);
    const { reputation } = await rollup(world, '127.31.1.1');
    assert.ok(reputation >= 3 && reputation <= tried, `${reputation} of ${tried} counted`);
    assert.deepEqual(await world.attempts(), []);
  });

  test('of one of many sites counts once an hour on the lanes of other', async (context) => {
    const world = await MailWorld.start(context, databases);
    world.domain('provider.example', [['mx.provider.example', MX]]);
    const sink = await startScripted(MX, world.smtpPort, {
      answer: (verb) => (verb === 'MAIL' ? JUDGED : usual(verb)),
    });
    context.after(() => sink.stop());
    await world.lane('127.31.1.1', 'other', 'warm');
    // A plan day of 20 s: the site is tried again several times within a plan hour.
    await world.store.query(`update pools set calendar = jsonb_set(calendar, '{dayLength}', '200000')`);
    await world.mail(2);
    await world.mta();
    await until('it was tried three times', () => sink.log.filter((verb) => verb === 'MAIL').length >= 3);
    assert.equal((await rollup(world, '127.31.1.1')).reputation, 1);
  });
});

test('a kept connection that died is not a deferral: its mail goes over a new one at once', async (context) => {
  const world = await MailWorld.start(context, databases);
  world.domain('provider.example', [['mx.provider.example', MX]]);
  const served = new Map<import('node:net').Socket, number>();
  // Each connection takes one message, and drops what begins a second.
  const sink = await startScripted(MX, world.smtpPort, {
    answer: (verb, _n, socket) => {
      if (verb === 'MAIL') served.set(socket, (served.get(socket) ?? 0) + 1);
      return verb === 'MAIL' && (served.get(socket) ?? 0) > 1 ? 'drop' : usual(verb);
    },
  });
  context.after(() => sink.stop());
  await world.lane('127.31.1.1', 'other', 'warm');
  await world.mail(12);
  await world.mta();
  await until('all are finished', async () => (await world.queue()).length === 0);
  const attempts = await world.attempts();
  assert.deepEqual([...new Set(attempts.map((one) => `${one.severity} ${one.number}`))], ['delivered 1']);
  assert.ok(
    [...served.values()].some((count) => count > 1),
    'no connection was used twice',
  );
});

describe('mail that a host can not carry', { concurrency: 2 }, () => {
  const eight = Buffer.from('From: <a@shop.example>\r\nMessage-ID: <8@shop.example>\r\n\r\ncafé\r\n');

  const utf8 = Buffer.from(
    'From: <a@shop.example>\r\nMessage-ID: <u@shop.example>\r\nSubject: Grüße\r\n\r\nHello.\r\n',
  );

  test('bounces without an attempt: 8-bit text to a 7-bit host, an internationalised address or header without SMTPUTF8', async (context) => {
    const world = await MailWorld.start(context, databases);
    world.domain('provider.example', [['mx.provider.example', MX]]);
    const sink = await startScripted(MX, world.smtpPort, { answer: (verb) => usual(verb, true) });
    context.after(() => sink.stop());
    await world.lane('127.31.1.1', 'other', 'warm');
    await world.mail(1, { raw: eight });
    const recipients = [{ rcpt: 'josé@provider.example', domain: 'provider.example', provider: null }];
    await world.mail(1, { recipients });
    await world.mail(1, { raw: utf8 });
    await world.mail(1);
    await world.mta();
    await until('all are finished', async () => (await world.queue()).length === 0);
    const attempts = (await world.attempts()).sort((a, b) => a.reply.localeCompare(b.reply));
    assert.deepEqual(
      attempts.map((one) => [one.severity, one.unit, /5\.6\.[379]/.exec(one.reply)?.[0]]),
      [
        ['delivered', true, undefined],
        ['soft', false, '5.6.9'],
        ['soft', false, '5.6.7'],
        ['soft', false, '5.6.3'],
      ],
    );
    assert.equal(sink.log.filter((verb) => verb === 'RCPT').length, 1);
  });

  test('goes as it is to a host that can', async (context) => {
    const world = await MailWorld.start(context, databases);
    world.domain('provider.example', [['mx.provider.example', MX]]);
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    await world.lane('127.31.1.1', 'other', 'warm');
    const recipients = [{ rcpt: 'josé@provider.example', domain: 'provider.example', provider: null }];
    await world.mail(1, { raw: eight, recipients });
    await world.mta();
    await until('it is delivered', () => sink.taken.length === 1);
    assert.equal(sink.taken[0]?.rcpt, 'josé@provider.example');
    assert.ok(sink.taken[0]?.raw.includes(Buffer.from('café').toString('latin1')));
    assert.ok(sink.taken[0]?.smtpUtf8);
  });

  test('asks for SMTPUTF8 where a header alone needs it (RFC 6531 §3.4), and for nothing else', async (context) => {
    const world = await MailWorld.start(context, databases);
    world.domain('provider.example', [['mx.provider.example', MX]]);
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    await world.lane('127.31.1.1', 'other', 'warm');
    await world.mail(2, { raw: utf8 });
    await world.mail(2, { raw: eight });
    await world.mta();
    await until('all are delivered', () => sink.taken.length === 4);
    const asked = sink.taken.map((one) => [one.raw.includes('Subject: Gr'), one.smtpUtf8]);
    assert.deepEqual(
      asked.filter(([header, asks]) => header !== asks),
      [],
    );
    assert.ok(
      sink.taken.some((one) => one.raw.includes(utf8.toString('latin1'))),
      'as it is',
    );
  });
});

test('mail that leads back to this machine is returned, and no recipient is taken for dead', async (context) => {
  const world = await MailWorld.start(context, databases);
  world.zone.addMx('us.example', 'mta.example', 10);
  world.zone.addHost('mta.example', MX);
  const sink = await startSink(MX, world.smtpPort);
  context.after(() => sink.stop());
  await world.lane('127.31.1.1', 'other', 'warm');
  // A name that says nothing, at the address of one of our further listeners.
  const own = '127.30.0.77';
  world.domain('ours.example', [['relay.elsewhere.example', own]]);
  const inbound = {
    role: 'inbound',
    host: own,
    port: world.smtpPort,
    feedbackAddresses: ['fbl@ours.example'],
  } as const;
  await world.mail(1, { domain: 'us.example' });
  await world.mail(1, { domain: 'ours.example' });
  await world.mta('mta-1', { injection: { listeners: [inbound] } });
  await until('it is finished', async () => (await world.queue()).length === 0);
  const attempts = await world.attempts();
  assert.equal(attempts.length, 2);
  for (const attempt of attempts) {
    assert.deepEqual([attempt.severity, attempt.rule, attempt.unit], ['soft', 'mx-loop', false]);
    assert.match(attempt.reply, /^550 5\.4\.6 /);
  }
  assert.equal(sink.connections(), 0);
});
