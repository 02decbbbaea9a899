import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import type { EventLine, ReceivedLine } from '../../lab/records.ts';
import { tarpitDelay } from '../../lab/tarpit.ts';
import type { World } from '../../lab/world.ts';
import { DAY, EPOCH, linesOf, type Overrides, provider, scenario, senderFrom, worldFor } from './support.ts';

const IP = '127.10.0.21';
const DELAY = 60;

/** Answers to one command after the other over a bare socket, each with the ms it took. */
async function dialogue(t: TestContext, world: World, commands: readonly string[]) {
  const socket = net.connect({
    host: world.facts.providers[0]?.mx[0]?.ip ?? '',
    port: world.facts.smtpPort,
    localAddress: IP,
  });
  t.after(() => socket.destroy());
  socket.setEncoding('utf8');
  const answers: { text: string; ms: number }[] = [];
  let began = performance.now();
  for (const command of ['', ...commands]) {
    began = performance.now();
    if (command !== '') socket.write(`${command}\r\n`);
    let text = '';
    // The last line of an answer has a space after its code (RFC 5321 §4.2.1).
    while (!/^\d{3} .*\r\n$/m.test(text)) text += (await once(socket, 'data'))[0];
    answers.push({ text: text.trim(), ms: performance.now() - began });
  }
  return answers;
}

const TRANSACTION = [
  'EHLO x',
  'MAIL FROM:<a@b.example>',
  'RCPT TO:<reader@isp.example>',
  'DATA',
  'Subject: x\r\n\r\nx\r\n.',
];

async function tarpitWorld(t: TestContext, overrides: Overrides) {
  return worldFor(t, { scenario: scenario([provider('isp', overrides)]) });
}

test('the longest delay that applies is the one', () => {
  const settings = { delayMs: 50, when: 'misbehaviour' as const, errors: 3 };
  const ask = { settings, events: [], standing: 'good' as const, errors: 0 };
  assert.equal(tarpitDelay(ask), 0);
  assert.equal(tarpitDelay({ ...ask, settings: undefined }), 0);
  assert.equal(tarpitDelay({ ...ask, errors: 2 }), 0);
  assert.equal(tarpitDelay({ ...ask, errors: 3 }), 50);
  assert.equal(tarpitDelay({ ...ask, standing: 'junk' }), 50);
  assert.equal(tarpitDelay({ ...ask, standing: 'blocked' }), 50);
  assert.equal(tarpitDelay({ ...ask, settings: { ...settings, when: 'always' } }), 50);
  assert.equal(tarpitDelay({ ...ask, events: [{ delayMs: 20 }, { delayMs: 30 }] }), 30);
  assert.equal(tarpitDelay({ ...ask, errors: 9, events: [{ delayMs: 20 }] }), 50);
});

test('a tarpit that is always on delays greeting, MAIL, RCPT and the final dot, and the mail is accepted', async (t) => {
  const { world } = await tarpitWorld(t, { tarpit: { delayMs: DELAY, when: 'always' } });
  const [greeting, , mail, rcpt, , dot] = await dialogue(t, world, TRANSACTION);
  // Timers may fire a millisecond early; there is no upper bound, for a busy machine is no fault of the lab.
  for (const one of [greeting, mail, rcpt, dot])
    assert.ok((one?.ms ?? 0) >= DELAY - 2, `${one?.text} came after ${one?.ms} ms`);
  assert.match(dot?.text ?? '', /^250/);
});

test('a tarpit for misbehaviour slows a connection with too many 5xx, and still takes its good mail', async (t) => {
  const { world } = await tarpitWorld(t, { tarpit: { delayMs: DELAY, when: 'misbehaviour', errors: 2 } });
  const gone = ['EHLO x', 'MAIL FROM:<a@b.example>', 'RCPT TO:<gone-1@isp.example>', 'RCPT TO:<gone-2@isp.example>'];
  const answers = await dialogue(t, world, [...gone, 'RCPT TO:<reader@isp.example>']);
  assert.match(answers.at(-1)?.text ?? '', /^250/);
  assert.ok((answers.at(-1)?.ms ?? 0) >= DELAY - 2, 'from the second 5xx on');
});

test('a scheduled tarpit begins and ends, and the records say so', async (t) => {
  const clock = { now: EPOCH };
  const spec = scenario([provider('isp')], {
    events: [{ type: 'tarpit', provider: 'isp', fromDay: 1, hours: 12, delayMs: DELAY }],
  });
  const { world, directory } = await worldFor(t, { scenario: spec, now: () => clock.now, epoch: EPOCH });
  clock.now = EPOCH + 1.25 * DAY;
  const during = await dialogue(t, world, TRANSACTION);
  assert.ok((during[0]?.ms ?? 0) >= DELAY - 2);
  await fetch(`${world.facts.control}/start`, { method: 'POST', body: JSON.stringify({ epoch: EPOCH }) });
  clock.now = EPOCH + 1.75 * DAY;
  assert.deepEqual(world.state().events, []);
  await world.stop();
  const events = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  assert.deepEqual(
    events.flatMap((line) => (line.kind === 'tarpit' ? [`${line.provider} ${line.on}`] : [])),
    ['isp true', 'isp false'],
  );
});

test('who hangs up while the final dot waits has handed nothing over, and the RCPT is still counted', async (t) => {
  const { world, directory } = await tarpitWorld(t, { tarpit: { delayMs: 300, when: 'always' } });
  const socket = net.connect({ host: world.facts.providers[0]?.mx[0]?.ip ?? '', port: world.facts.smtpPort });
  t.after(() => socket.destroy());
  socket.setEncoding('utf8');
  for (const command of ['', ...TRANSACTION.slice(0, 4)]) {
    if (command !== '') socket.write(`${command}\r\n`);
    let text = '';
    while (!/^\d{3} .*\r\n$/m.test(text)) text += (await once(socket, 'data'))[0];
  }
  await new Promise<void>((resolve) => socket.write(`${TRANSACTION[4]}\r\n`, () => resolve()));
  socket.destroy();
  // Longer than the delay: the decision would have fallen by then.
  await new Promise((resolve) => setTimeout(resolve, 600));
  await world.stop();
  const lines = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
  assert.deepEqual(
    lines.map((line) => line.kind),
    ['rcpt'],
  );
});

test('a world stops at once although senders sit in its tarpit', async (t) => {
  const { world } = await tarpitWorld(t, { tarpit: { delayMs: 30_000, when: 'always' } });
  const socket = net.connect({ host: world.facts.providers[0]?.mx[0]?.ip ?? '', port: world.facts.smtpPort });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  await Promise.race([
    world.stop(),
    new Promise((_, reject) => setTimeout(() => reject(new Error('it waits for the tarpit')), 20_000).unref()),
  ]);
});

test('connections above the cap of one source address get the dialect’s 421 4.7.0, other addresses are let in', async (t) => {
  const { world } = await tarpitWorld(t, { dialect: 'gateway', maxConnections: 1 });
  assert.match(await senderFrom(t, world, IP).send('one@isp.example'), /^250/);
  const [greeting] = await dialogue(t, world, []);
  assert.match(greeting?.text ?? '', /^421 4\.7\.0 Too many open connections/);
  assert.match(await senderFrom(t, world, '127.10.0.22').send('two@isp.example'), /^250/);
});
