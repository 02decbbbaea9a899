import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, test } from 'node:test';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { traceToken, verp } from '../../policy/trace.ts';
import { startDatabases } from './databases.ts';
import { TRACE_KEY } from './mail-world.ts';
import { abuseReport } from './report-mail.ts';
import { BOUNCES, FEEDBACK, reportedWorld } from './reported-world.ts';

const databases = await startDatabases();
after(() => databases.stop());

test('a report with a valid trace counts once and stops the tenant; forged ones are kept and move nothing', async (context) => {
  const { world, sink, ids, send, suppressed, unverified } = await reportedWorld(context, databases, 1);
  const id = ids[0] ?? 0;
  const delivered = sink.taken[0];
  assert.equal(delivered?.mailFrom, verp(id, BOUNCES, TRACE_KEY));
  const trace = /^X-Rampart-Trace: (\S+)/im.exec(delivered?.raw ?? '')?.[1] ?? '';
  assert.equal(trace, traceToken(id, TRACE_KEY));

  const forged = [traceToken(id, 'another key'), `${id.toString(36)}-${'0'.repeat(20)}`, null];
  for (const one of forged) {
    assert.equal(await send(abuseReport({ trace: one, messageId: delivered?.messageId ?? '' }), FEEDBACK), 250);
  }
  assert.equal(await send(abuseReport({ trace: traceToken(id + 999, TRACE_KEY) }), FEEDBACK), 250);
  assert.equal(await send('Subject: hello\r\n\r\nNo report.\r\n', FEEDBACK), 250);
  assert.deepEqual(await suppressed(), []);
  assert.equal((await world.store.query('select from complaints')).rowCount, 0);

  for (const _ of [1, 2]) assert.equal(await send(abuseReport({ trace }), FEEDBACK), 250);
  assert.equal(await send(abuseReport({ trace }), 'anybody@elsewhere.example'), 550);
  const complaints = await world.store.query('select recipient, host(address) as address, provider from complaints');
  assert.deepEqual(complaints.rows, [{ recipient: id, address: '127.31.1.1', provider: 'other' }]);
  assert.deepEqual(await suppressed(), ['r0@provider.example tenant shop marketing complaint']);
  assert.deepEqual(await unverified(), [
    'reporter-not-known',
    'reporter-not-known',
    'reporter-not-known',
    'no-such-delivery',
    'not-a-report',
  ]);
  const { rows } = await world.store.query(`select outcome, n from report_counts where kind = 'feedback' order by 1`);
  assert.deepEqual(rows, [
    { outcome: 'known', n: 1 },
    { outcome: 'no-such-delivery', n: 1 },
    { outcome: 'recorded', n: 1 },
    { outcome: 'reporter-not-known', n: 3 },
  ]);
});

test('the token also comes back in the return path that a report names', async (context) => {
  const { ids, send, suppressed } = await reportedWorld(context, databases, 2);
  const fields = [
    `Original-Mail-From: <${verp(ids[1] ?? 0, BOUNCES, TRACE_KEY)}>`,
    'Original-Rcpt-To: <r0@provider.example>',
  ];
  assert.equal(await send(abuseReport({}, fields), FEEDBACK), 250);
  assert.deepEqual(
    await suppressed(),
    ['r1@provider.example tenant shop marketing complaint'],
    'whom our record names, not whom the report does',
  );
});

test("Microsoft's JMRP forwards the message as it came, recipient removed: the trace header tells", async (context) => {
  const { world, sink, ids, send, suppressed } = await reportedWorld(context, databases, 1);
  const [returned] = (sink.taken[0]?.raw ?? '').replaceAll(/R0@provider\.example/gi, 'redacted').split('\r\n\r\n');
  const forward = [
    'From: staff@hotmail.com',
    'Subject: complaint about message from 127.31.1.1',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="j1"',
    '',
    '--j1',
    'Content-Type: message/rfc822',
    'Content-Disposition: inline',
    '',
    'X-HmXmrOriginalRecipient: redacted@hotmail.com',
    returned,
    '',
    'Hello.',
    '--j1--',
    '',
  ].join('\r\n');
  assert.equal(await send(forward, FEEDBACK, 'staff@hotmail.com'), 250);
  const { rows } = await world.store.query(`select recipient, detail->>'by' as by from complaints`);
  assert.deepEqual(rows, [{ recipient: ids[0], by: 'trace' }]);
  assert.deepEqual(await suppressed(), ['r0@provider.example tenant shop marketing complaint']);
});

test('reports that are no complaint do not count as one', async (context) => {
  const { world, ids, send, suppressed } = await reportedWorld(context, databases, 4);
  const trace = (n: number) => traceToken(ids[n] ?? 0, TRACE_KEY);
  assert.equal(await send(abuseReport({ trace: trace(0) }, ['Feedback-Type: not-spam']), FEEDBACK), 250);
  assert.equal(await send(abuseReport({ trace: trace(1) }, ['Feedback-Type: auth-failure']), FEEDBACK), 250);
  assert.equal(await send(abuseReport({ trace: trace(2) }, ['Feedback-Type: opt-out']), FEEDBACK), 250);
  assert.deepEqual(await suppressed(), ['r2@provider.example tenant shop marketing unsubscribe']);
  assert.equal((await world.store.query('select from complaints')).rowCount, 0);
});

test('without a token only a known reporter that signed the report is believed', async (context) => {
  const reporter = 'feedback@arf.provider.example';
  const { world, sink, send, suppressed, unverified } = await reportedWorld(context, databases, 4, [reporter]);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const record = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
  for (const domain of ['provider.example', 'attacker.example']) {
    world.zone.addText(`s1._domainkey.${domain}`, `v=DKIM1; k=ed25519; p=${record}`);
  }
  world.zone.fail('away._domainkey.provider.example');
  const signed = async (message: string, signingDomain: string, selector = 's1') => {
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const signatureData = [{ signingDomain, selector, privateKey: key }];
    // Its types ask for one signature's options beside the list of them.
    const { signatures } = await dkimSign(message, { signatureData } as never);
    return signatures + message;
  };
  const to = (n: number) => sink.taken.find((one) => one.rcpt === `R${n}@provider.example`);
  const about = (n: number, from = reporter) =>
    abuseReport({ messageId: to(n)?.messageId ?? '' }, [`Original-Rcpt-To: <r${n}@provider.example>`], from);
  const arrival = new Date(to(1)?.at ?? 0).toUTCString();
  const bySource = abuseReport(
    {},
    ['Source-IP: 127.31.1.1', `Arrival-Date: ${arrival}`, 'Original-Rcpt-To: <r1@provider.example>'],
    reporter,
  );
  const believed = [await signed(about(0), 'provider.example'), await signed(bySource, 'provider.example')];
  const doubted = [
    about(2),
    await signed(about(2), 'attacker.example'),
    await signed(about(2, 'somebody@arf.provider.example'), 'provider.example'),
    (await signed(about(2), 'provider.example')).replace('An abuse report.', 'An abuse report!'),
    `From: <${reporter}>\r\n${await signed(about(2, 'feedback@arf.attacker.example'), 'attacker.example')}`,
  ];
  for (const one of [...believed, ...doubted]) assert.equal(await send(one, FEEDBACK), 250);
  // Whether it counts can not be told now: its reporter is to come again.
  assert.equal(await send(await signed(about(2), 'provider.example', 'away'), FEEDBACK), 451);
  // Recipients are redacted, and the message went to one only: nobody else can be meant.
  const redacted = await signed(abuseReport({ messageId: to(3)?.messageId ?? '' }, [], reporter), 'provider.example');
  assert.equal(await send(redacted, FEEDBACK), 250);
  assert.deepEqual(
    await suppressed(),
    [0, 1, 3].map((n) => `r${n}@provider.example tenant shop marketing complaint`),
  );
  assert.deepEqual(
    await unverified(),
    doubted.map(() => 'reporter-not-known'),
  );
  const { rows } = await world.store.query(`select detail->>'by' as by, detail->>'reporter' as reporter from complaints
    order by recipient`);
  assert.deepEqual(
    rows.map((row) => row.by),
    ['message-id', 'source', 'message-id'],
  );
  assert.ok(rows.every((row) => row.reporter !== null));
});
