import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startScripted, startSink, usual } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const COLD = '127.31.0.1';
const WARM = '127.31.1.1';
const MX = '127.30.0.1';
const MX2 = '127.30.0.2';

// They mostly wait: each has its own database, ports and processes.
describe('what an answer leads to', { concurrency: 3 }, () => {
  test('a greylisted message is tried again from the same address', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 20_000 });
    const sink = await startSink(MX, world.smtpPort, {
      rcpt: (_rcpt, _from, before) => (before === 0 ? '451 4.7.1 Greylisting in action, please come back later' : null),
    });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    for (const last of [1, 2, 3]) await world.lane(`127.31.1.${last}`, 'other', 'warm');
    await world.mail(12);
    await world.mta();
    await until('all are delivered', () => sink.taken.length === 12);
    for (const { rcpt } of sink.taken) {
      const sources = new Set(sink.rcpts.filter((seen) => seen.rcpt === rcpt).map((seen) => seen.from));
      assert.equal(sources.size, 1, `${rcpt} was tried from ${[...sources].join(', ')}`);
    }
    assert.equal(sink.rcpts.length, 24);
  });

  test('an unknown mailbox is a final hard bounce after one attempt', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort, { rcpt: () => '550 5.1.1 User unknown' });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    await world.lane(WARM, 'other', 'warm');
    await world.mail(1);
    await world.mta();
    await until('it is finished', async () => (await world.queue()).length === 0);
    const attempts = await world.attempts();
    assert.deepEqual(
      attempts.map((one) => [one.severity, one.final, one.unit]),
      [['hard', true, true]],
    );
    assert.equal(sink.rcpts.length, 1);
  });

  test('a reputation deferral that lasts four plan hours frees the message to a warm address', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 12_000 });
    const busy =
      '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation (S775)';
    const sink = await startSink(MX, world.smtpPort, { rcpt: (_rcpt, from) => (from === COLD ? busy : null) });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.olc.protection.outlook.com', MX]]);
    await world.lane(COLD, 'microsoft-consumer', 'ramping');
    await world.lane(WARM, 'microsoft-consumer', 'warm');
    await world.grant(COLD, 'microsoft-consumer', 100);
    await world.grant(COLD, 'microsoft-consumer', 100, 1);
    await world.mail(1);
    await world.mta();
    await until('it is delivered', () => sink.taken.length === 1);
    assert.equal(sink.taken[0]?.from, WARM);
    const attempts = await world.attempts();
    assert.ok(attempts.length >= 3, `freed after only ${attempts.length - 1} deferrals`);
    assert.ok(attempts.slice(0, -1).every((one) => one.address === COLD && one.severity === 'deferred'));
  });

  test('a block of the address stops its lane in every process, with an incident, and the mail goes by the warm one', async (context) => {
    const world = await MailWorld.start(context, databases);
    const blocked =
      "550 5.7.1 Unfortunately, messages from [127.31.0.1] weren't sent, as it is on our block list (S3140).";
    const sink = await startSink(MX, world.smtpPort, { rcpt: (_rcpt, from) => (from === COLD ? blocked : null) });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.olc.protection.outlook.com', MX]]);
    await world.lane(COLD, 'microsoft-consumer', 'graduating');
    await world.lane(WARM, 'microsoft-consumer', 'warm');
    // A day that is nearly over, so that the pace makes many units due at once.
    await world.store.query(`update pools set calendar = jsonb_set(calendar, '{epoch}', to_jsonb($1::bigint))`, [
      Date.now() - 80_000_000,
    ]);
    const calendar = (await world.store.query('select calendar from pools')).rows[0].calendar;
    Object.assign(world.calendar, calendar);
    await world.grant(COLD, 'microsoft-consumer', 2_000);
    await Promise.all([world.mta('mta-1'), world.mta('mta-2')]);
    await world.mail(60);
    await until('all are delivered', () => sink.taken.length === 60);
    assert.ok(sink.taken.every((one) => one.from === WARM));
    const cold = sink.rcpts.filter((seen) => seen.from === COLD);
    const first = cold[0]?.at ?? 0;
    assert.ok(cold.length > 0, 'the cold lane was never tried');
    assert.ok(cold.every((seen) => seen.at - first <= 2_000));
    assert.ok(cold.length <= 12, `${cold.length} attempts on a blocked lane`);
    const holds = (await world.store.query('select scope, target, cause, since from holds')).rows;
    const incidents = (await world.store.query('select scope, target, cause, opened_at as since from incidents')).rows;
    assert.deepEqual(holds, incidents, 'hold and incident are of one transaction');
    assert.deepEqual(
      holds.map((hold) => [hold.scope, hold.target]),
      [['lane', `${COLD} microsoft-consumer`]],
    );
    await world.mail(20);
    await until('later mail is delivered too', () => sink.taken.length === 80);
    assert.equal(sink.rcpts.filter((seen) => seen.from === COLD).length, cold.length);
    await until('the last outcome is committed', async () => (await world.queue()).length === 0);
  });

  test('a site that refuses connections or says 421 rests, its mail uses no attempt and the units go back', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 60_000 });
    world.domain('refuses.example', [['mx.refuses.example', MX]]);
    world.domain('busy.example', [['mx.busy.example', MX2]]);
    const busy = await startScripted(MX2, world.smtpPort, {
      answer: (verb) => (verb === 'BANNER' ? '421 4.3.2 too busy for you' : usual(verb)),
    });
    context.after(() => busy.stop());
    await world.lane(COLD, 'other', 'ramping');
    const window = await world.grant(COLD, 'other', 600);
    await world.mail(3, { domain: 'refuses.example' });
    await world.mail(3, { domain: 'busy.example' });
    await world.mta();
    await until('each says why it waits', async () =>
      (await world.queue()).every((one) => /ECONNREFUSED|421|do not answer/.test(one.reason ?? '')),
    );
    await sleep(1_500);
    assert.deepEqual(await world.attempts(), []);
    assert.ok((await world.queue()).every((one) => one.attempts === 0));
    assert.ok(busy.log.length <= 8, `${busy.log.length} connections to a site that rests`);
    await until('the units are back', async () => {
      const { rows } = await world.store.query('select handed from grants where window_index = $1', [window]);
      return rows[0].handed === 0;
    });
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    await until('mail flows when the site is back', () => sink.taken.length === 3);
  });

  test('a refused sender (4xx to MAIL) makes the site rest, not the message', async (context) => {
    const world = await MailWorld.start(context, databases);
    world.domain('provider.example', [['mx.provider.example', MX]]);
    const sink = await startScripted(MX, world.smtpPort, {
      answer: (verb, n) => (verb === 'MAIL' && n < 2 ? '451 4.3.0 try later' : usual(verb)),
    });
    context.after(() => sink.stop());
    await world.lane(WARM, 'other', 'warm');
    await world.mail(1);
    await world.mta();
    await until('it is delivered', async () => (await world.queue()).length === 0);
    assert.deepEqual(
      (await world.attempts()).map((one) => [one.severity, one.number]),
      [['delivered', 1]],
    );
  });

  test('a refused sender and a hang-up give the unit back: RCPT went along, but nobody took it', async (context) => {
    const world = await MailWorld.start(context, databases);
    world.domain('provider.example', [['mx.provider.example', MX]]);
    let refusing = true;
    const sink = await startScripted(MX, world.smtpPort, {
      answer: (verb, _n, socket) => {
        if (verb === 'MAIL' && refusing) socket.end('451 4.3.0 try later\r\n');
        return refusing && ['MAIL', 'RCPT', 'DATA'].includes(verb) ? 'silence' : usual(verb);
      },
    });
    context.after(() => sink.stop());
    await world.lane(COLD, 'other', 'ramping');
    const window = await world.grant(COLD, 'other', 500);
    await world.mail(1);
    await world.mta();
    await until('it was refused twice', () => sink.log.filter((verb) => verb === 'RCPT').length >= 2);
    refusing = false;
    await until('it is delivered', async () => (await world.queue()).length === 0);
    assert.deepEqual(
      (await world.attempts()).map((one) => [one.severity, one.number, one.unit]),
      [['delivered', 1, true]],
    );
    await until('what was not used is back', async () => {
      const { rows } = await world.store.query('select handed from grants where window_index = $1', [window]);
      return rows[0].handed === 1;
    });
  });

  for (const bare of [false, true]) {
    test(`an answer lost after the final dot is in doubt, counted, and tried again (${bare ? 'no ' : ''}pipelining)`, async (context) => {
      const world = await MailWorld.start(context, databases, { dayLength: 20_000 });
      world.domain('provider.example', [['mx.provider.example', MX]]);
      const sink = await startScripted(MX, world.smtpPort, {
        answer: (verb, n) => (verb === 'DOT' && n === 0 ? 'drop' : usual(verb, bare)),
      });
      context.after(() => sink.stop());
      await world.lane(WARM, 'other', 'warm');
      await world.mail(1);
      await world.mta();
      await until('it is finished', async () => (await world.queue()).length === 0);
      assert.deepEqual(
        (await world.attempts()).map((one) => [one.severity, one.rule, one.unit, one.final]),
        [
          ['in-doubt', 'lost-final-reply', true, false],
          ['delivered', 'delivered', true, true],
        ],
      );
      assert.equal(sink.log.filter((verb) => verb === 'DOT').length, 2);
    });
  }

  test('a remote that always takes the message and never answers gets it twice, not for days', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 20_000 });
    world.domain('provider.example', [['mx.provider.example', MX]]);
    const sink = await startScripted(MX, world.smtpPort, { answer: (verb) => (verb === 'DOT' ? 'drop' : usual(verb)) });
    context.after(() => sink.stop());
    await world.lane(WARM, 'other', 'warm');
    await world.mail(1);
    await world.mta();
    await until('it is finished', async () => (await world.queue()).length === 0);
    // A machine that stands still for seconds may cost a claim before the dot; that is no doubt.
    const doubts = (await world.attempts()).filter((one) => one.severity !== 'deferred');
    assert.deepEqual(
      doubts.map((one) => [one.severity, one.final]),
      [
        ['in-doubt', false],
        ['in-doubt', true],
      ],
    );
    assert.equal(sink.log.filter((verb) => verb === 'DOT').length, 2);
  });

  test('a connection that breaks in the middle of the message is no doubt: a plain deferral', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 20_000 });
    world.domain('provider.example', [['mx.provider.example', MX]]);
    const sink = await startScripted(MX, world.smtpPort, {
      answer: (verb, n) => (verb === 'DATA' && n === 0 ? 'drop' : usual(verb)),
    });
    context.after(() => sink.stop());
    await world.lane(WARM, 'other', 'warm');
    await world.mail(1);
    await world.mta();
    await until('it is finished', async () => (await world.queue()).length === 0);
    assert.deepEqual(
      (await world.attempts()).map((one) => one.severity),
      ['deferred', 'delivered'],
    );
  });

  test('the next MX is used when the first refuses connections, never after a reputation answer', async (context) => {
    const world = await MailWorld.start(context, databases);
    const second = await startSink(MX2, world.smtpPort);
    context.after(() => second.stop());
    world.domain('provider.example', [
      ['mx1.provider.example', MX],
      ['mx2.provider.example', MX2],
    ]);
    world.domain('judging.example', [
      ['mx1.judging.example', '127.30.0.3'],
      ['mx2.judging.example', MX2],
    ]);
    const judging = await startScripted('127.30.0.3', world.smtpPort, {
      answer: (verb) =>
        verb === 'BANNER'
          ? '421 4.7.0 Messages from 127.31.1.1 temporarily deferred due to IP reputation'
          : usual(verb),
    });
    context.after(() => judging.stop());
    await world.lane(WARM, 'other', 'warm');
    await world.mail(2);
    await world.mail(2, { domain: 'judging.example' });
    await world.mta();
    await until('the first two are delivered', () => second.taken.length === 2);
    await until('the others were tried', () => judging.log.length > 0);
    await sleep(500);
    assert.equal(second.taken.filter((one) => one.rcpt.endsWith('judging.example')).length, 0);
    assert.equal((await world.queue()).length, 2);
  });

  test('an address this machine can not bind sends nothing, not from another source either; a warm one takes its mail', async (context) => {
    const world = await MailWorld.start(context, databases, { dayLength: 20_000 });
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    await world.lane('203.0.113.9', 'other', 'ramping');
    await world.grant('203.0.113.9', 'other', 500);
    await world.mail(5);
    await world.mta();
    await until('it says why', async () =>
      (await world.queue()).some((one) => /can not be bound/.test(one.reason ?? '')),
    );
    await sleep(1_000);
    assert.equal(sink.connections(), 0);
    assert.deepEqual(await world.attempts(), []);
    await world.lane(WARM, 'other', 'warm');
    await until('the warm address delivers', () => sink.taken.length === 5);
    assert.ok(sink.taken.every((one) => one.from === WARM));
  });
});
