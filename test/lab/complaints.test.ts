import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import type { EventLine } from '../../lab/records.ts';
import { linesOf, provider, scenario, senderFrom, worldFor } from './support.ts';

const RCPT = 'fbl@feedback.example';

/** A mailbox for reports; the first `refusals` are put off with a 451. */
async function feedbackHost(t: TestContext, refusals: number) {
  const reports: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 10,
    onRcptTo: (_address, _session, callback) => {
      refusals -= 1;
      callback(refusals >= 0 ? Object.assign(new Error('later'), { responseCode: 451 }) : null);
    },
    onData: (stream, _session, callback) => {
      let text = '';
      stream.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('end', () => {
        reports.push(text);
        server.emit('report');
        callback();
      });
    },
  });
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const next = async () => {
    if (reports.length === 0) await once(server, 'report', { signal: AbortSignal.timeout(10_000) });
    return reports.shift() ?? '';
  };
  return { port: (listener.address() as AddressInfo).port, next };
}

async function complaintAbout(t: TestContext, dialect: string) {
  const host = await feedbackHost(t, 1);
  const complaintsTo = { host: '127.0.0.1', port: host.port, rcpt: RCPT };
  const spec = scenario([provider('isp', { dialect, fbl: true })], {}, { complaintRate: 1 });
  const { world, directory } = await worldFor(t, { scenario: spec, complaintsTo, dayLength: 2_400 });
  const headers = ['X-Trace: token-42', 'List-Unsubscribe: <https://x.example/reader@isp.example>'];
  const sent = { messageId: '<m1@test.example>', from: 'v-77@bounce.example', headers };
  assert.match(await senderFrom(t, world, '127.10.0.21').send('reader@isp.example', sent), /^250/);
  const text = await host.next();
  await world.stop();
  const events = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  return { text, report: await simpleParser(text), events };
}

test('a complaint arrives as an ARF report, although its first delivery was put off', async (t) => {
  const { text, report, events } = await complaintAbout(t, 'yahoo');
  assert.match(text, /Content-Type: multipart\/report; report-type=feedback-report/);
  const fields =
    report.attachments.find((one) => one.contentType === 'message/feedback-report')?.content.toString() ?? '';
  assert.match(fields, /^Feedback-Type: abuse\r?$/m);
  assert.match(fields, /^Source-IP: 127\.10\.0\.21\r?$/m);
  assert.match(fields, /^Original-Mail-From: <v-77@bounce\.example>\r?$/m);
  assert.match(fields, /^Original-Rcpt-To: <reader@isp\.example>\r?$/m);
  assert.match(fields, /^Arrival-Date: \w{3}, .* \+0000\r?$/m);
  assert.match(text, /^X-Trace: token-42\r$/m);
  assert.match(text, /^Message-ID: <m1@test\.example>\r$/m);
  const complaint = events.find((line) => line.kind === 'complaint');
  assert.ok(complaint?.kind === 'complaint' && complaint.reported && complaint.messageId === '<m1@test.example>');
});

test('microsoft takes the recipient out of its reports and leaves the sender’s tokens in', async (t) => {
  const { text } = await complaintAbout(t, 'microsoft-consumer');
  assert.doesNotMatch(text, /reader@isp\.example/);
  assert.match(text, /^X-Trace: token-42\r$/m);
  assert.match(text, /^Original-Mail-From: <v-77@bounce\.example>\r$/m);
});
