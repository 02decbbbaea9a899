import assert from 'node:assert/strict';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { simpleParser } from 'mailparser';
import type { EventLine } from '../../lab/records.ts';
import { mailHost } from './mail-host.ts';
import { linesOf, provider, scenario, senderFrom, worldFor } from './support.ts';

const RCPT = 'fbl@feedback.example';

async function complaintAbout(t: TestContext, dialect: string) {
  const host = await mailHost(t, { deferrals: 1 });
  const complaintsTo = { host: '127.0.0.1', port: host.port, rcpt: RCPT };
  const spec = scenario([provider('isp', { dialect, fbl: true })], {}, { complaintRate: 1 });
  const { world, directory } = await worldFor(t, { scenario: spec, complaintsTo, dayLength: 2_400 });
  const headers = ['X-Trace: token-42', 'List-Unsubscribe: <https://x.example/reader@isp.example>'];
  const sent = { messageId: '<m1@test.example>', from: 'v-77@bounce.example', headers };
  assert.match(await senderFrom(t, world, '127.10.0.21').send('reader@isp.example', sent), /^250/);
  const { text } = await host.next();
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
