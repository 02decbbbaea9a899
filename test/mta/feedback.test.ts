import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SmtpClient } from '../../lab/smtp-client.ts';
import { traceToken, verp } from '../../mta/trace.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, TRACE_KEY, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

/** An abuse report (RFC 5965) about a message with this trace header. */
function report(trace: string | null): string {
  const original = [...(trace === null ? [] : [`X-Rampart-Trace: ${trace}`]), 'From: a@shop.example', 'Subject: hello'];
  return [
    'From: fbl@provider.example',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'An abuse report.',
    '--b',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: test/1',
    'Version: 1',
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    ...original,
    '--b--',
    '',
  ].join('\r\n');
}

test('a report with a valid trace counts once; forged ones and others are kept and count nothing', async (context) => {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink('127.30.0.1', world.smtpPort);
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.lane('127.31.1.1', 'other', 'warm');
  const inbound = { host: '127.0.0.1', port: 0, feedbackAddresses: ['fbl@mail.example'] };
  const { ready } = await world.mta('mta-1', { inbound, bounceDomain: 'bounces.example' });
  const [id = 0] = await world.mail(1);
  await until('it is delivered', () => sink.taken.length === 1);
  await until('that is recorded', async () => (await world.attempts()).length === 1);
  const delivered = sink.taken[0];
  assert.equal(delivered?.mailFrom, verp(id, 'bounces.example', TRACE_KEY));
  const trace = /^X-Rampart-Trace: (\S+)/im.exec(delivered?.raw ?? '')?.[1] ?? '';
  assert.equal(trace, traceToken(id, TRACE_KEY));

  const client = new SmtpClient({ host: '127.0.0.1', port: ready.inboundPort ?? 0 });
  context.after(() => client.close());
  const send = async (message: string, to = 'fbl@mail.example') => {
    const result = await client.send('fbl@provider.example', to, message);
    return result.kind === 'answered' ? result.code : 0;
  };
  for (const message of [report(trace), report(trace)]) assert.equal(await send(message), 250);
  const forged = [traceToken(id, 'another key'), `${id.toString(36)}-${'0'.repeat(20)}`, null];
  for (const one of forged) assert.equal(await send(report(one)), 250);
  assert.equal(
    await send(report(traceToken(id + 999, TRACE_KEY))),
    250,
    'a token of ours for nothing that was delivered',
  );
  assert.equal(await send('Subject: hello\r\n\r\nNo report.\r\n'), 250);
  assert.equal(await send(report(trace), 'anybody@elsewhere.example'), 550);
  const complaints = (await world.store.query('select recipient, host(address) as address, provider from complaints'))
    .rows;
  assert.deepEqual(complaints, [{ recipient: id, address: '127.31.1.1', provider: 'other' }]);
  const { rows } = await world.store.query('select kind from unverified_reports order by id');
  assert.deepEqual(
    rows.map((row) => row.kind),
    ['no-valid-trace', 'no-valid-trace', 'no-valid-trace', 'no-such-delivery', 'not-a-report'],
  );
});
