import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EgressConnection } from '../../mta/egress/connection.ts';
import { KeptConnections, LONGEST_MS } from '../../mta/egress/kept-connections.ts';
import { Sites } from '../../mta/egress/sites.ts';
import { mayConnect } from '../../mta/routing/forbidden-address.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { until } from './mail-world.ts';
import { type Script, startScripted, usual } from './sinks.ts';

const MX = '127.30.0.1';
const RAW = Buffer.from('Subject: hello\r\n\r\nHello.\r\n');

async function connected(context: import('node:test').TestContext, script: Script['answer']) {
  const port = await freePort();
  const sink = await startScripted(MX, port, { answer: script });
  context.after(() => sink.stop());
  const spec = { host: 'mx.example', ip: MX, port, localAddress: '127.31.1.1', ehloName: 'mta.example' };
  const connection = new EgressConnection(spec);
  assert.equal(await connection.connect(), null);
  context.after(() => connection.close());
  return { sink, connection };
}

for (const size of [RAW.length, 5_000_000]) {
  test(`the final dot of ${size} bytes is not sent when the claim is gone, and the transaction ends`, async (context) => {
    const { sink, connection } = await connected(context, (verb) => usual(verb));
    const raw = size === RAW.length ? RAW : Buffer.concat([RAW, Buffer.from(randomBytes(size / 2).toString('hex'))]);
    let asked = 0;
    const answer = await connection.deliver('a@shop.example', 'b@provider.example', raw, () => {
      asked += 1;
      return false;
    });
    assert.deepEqual([answer.code, answer.sent, answer.lost, asked], [0, true, false, 1]);
    assert.equal(connection.open, false);
    await sleep(300);
    assert.ok(!sink.log.includes('DOT'), 'the remote saw the end of a message it must not have');
  });
}

test('the claim is asked for after the body was handed over, not before', async (context) => {
  const { sink, connection } = await connected(context, (verb) => usual(verb));
  const raw = Buffer.concat([RAW, Buffer.from(`${'x'.repeat(70)}\r\n`.repeat(100_000))]);
  let seen = 0;
  const answer = await connection.deliver('a@shop.example', 'b@provider.example', raw, () => {
    seen = sink.body().length;
    return true;
  });
  assert.equal(answer.code, 250);
  assert.ok(seen > raw.length / 2, `asked when the remote had ${seen} of ${raw.length} bytes`);
  assert.equal(sink.body().length, raw.length);
});

test('a connection that is dropped while it waits for RSET does not keep its slot', async (context) => {
  const { connection } = await connected(context, (verb) =>
    verb === 'RCPT' ? '550 5.1.1 no' : verb === 'RSET' ? 'drop' : usual(verb),
  );
  const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
  assert.deepEqual([answer.code, answer.stage, answer.sent], [550, 'rcpt', true]);
  assert.equal(await connection.reset(), false);
  assert.equal(connection.open, false);
});

test('a connection is used again after a refusal, and answers stay with their messages', async (context) => {
  const { connection } = await connected(context, (verb, n) =>
    verb === 'RCPT' && n % 2 === 0
      ? '450 4.2.1 later'
      : verb === 'DATA' && n % 2 === 0
        ? '503 no recipient'
        : usual(verb),
  );
  for (let n = 0; n < 6; n++) {
    const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
    assert.equal(answer.code, n % 2 === 0 ? 450 : 250);
    if (n % 2 === 0) assert.equal(await connection.reset(), true);
  }
});

test('a message larger than the remote takes is refused for good, without a doubt', async (context) => {
  const { connection } = await connected(context, (verb) =>
    verb === 'EHLO' ? '250-sink\r\n250 SIZE 10' : usual(verb),
  );
  const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
  assert.deepEqual([answer.code, answer.sent, answer.lost], [552, false, false]);
});

for (const [verb, lost] of [
  ['MAIL', false],
  ['RCPT', false],
  ['DOT', true],
] as const) {
  test(`a reply that means nothing at ${verb} ends the session, not the message`, async (context) => {
    const { connection } = await connected(context, (given) => (given === verb ? '354 go ahead' : usual(given)));
    const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
    assert.deepEqual([answer.code, answer.sent, answer.lost, answer.ours], [0, true, lost, undefined]);
    assert.equal(connection.open, false);
  });
}

for (const [verb, reply, stage, sent] of [
  ['MAIL', '550 5.7.1 blocked (S3140)', 'mail', false],
  ['MAIL', '451 4.7.1 try later', 'mail', false],
  ['MAIL', '421 4.7.0 too fast', 'mail', false],
  ['RCPT', '550 5.1.1 no such user', 'rcpt', true],
  ['RCPT', '421 4.7.0 too fast', 'rcpt', true],
] as const) {
  test(`a remote that answers ${verb} with ${reply.slice(0, 3)} and hangs up has answered; a unit is used from RCPT on`, async (context) => {
    let said = false;
    const { connection } = await connected(context, (given, n, socket) => {
      if (given === verb && n === 1) {
        said = true;
        socket.end(`${reply}\r\n`);
      }
      return said ? 'silence' : usual(given);
    });
    // Its second message: a connection that only died of age would be tried again, and the refusal lost.
    const first = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
    assert.equal(first.code, 250);
    const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
    assert.deepEqual(
      [answer.code, answer.stage, answer.sent, answer.lost, answer.stale],
      [Number(reply.slice(0, 3)), stage, sent, false, undefined],
    );
    assert.match(answer.text, new RegExp(reply.slice(4).replace(/[()]/g, '.')));
    assert.equal(await connection.reset(), false);
  });
}

test('a refusal belongs to its own message: a connection that dies of age later has said nothing', async (context) => {
  const { connection } = await connected(context, (verb, n, socket) => {
    if (verb === 'MAIL' && n === 1) socket.destroy();
    return verb === 'RCPT' && n === 0 ? '550 5.1.1 no such user' : usual(verb);
  });
  const first = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
  assert.equal(first.code, 550);
  assert.equal(await connection.reset(), true);
  const second = await connection.deliver('a@shop.example', 'c@provider.example', RAW, () => true);
  assert.deepEqual([second.code, second.lost, second.stale], [0, false, true]);
});

test('what is in use when a process ends is cut: nothing of ours gets into the message', async (context) => {
  const { connection, sink } = await connected(context, (verb) => usual(verb));
  const kept = new KeptConnections(() => 10);
  kept.add(connection);
  const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => {
    kept.close();
    return true;
  });
  assert.equal(answer.code, 0);
  await sleep(100);
  assert.doesNotMatch(sink.body(), /QUIT/);
  assert.ok(!sink.log.includes('DOT'));
});

test('a connection closed under a transaction ends it', async (context) => {
  const { connection, sink } = await connected(context, (verb) => (verb === 'DOT' ? 'silence' : usual(verb)));
  const delivering = connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
  await until('the dot is there', () => sink.log.includes('DOT'));
  connection.close();
  const answer = await delivering;
  assert.deepEqual([answer.code, answer.lost], [0, true]);
});

test('a transaction that lasts too long is cut, however its remote keeps it alive, and an idle connection is not', async (context) => {
  const { connection, sink } = await connected(context, (verb) => (verb === 'DOT' ? 'silence' : usual(verb)));
  const kept = new KeptConnections(() => 100);
  kept.add(connection);
  const delivering = connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
  await until('the dot is there', () => sink.log.includes('DOT'));
  kept.closeIdle(Number.POSITIVE_INFINITY);
  assert.equal(connection.open, true, 'whatever the clock on the wall says');
  connection.busySince -= LONGEST_MS;
  kept.closeIdle(0);
  const answer = await delivering;
  assert.deepEqual([answer.code, answer.lost], [0, true]);
});

test('a host that greets and then says nothing, or a byte now and then, is left after two minutes', async (context) => {
  const port = await freePort();
  const sink = await startScripted(MX, port, { answer: (verb) => (verb === 'EHLO' ? 'silence' : usual(verb)) });
  context.after(() => sink.stop());
  const spec = { host: 'mx.example', ip: MX, port, localAddress: '127.31.1.1', ehloName: 'mta.example' };
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const connecting = new EgressConnection(spec).connect();
  while (!sink.log.includes('EHLO')) await new Promise((resolve) => setImmediate(resolve));
  context.mock.timers.tick(120_000);
  const answer = await connecting;
  assert.deepEqual([answer?.code, answer?.stage, answer?.sent], [0, 'ehlo', false]);
  assert.match(answer?.text ?? '', /no session within 120 s/);
});

test('a 250 to DATA is no leave to send: nothing of the message is spoken as commands, and none counts as delivered', async (context) => {
  const spoken = 'Subject: x\r\n\r\nMAIL FROM:<thief@shop.example>\r\nRCPT TO:<victim@provider.example>\r\nDATA\r\n';
  const { sink, connection } = await connected(context, (verb) => (verb === 'DATA' ? '250 2.0.0 Ok' : usual(verb)));
  const answer = await connection.deliver('a@shop.example', 'b@provider.example', Buffer.from(spoken), () => true);
  assert.deepEqual([answer.code, answer.sent, answer.lost], [0, true, false]);
  assert.equal(connection.open, false);
  await sleep(100);
  assert.deepEqual(sink.log, ['BANNER', 'EHLO', 'MAIL', 'RCPT', 'DATA']);
});

test('a server that answers twice: the next message is not taken for delivered by an answer that is not its own', async (context) => {
  for (const verb of ['DOT', 'RCPT']) {
    const { sink, connection } = await connected(context, (said, n) =>
      said === verb && n === 0 ? '250 2.0.0 Ok\r\n250 2.0.0 Ok' : usual(said),
    );
    const send = () => connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
    const first = await send();
    if (verb === 'DOT') assert.equal(first.code, 250);
    const answer = verb === 'DOT' ? await send() : first;
    assert.deepEqual([answer.code, answer.lost], [0, false], `after two answers to ${verb}`);
    assert.equal(connection.open, false);
    assert.equal(sink.log.filter((said) => said === 'DOT').length, verb === 'DOT' ? 1 : 0);
    await sink.stop();
  }
});

test('a reply whose lines disagree counts by its last one', async (context) => {
  const { connection } = await connected(context, (verb, n) =>
    verb !== 'DOT' ? usual(verb) : n === 0 ? '250-2.0.0 scanned\r\n550 5.7.1 refused' : '550-5.7.1 no\r\n250 2.0.0 Ok',
  );
  const send = () => connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
  const refused = await send();
  assert.deepEqual([refused.code, refused.stage, refused.lost], [550, 'data', false]);
  assert.ok(await connection.reset());
  assert.equal((await send()).code, 250);
});

test('a site that fails rests longer each time, and one connection tries it before others', () => {
  const sites = new Sites();
  const hosts = ['mx1', 'mx2'];
  assert.equal(sites.restsUntil(hosts, 1_000), 0);
  const first = sites.failed(hosts, 1_000);
  assert.equal(sites.failed(hosts.toReversed(), 1_001), first, 'connections opened together fail once');
  assert.equal(sites.restsUntil(hosts, 1_100), first);
  assert.equal(sites.restsUntil(hosts, first), 0);
  sites.trying(hosts, first);
  const soon = sites.restsUntil(hosts, first + 1);
  assert.ok(soon > first && soon < first + 1_000, 'others ask again soon');
  const second = sites.failed(hosts, first + 10);
  assert.ok(second - first > first - 1_000);
  sites.trying(hosts, second);
  sites.opened(hosts);
  assert.equal(sites.restsUntil(hosts, second + 1), 0);
});

test('control characters of a reply do not reach the store, which would refuse them for ever', async (context) => {
  const { connection } = await connected(context, (verb) =>
    verb === 'RCPT' ? '550 5.1.1 no\0such\x1b[31m user' : usual(verb),
  );
  const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
  assert.equal(answer.code, 550);
  assert.match(answer.text, /5\.1\.1 no such \[31m user/);
});

test('a remote that answers MAIL after the window has closed gets no RCPT: the connection is cut', async (context) => {
  const { sink, connection } = await connected(context, (verb) => (verb === 'MAIL' ? 'silence' : usual(verb, true)));
  const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true, Date.now() + 200);
  assert.deepEqual([answer.code, answer.lost], [0, false]);
  assert.equal(connection.open, false);
  assert.ok(!sink.log.includes('RCPT') && !sink.log.includes('DOT'));
});

test('an MX at loopback, link-local, multicast or no address at all is not knocked at; a lab on another port is', () => {
  for (const ip of [
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '169.254.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
  ])
    assert.deepEqual([mayConnect(ip, 25), mayConnect(ip, 2525)], [false, true], ip);
  for (const ip of [
    '198.51.100.7',
    '10.0.0.5',
    '192.168.1.1',
    '126.255.255.255',
    '128.0.0.1',
    '223.255.255.255',
    '2001:db8::1',
  ])
    assert.equal(mayConnect(ip, 25), true, ip);
  assert.equal(mayConnect('::ffff:127.0.0.1', 25), false, 'an IPv4 address in IPv6 clothes');
});
