import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import type { EventLine, ReceivedLine } from '../../lab/records.ts';
import {
  burst,
  DAY,
  EPOCH,
  HOUR,
  linesOf,
  provider,
  scenario,
  senderFrom,
  type TurnableClock,
  worldFor,
} from './support.ts';

const IP = '127.10.0.21';

function turnable(): { clock: TurnableClock; now: () => number } {
  const clock = { now: EPOCH };
  return { clock, now: () => clock.now };
}

test('a greylisted first attempt gets a 4xx and a retry after two plan hours passes, whatever the local part of its sender', async (t) => {
  const { clock, now } = turnable();
  const { world } = await worldFor(t, {
    scenario: scenario([provider('isp', { greylistShare: 1 })]),
    now,
    epoch: EPOCH,
  });
  const sender = senderFrom(t, world, IP);
  assert.match(await sender.send('reader-1@isp.example', { from: 'v1@b.example' }), /^450 4\.7\.1 .*Greylisted/);
  assert.match(await sender.send('reader-1@isp.example', { from: 'v2@b.example' }), /^450/);
  clock.now += 2 * HOUR;
  assert.match(await sender.send('reader-1@isp.example', { from: 'v3@b.example' }), /^250/);
  assert.match(await sender.send('reader-1@isp.example', { from: 'v4@other.example' }), /^450/);
});

test('an unknown recipient is refused in the words of the dialect', async (t) => {
  const spec = scenario([provider('a', { dialect: 'google' }), provider('b', { dialect: 'microsoft-consumer' })]);
  const { world } = await worldFor(t, { scenario: spec });
  assert.match(await senderFrom(t, world, IP, 0).send('gone-1@a.example'), /^550 5\.1\.1 The email account/);
  assert.match(await senderFrom(t, world, IP, 1).send('gone-1@b.example'), /^550 5\.1\.1 Requested action not taken/);
});

test('a ramp that doubles each day is never punished', async (t) => {
  const { clock, now } = turnable();
  const { world } = await worldFor(t, {
    scenario: scenario([provider('isp', { messagesPerConnection: 1_000 })]),
    now,
    epoch: EPOCH,
  });
  const sender = senderFrom(t, world, IP);
  for (const [day, volume] of [25, 50, 100, 200].entries()) {
    for (let part = 0; part < 10; part++) {
      clock.now = EPOCH + day * DAY + (part * DAY) / 10;
      const codes = await burst(sender, volume / 10, 'isp.example');
      assert.deepEqual([...codes.keys()], ['250'], `day ${day}, part ${part}`);
    }
  }
  assert.equal(world.state().providers.isp?.sources[IP]?.score, 100);
});

test('a jump brings deferrals, then junk, then a block; clean days bring the sender back', async (t) => {
  const { clock, now } = turnable();
  const spec = scenario([provider('ms', { dialect: 'microsoft-consumer' })]);
  const { world, directory } = await worldFor(t, { scenario: spec, now, epoch: EPOCH });
  const sender = senderFrom(t, world, IP);
  const standing = () => world.state().providers.ms?.sources[IP]?.standing;
  for (let hour = 0; hour < 5; hour++) {
    clock.now = EPOCH + hour * HOUR;
    await burst(sender, 10, 'ms.example');
  }
  assert.equal(standing(), 'good');
  assert.match(await sender.send('one@ms.example'), /^451 4\.7\.650 .*\[127\.10\.0\.21\].*\(S775\)/);
  await burst(sender, 35, 'ms.example');
  assert.equal(standing(), 'junk');
  await burst(sender, 35, 'ms.example');
  assert.equal(standing(), 'blocked');
  assert.match(await sender.send('two@ms.example'), /^550 5\.7\.1 .*S3140/);

  clock.now = EPOCH + 4 * DAY;
  assert.equal(standing(), 'good');
  assert.match(await sender.send('three@ms.example'), /^250/);
  await world.stop();
  const events = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  assert.ok(events.some((line) => line.kind === 'score'));
});

test('google answers a limit only after the message', async (t) => {
  const spec = scenario([provider('g', { dialect: 'google', freeDailyVolume: 1 })]);
  const { world, directory } = await worldFor(t, { scenario: spec });
  const sender = senderFrom(t, world, IP);
  await sender.send('one@g.example');
  assert.match(await sender.send('two@g.example', { headers: ['X-Campaign: spring'] }), /^421 4\.7\.28/);
  await world.flush();
  const lines = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
  const [rcpt, data] = lines.slice(-2);
  assert.equal(rcpt?.kind, 'rcpt');
  assert.equal(rcpt?.code, 250);
  assert.ok(data?.kind === 'data' && !data.accepted && data.placement === null);
  assert.equal(data.code, 421);
  assert.equal(data.campaign, 'spring');
  assert.equal(data.tx, rcpt?.tx);
});

test('mail to many dead addresses lands in junk, and a few dead ones do no harm', async (t) => {
  const { now } = turnable();
  const spec = scenario([provider('isp', { freeDailyVolume: 500 })]);
  const { world, directory } = await worldFor(t, { scenario: spec, now, epoch: EPOCH });
  const careful = senderFrom(t, world, IP);
  await burst(careful, 60, 'isp.example');
  await burst(careful, 2, 'isp.example', 'gone');
  assert.equal(world.state().providers.isp?.sources[IP]?.score, 100);
  const careless = senderFrom(t, world, '127.10.0.22');
  await burst(careless, 11, 'isp.example', 'gone');
  await careless.send('reader-9@isp.example', { messageId: '<last@test.example>' });
  await world.flush();
  const lines = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
  const last = lines.find((line) => line.kind === 'data' && line.messageId === '<last@test.example>');
  assert.ok(last?.kind === 'data' && last.placement === 'junk');
});

test('a clampdown defers young senders beyond a small allowance, spares established ones, and ends', async (t) => {
  const { clock, now } = turnable();
  const known = '127.10.0.30';
  const spec = scenario([provider('ms', { dialect: 'microsoft-consumer' })], {
    established: [{ ip: known, daily: { ms: 100 } }],
    events: [{ type: 'clampdown', provider: 'ms', fromDay: 1, days: 2, dailyAllowance: 5, deferShare: 1 }],
  });
  const { world, directory } = await worldFor(t, { scenario: spec, now, epoch: EPOCH });
  const young = senderFrom(t, world, IP);
  assert.deepEqual(await burst(young, 20, 'ms.example'), new Map([['250', 20]]));
  clock.now = EPOCH + 1.1 * DAY;
  assert.deepEqual(
    await burst(young, 20, 'ms.example'),
    new Map([
      ['250', 5],
      ['451', 15],
    ]),
  );
  assert.deepEqual(await burst(senderFrom(t, world, known), 20, 'ms.example'), new Map([['250', 20]]));
  assert.equal(world.state().providers.ms?.sources[IP]?.score, 100, 'a clampdown is no fault of the sender');
  await fetch(`${world.facts.control}/start`, { method: 'POST', body: JSON.stringify({ epoch: EPOCH }) });
  clock.now = EPOCH + 3.1 * DAY;
  assert.deepEqual(await burst(young, 10, 'ms.example'), new Map([['250', 10]]));
  await world.stop();
  const events = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  assert.deepEqual(
    events.flatMap((line) => (line.kind === 'clampdown' ? [line.on] : [])),
    [true, false],
  );
});

test('an outage answers everybody with 421', async (t) => {
  const { world } = await worldFor(t, { scenario: scenario([provider('isp')]) });
  const sender = senderFrom(t, world, IP);
  assert.match(await sender.send('one@isp.example'), /^250/);
  const event = JSON.stringify({ type: 'outage', provider: 'isp', hours: 5 });
  assert.equal((await fetch(`${world.facts.control}/event`, { method: 'POST', body: event })).status, 200);
  assert.match(await sender.send('two@isp.example'), /^421 4\.3\.2/);
});

test('connections and messages per connection are capped with a 421', async (t) => {
  const spec = scenario([provider('isp', { maxConnections: 1, messagesPerConnection: 2 })]);
  const { world } = await worldFor(t, { scenario: spec });
  const sender = senderFrom(t, world, IP);
  assert.match(await sender.send('one@isp.example'), /^250/);
  await assert.rejects(senderFrom(t, world, IP).send('two@isp.example'), /421|too many connections/i);
  assert.match(await sender.send('three@isp.example'), /^250/);
  assert.match(await sender.send('four@isp.example'), /^421 4\.7\.0 Error: too many messages/);
  assert.match(await sender.send('five@isp.example'), /^250/, 'a new connection may go on');
});

test('a sender that hangs up within a message leaves no acceptance behind and lets the world stop', async (t) => {
  const { world, directory } = await worldFor(t, { scenario: scenario([provider('isp')]) });
  const socket = net.connect(world.facts.smtpPort, world.facts.providers[0]?.mx[0]?.ip ?? '');
  t.after(() => socket.destroy());
  const script = ['EHLO x', 'MAIL FROM:<a@b.example>', 'RCPT TO:<reader@isp.example>', 'DATA'];
  for await (const chunk of socket.setEncoding('utf8')) {
    if (String(chunk).startsWith('354')) break;
    socket.write(`${script.shift()}\r\n`);
  }
  socket.destroy();
  await world.stop();
  const lines = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
  assert.deepEqual(
    lines.map((line) => line.kind),
    ['rcpt'],
  );
});

test('the same seed gives the same world in any order, another seed another one', async (t) => {
  const answers = async (seed: number, order: 1 | -1) => {
    const spec = scenario([provider('isp', { greylistShare: 0.5 })], { seed });
    const { world } = await worldFor(t, { scenario: spec });
    const sender = senderFrom(t, world, IP);
    const rcpts = Array.from({ length: 25 }, (_, index) => `reader-${index}@isp.example`);
    const found = new Map<string, string>();
    for (const rcpt of order === 1 ? rcpts : rcpts.toReversed()) found.set(rcpt, (await sender.send(rcpt)).slice(0, 3));
    await world.stop();
    return rcpts.map((rcpt) => found.get(rcpt)).join(' ');
  };
  const first = await answers(1, 1);
  assert.equal(await answers(1, -1), first);
  assert.notEqual(await answers(2, 1), first);
});
