import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { simpleParser } from 'mailparser';
import { DSN_WORDINGS } from '../../lab/dsn-wording.ts';
import type { EventLine, ReceivedLine } from '../../lab/records.ts';
import { mailHost, type TestMailHost } from './mail-host.ts';
import { burst, linesOf, type Overrides, provider, scenario, senderFrom, worldFor } from './support.ts';

const IP = '127.10.0.21';
const RETURN_PATH = 'v-77@bounce.shop.example';
const HEADERS = ['X-Trace: token-42'];
/** Half an hour of it lasts 50 ms. */
const DAY_LENGTH = 2_400;

/** A world that returns `share` of its mail to `host`. */
async function returningWorld(t: TestContext, host: TestMailHost, overrides: Overrides = {}) {
  const spec = provider('isp', { lateBounces: { share: 1, fromHours: 0.5, untilHours: 2 }, ...overrides });
  const mailHosts = [{ domain: 'bounce.shop.example', ip: '127.0.0.1', port: host.port }];
  return worldFor(t, { scenario: scenario([spec]), mailHosts, dayLength: DAY_LENGTH });
}

async function bounceOf(directory: string) {
  const events = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  return events.flatMap((line) => (line.kind === 'late-bounce' ? [line] : []));
}

for (const dialect of Object.keys(DSN_WORDINGS)) {
  test(`${dialect}: what was accepted comes back as a report to the return path's MX`, async (t) => {
    const host = await mailHost(t, { deferrals: 1 });
    const { world, directory } = await returningWorld(t, host, { dialect });
    const sent = { messageId: '<m1@shop.example>', from: RETURN_PATH, headers: HEADERS };
    assert.match(await senderFrom(t, world, IP).send('reader@isp.example', sent), /^250/);
    const mail = await host.next();
    assert.equal(mail.mailFrom, '', 'from the null sender (RFC 3464 §2)');
    assert.equal(mail.rcpt, RETURN_PATH);
    assert.equal(mail.ehlo, 'mx1.isp.example');
    assert.match(mail.text, /Content-Type: multipart\/report; report-type=delivery-status/);
    const parsed = await simpleParser(mail.text, { keepDeliveryStatus: true });
    const status = parsed.attachments.find((one) => one.contentType === 'message/delivery-status');
    const fields = status?.content.toString() ?? '';
    assert.match(fields, /^Reporting-MTA: dns; \S+\r?$/m);
    assert.match(fields, /^Final-Recipient: rfc822; reader@isp\.example\r?$/m);
    assert.match(fields, /^Action: failed\r?$/m);
    assert.match(fields, /^Status: 5\.\d\.\d+\r?$/m);
    assert.match(fields, /^Diagnostic-Code: smtp; 55\d/m);
    assert.match(mail.text, /^Message-ID: <m1@shop\.example>\r$/m);
    assert.match(mail.text, /^X-Trace: token-42\r$/m);

    await world.stop();
    const [event] = await bounceOf(directory);
    assert.equal(event?.outcome, 'sent');
    assert.equal(event?.messageId, '<m1@shop.example>');
    assert.ok(fields.includes(`Status: ${event?.status}`));
    const received = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
    const data = received.find((line) => line.kind === 'data');
    assert.ok(data?.kind === 'data' && data.accepted && data.placement === 'returned');
  });
}

test('a share comes back, the rest is delivered, and the records tell them apart', async (t) => {
  const host = await mailHost(t);
  const { world, directory } = await returningWorld(t, host, {
    lateBounces: { share: 0.3, fromHours: 0, untilHours: 0 },
    freeDailyVolume: 500,
  });
  const sender = senderFrom(t, world, IP);
  for (let n = 0; n < 30; n++)
    await sender.send(`reader-${n}@isp.example`, { from: RETURN_PATH, messageId: `<${n}@x>` });
  await world.flush();
  const received = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
  const promised = received.flatMap((line) => {
    return line.kind === 'data' && line.placement === 'returned' ? [line.messageId] : [];
  });
  assert.ok(promised.length > 2 && promised.length < 20, `${promised.length} of 30`);
  for (const _ of promised) await host.next();
  await world.stop();
  assert.deepEqual((await bounceOf(directory)).map((line) => line.messageId).toSorted(), promised.toSorted());
  assert.equal(host.taken.length, promised.length);
});

test('a message from the null sender is never returned', async (t) => {
  const host = await mailHost(t);
  const { world, directory } = await returningWorld(t, host);
  assert.match(await senderFrom(t, world, IP).send('reader@isp.example', { from: '' }), /^250/);
  await world.stop();
  const received = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
  const data = received.find((line) => line.kind === 'data');
  assert.ok(data?.kind === 'data' && data.accepted && data.placement === 'inbox' && data.mailFrom === '');
});

test('a report that is refused, or that no MX takes, is written down as such', async (t) => {
  const host = await mailHost(t, { refuses: true });
  const { world, directory } = await returningWorld(t, host, {
    lateBounces: { share: 1, fromHours: 0, untilHours: 0 },
  });
  const sender = senderFrom(t, world, IP);
  await sender.send('reader-1@isp.example', { from: RETURN_PATH, messageId: '<refused@x>' });
  await sender.send('reader-2@isp.example', { from: 'v@nowhere.example', messageId: '<nowhere@x>' });
  const deadline = Date.now() + 20_000;
  let found: Awaited<ReturnType<typeof bounceOf>> = [];
  while (found.length < 2 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await world.flush();
    found = await bounceOf(directory);
  }
  const outcomes = new Map(found.map((line) => [line.messageId, line.outcome]));
  assert.deepEqual(
    outcomes,
    new Map([
      ['<refused@x>', 'refused'],
      ['<nowhere@x>', 'undeliverable'],
    ]),
  );
});

test('a bounce to a return path at a provider of the lab goes to its MX, on the common port', async (t) => {
  const spec = scenario([provider('a', { lateBounces: { share: 1, fromHours: 0, untilHours: 0 } }), provider('b')]);
  const { world, directory } = await worldFor(t, { scenario: spec, dayLength: DAY_LENGTH });
  await senderFrom(t, world, IP).send('reader@a.example', { from: 'someone@b.example' });
  const deadline = Date.now() + 20_000;
  let arrived: ReceivedLine | undefined;
  while (!arrived && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await world.flush();
    const received = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
    arrived = received.find((line) => line.kind === 'data' && line.provider === 'b');
  }
  assert.ok(arrived?.kind === 'data' && arrived.accepted);
  assert.deepEqual(arrived.rcpts, ['someone@b.example']);
  assert.equal(arrived.mailFrom, '');
});

test('a world stops although an MX never answers the final dot', async (t) => {
  const heard = Promise.withResolvers<void>();
  const silent = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write('220 silent\r\n');
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      if (chunk.startsWith('DATA')) socket.write('354 go on\r\n');
      else if (/^(EHLO|MAIL|RCPT)/.test(chunk)) socket.write('250 ok\r\n');
      else heard.resolve();
    });
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const mailHosts = [{ domain: 'bounce.shop.example', ip: '127.0.0.1', port }];
  const spec = provider('isp', { lateBounces: { share: 1, fromHours: 0, untilHours: 0 } });
  const { world } = await worldFor(t, { scenario: scenario([spec]), mailHosts, dayLength: DAY_LENGTH });
  await senderFrom(t, world, IP).send('reader@isp.example', { from: RETURN_PATH });
  await heard.promise;
  const { promise: late, reject } = Promise.withResolvers<never>();
  setTimeout(() => reject(new Error('it waits for the answer')), 20_000).unref();
  await Promise.race([world.stop(), late]);
});

test('stopping drops the reports that are not due yet', async (t) => {
  const host = await mailHost(t);
  const { world } = await returningWorld(t, host, { lateBounces: { share: 1, fromHours: 72, untilHours: 72 } });
  const codes = await burst(senderFrom(t, world, IP), 3, 'isp.example');
  assert.deepEqual(codes, new Map([['250', 3]]));
  await world.stop();
  assert.equal(host.taken.length, 0);
});
