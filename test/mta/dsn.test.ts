import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ParsedMail, simpleParser } from 'mailparser';
import { answersNothing, type Dsn, type DsnRecipient, writeDsn } from '../../mta/notifications/dsn.ts';
import { delayedStatus, diagnostic, failedStatus } from '../../mta/notifications/status.ts';

const ORIGINAL = Buffer.from(
  'Received: from shop\r\n\tby mta.example\r\nMessage-ID: <1@shop.example>\r\nSubject: hello\r\n\r\nThe body.\r\n',
);

const recipient = (over: Partial<DsnRecipient> = {}): DsnRecipient => ({
  rcpt: 'anna@provider.example',
  orcpt: null,
  status: '5.1.1',
  reply: '550 5.1.1 No such user',
  host: 'mx.provider.example',
  lastAttempt: Date.UTC(2030, 0, 2, 3, 4, 5),
  ...over,
});

const dsn = (over: Partial<Dsn> = {}): Dsn => ({
  kind: 'failed',
  host: 'mta.example',
  to: 'sender@shop.example',
  envid: null,
  arrived: Date.UTC(2030, 0, 1),
  recipients: [recipient()],
  original: ORIGINAL,
  ret: 'HDRS',
  id: 'e7a1',
  now: Date.UTC(2030, 0, 3),
  ...over,
});

async function read(given: Dsn): Promise<ParsedMail> {
  // Its types lack the option that keeps the status fields a part of their own.
  const options = { keepDeliveryStatus: true } as Parameters<typeof simpleParser>[1];
  return simpleParser(writeDsn(given), options as object);
}

const partOf = (message: ParsedMail, type: string) =>
  message.attachments.find((one) => one.contentType === type)?.content.toString();

test('a failure has a text, the fields of RFC 3464, and the header of what was returned', async () => {
  const message = await read(
    dsn({
      envid: 'order-7',
      recipients: [
        recipient({ orcpt: 'rfc822;Anna@Old.example' }),
        recipient({ rcpt: 'b@x.example', status: '4.4.7', reply: '' }),
      ],
    }),
  );
  assert.match(String(message.headers.get('auto-submitted')), /auto-replied/);
  assert.match(message.text ?? '', /anna@provider\.example.*\n.*550 5\.1\.1 No such user/);
  assert.equal(
    partOf(message, 'message/delivery-status')?.trimEnd(),
    [
      'Reporting-MTA: dns; mta.example',
      'Original-Envelope-Id: order-7',
      'Arrival-Date: Tue, 01 Jan 2030 00:00:00 +0000',
      '',
      'Original-Recipient: rfc822; Anna@Old.example',
      'Final-Recipient: rfc822; anna@provider.example',
      'Action: failed',
      'Status: 5.1.1',
      'Remote-MTA: dns; mx.provider.example',
      'Diagnostic-Code: smtp; 550 5.1.1 No such user',
      'Last-Attempt-Date: Wed, 02 Jan 2030 03:04:05 +0000',
      '',
      'Final-Recipient: rfc822; b@x.example',
      'Action: failed',
      'Status: 4.4.7',
      'Last-Attempt-Date: Wed, 02 Jan 2030 03:04:05 +0000',
    ].join('\r\n'),
  );
  const header = partOf(message, 'text/rfc822-headers') ?? '';
  assert.match(
    header,
    /^Received: from shop\r\n\tby mta\.example\r\nMessage-ID: <1@shop\.example>\r\nSubject: hello\r\n/,
  );
  assert.doesNotMatch(header, /The body/);
  assert.match(writeDsn(dsn()).toString(), /\r\nIn-Reply-To: <1@shop\.example>\r\n/);
});

test('all of the message is returned only with a failure, and only when its sender asked', async () => {
  const full = async (over: Partial<Dsn>) => writeDsn(dsn({ ret: 'FULL', ...over })).includes('The body.');
  assert.equal(await full({}), true);
  assert.equal(await full({ ret: 'HDRS' }), false);
  assert.equal(await full({ kind: 'relayed' }), false);
  assert.equal(await full({ kind: 'delayed' }), false);
  assert.doesNotMatch(writeDsn(dsn({ original: null })).toString(), /rfc822-headers/, 'what is gone is not invented');
});

test('a delay says until when it is tried; addresses beyond ASCII have their own types (RFC 6533)', async () => {
  const until = Date.UTC(2030, 0, 4);
  const delayed = dsn({ kind: 'delayed', recipients: [recipient({ retryUntil: until, lastAttempt: null })] });
  const status = partOf(await read(delayed), 'message/delivery-status') ?? '';
  assert.match(status, /Action: delayed\r\n/);
  assert.match(status, /Will-Retry-Until: Fri, 04 Jan 2030 00:00:00 \+0000/);
  assert.doesNotMatch(status, /Last-Attempt-Date/);
  const written = writeDsn(dsn({ recipients: [recipient({ rcpt: 'jörg@münchen.example' })] })).toString();
  assert.match(written, /Content-Type: message\/global-delivery-status\r\n/);
  assert.match(written, /Final-Recipient: utf-8; jörg@münchen\.example\r\n/);
});

test('the status is the one the remote gave, else one of its kind', () => {
  const status = (reply: string, over = {}) => failedStatus({ severity: 'hard', class: 'recipient', reply, ...over });
  assert.equal(status('550 5.1.10 Recipient not found'), '5.1.10');
  assert.equal(status('550-5.7.26 unauthenticated'), '5.7.26');
  assert.equal(status('554 delivery error: dd 5.2.1 disabled'), '5.2.1');
  assert.equal(status('550 no such user'), '5.1.1');
  assert.equal(status('550 blocked, see 192.5.1.1', { class: 'block' }), '5.7.1', 'an IP is no status');
  assert.equal(status('no', { class: 'unheard-of' }), '5.0.0');
  assert.equal(status('451 4.7.1 try later', { severity: 'expired' }), '4.4.7');
  assert.equal(delayedStatus('450 4.2.1 busy'), '4.2.1');
  assert.equal(delayedStatus('waits for a unit'), '4.4.7');
  assert.equal(diagnostic('550 5.1.1 nö\r\nInjected: x', true), 'smtp; 550 5.1.1 n? Injected: x');
  assert.equal(diagnostic('smtp; 550 no', true), 'smtp; 550 no');
  assert.equal(diagnostic('the connection was closed', true), 'x-rampart; the connection was closed');
  assert.equal(diagnostic('550 5.7.1 Recipient is on the suppression list', false).slice(0, 9), 'x-rampart', 'ours');
});

test('the server is named whose answer it is, and none where the words are ours (RFC 3464 §2.3.5)', async () => {
  const remote = async (over: Partial<DsnRecipient>) => {
    const status = partOf(await read(dsn({ recipients: [recipient(over)] })), 'message/delivery-status') ?? '';
    return /^Remote-MTA: (.*)\r$/m.exec(status)?.[1];
  };
  assert.equal(await remote({}), 'dns; mx.provider.example');
  assert.equal(await remote({ host: 'smtp.old.example:587' }), 'dns; smtp.old.example', 'an upstream');
  assert.equal(await remote({ host: '192.0.2.1:25' }), 'dns; [192.0.2.1]');
  assert.equal(await remote({ host: null }), undefined);
  assert.equal(await remote({ reply: 'the connection was closed' }), undefined, 'it gave no answer');
});

test('what is itself an answer is not answered', () => {
  assert.equal(answersNothing(ORIGINAL), false);
  assert.equal(answersNothing(null), false);
  assert.equal(answersNothing(Buffer.from('Auto-Submitted: auto-generated\r\n\r\n')), false, 'an order confirmation');
  assert.equal(answersNothing(Buffer.from('Auto-Submitted: auto-replied (vacation)\r\n\r\n')), true);
  assert.equal(answersNothing(Buffer.from('Content-Type: multipart/report;\r\n\tboundary=x\r\n\r\n')), true);
});

test('nothing from outside begins a line of its own, and lines end with CRLF and fit', () => {
  const any = fc.string({ unit: 'binary', maxLength: 300 });
  const nasty = fc.oneof(
    any,
    any.map((text) => `${text}\r\nX-Evil: 1`),
    any.map((text) => `a\nX-Evil: 1\n\n${text}`),
  );
  fc.assert(
    fc.property(
      nasty,
      nasty,
      nasty,
      nasty,
      fc.constantFrom('failed', 'delayed', 'relayed'),
      (rcpt, orcpt, reply, envid, kind) => {
        const recipients = [recipient({ rcpt, orcpt, reply, host: envid, retryUntil: 0 })];
        const written = writeDsn(dsn({ kind, to: rcpt, envid, recipients, original: null })).toString();
        assert.doesNotMatch(written, /^X-Evil/m);
        assert.doesNotMatch(written, /[^\r]\n|\r[^\n]/);
        for (const line of written.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 4_000);
      },
    ),
  );
});

test('whatever was said, no line is too long to be sent, and only what says so is not ASCII', () => {
  const long = '\u90f5'.repeat(500);
  const raw = writeDsn(
    dsn({ envid: long, recipients: [recipient({ reply: `550 5.1.1 ${long}`, orcpt: `utf-8;${long}@x.example` })] }),
  );
  for (const line of raw.toString('latin1').split('\r\n')) assert.ok(line.length <= 998, line.slice(0, 60));
  const text = raw.toString();
  assert.match(text, /Content-Type: message\/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n/);
  assert.match(text, /Original-Envelope-Id: \?+\r\n/);
});
