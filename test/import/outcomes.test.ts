import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { csvLine } from '../../import/csv.ts';
import { type LegacyEvent, replyIn } from '../../import/outcomes/event.ts';
import { type FormatSettings, logOf, recordOf } from '../../import/outcomes/formats.ts';
import { eventKey } from '../../import/outcomes/key.ts';
import { Unreadable } from '../../import/outcomes/line-reader.ts';
import { verdictOf } from '../../import/outcomes/verdict.ts';

const NOW = Date.UTC(2026, 10, 21, 20);
const at = (hour: number, minute = 0, second = 0, ms = 0) => Date.UTC(2026, 10, 21, hour, minute, second, ms);

/** Events of a text, in pieces of `size`. */
function read(settings: FormatSettings, text: string, size = Number.POSITIVE_INFINITY) {
  const reader = logOf(settings, () => NOW).reader();
  const events: LegacyEvent[] = [];
  for (let from = 0; from < text.length; from += size) events.push(...reader.take(text.slice(from, from + size)));
  events.push(...reader.end());
  return { events, unreadable: reader.unreadable };
}

const short = ({ outcome, recipient, messageId, reply, host }: LegacyEvent) => [
  outcome,
  recipient,
  messageId,
  reply?.code ?? null,
  host,
];

const POSTFIX = `Nov 21 19:44:22 relay postfix/smtpd[1411]: F1138987EB6: client=unknown[127.0.0.1]
Nov 21 19:44:22 relay postfix/cleanup[1427]: F1138987EB6: message-id=<anna-1@shop.example>
Nov 21 19:44:22 relay postfix/qmgr[1409]: F1138987EB6: from=<bounce@shop.example>, size=299, nrcpt=3 (queue active)
Nov 21 19:44:22 relay postfix/smtp[1429]: F1138987EB6: to=<anna@reader.example>, relay=mx1.google.com[192.0.2.1]:25, delay=0.17, delays=0.03/0.02/0.11/0, dsn=2.0.0, status=sent (250 2.0.0 OK  1700000000 x - gsmtp)
2026-11-21T19:44:22.123456+00:00 relay postfix/smtp[1434]: F1138987EB6: to=<gone@reader.example>, orig_to=<old@reader.example>, relay=mx.one.example[192.0.2.7]:25, conn_use=2, delay=0.17, delays=0.01/0.02/0.11/0.03, dsn=5.1.1, status=bounced (host mx.one.example[192.0.2.7] said: 550 5.1.1 no such user here (in reply to RCPT TO command))
Nov 21 19:44:23 relay postfix/smtp[1441]: F1138987EB6: to=<full@reader.example>, relay=mx.one.example[192.0.2.7]:25, delay=0.14, delays=0/0.01/0.11/0.02, dsn=4.2.2, status=deferred (host mx.one.example[192.0.2.7] said: 452 4.2.2 mailbox full (in reply to RCPT TO command))
Nov 21 19:44:24 relay postfix/error[1442]: F1138987EB6: to=<full@reader.example>, relay=none, delay=1.3, delays=1.2/0/0.1/0, dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to mx.one.example[192.0.2.7]:25: Connection refused)
Nov 21 19:44:26 relay postfix/qmgr[1409]: F1138987EB6: from=<bounce@shop.example>, status=expired, returned to sender
Nov 21 19:44:26 relay postfix/qmgr[1409]: F1138987EB6: removed
Nov 21 19:44:27 relay postfix/smtp[1434]: F1138987EB6: to=<late@reader.example>, relay=mx.one.example[192.0.2.7]:25, delay=1, dsn=2.0.0, status=sent (250 ok)
Nov 21 19:44:28 relay postfix/local[1434]: AAAA987EB6: to=<root@relay>, relay=local, delay=1, dsn=2.0.0, status=sent (delivered to mailbox)
Nov 21 19:44:29 relay sshd[77]: AAAA987EB6: to=<x@y>, status=sent
`;

const EXIM = `2026-11-21 19:44:21 +0000 1xUr0X-0000Mh-2b <= bounce@shop.example H=(app.shop.example) [127.0.0.1] P=esmtp S=283 id=anna-1@shop.example
2026-11-21 19:44:21 +0000 1xUr0X-0000Mh-2b == anna@reader.example R=out T=remote defer (-44) H=mx.one.example [192.0.2.7] I=[198.51.100.8]: SMTP error from remote mail server after RCPT TO:<anna@reader.example>: 451 4.7.1 greylisted, try again later
2026-11-21 19:44:22 +0000 1xUr0X-0000Mh-2b => anna@reader.example <first@reader.example> R=out T=remote H=mx1.google.com [192.0.2.1] X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=yes C="250 2.0.0 OK: \\"queued\\""
2026-11-21 19:44:22 +0000 1xUr0X-0000Mh-2b -> ben@reader.example R=out T=remote H=mx1.google.com [192.0.2.1] C="250 OK"
2026-11-21 19:44:22 +0000 1xUr0X-0000Mh-2b ** gone@reader.example R=out T=remote H=mx.one.example [192.0.2.7]: SMTP error from remote mail server after RCPT TO:<gone@reader.example>: 550 5.1.1 no such user here
2026-11-21 19:44:23 +0000 1xUr0X-0000Mh-2b ** old@reader.example R=out T=remote H=mx.one.example [192.0.2.7]: SMTP error from remote mail server after end of data: 421 4.3.2 busy: retry timeout exceeded
2026-11-21 19:44:23 +0000 1xUr0X-0000Mh-2b Completed
2026-11-21 19:44:24 +0000 1xUr0X-0000Mn-2i => box <box@relay> R=local T=file
2026-11-21 19:44:24 +0000 Start queue run: pid=1222
`;

const PMTA_HEADER =
  'type,timeLogged,timeQueued,orig,rcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,dlvSourceIp,vmta,jobId,envId,header_Message-Id';
const pmta = (...cells: string[]) => csvLine(cells);
const POWERMTA = [
  `${PMTA_HEADER}\r\n`,
  pmta(
    'd',
    '2026-11-21 19:44:22+0000',
    '2026-11-21 19:44:20+0000',
    'b@shop.example',
    'anna@gmail.com',
    'relayed',
    '2.0.0 (success)',
    'smtp;250 2.0.0 OK, "queued"',
    'gmail-smtp-in.l.google.com (192.0.2.1)',
    'success',
    '198.51.100.8',
    'v1',
    'job-7',
    'e1',
    '<a1@shop.example>',
  ),
  pmta(
    'b',
    '2026-11-21 19:44:23+0000',
    '2026-11-21 19:44:20+0000',
    'b@shop.example',
    'gone@gmail.com',
    'failed',
    '5.1.1 (bad)',
    'smtp;550 5.1.1 no such\r\nuser',
    'gmail-smtp-in.l.google.com (192.0.2.1)',
    'bad-mailbox',
    '198.51.100.8',
    'v1',
    'job-7',
    'e2',
    '<a2@shop.example>',
  ),
  pmta(
    'b',
    '1795290263',
    '1795290260',
    'b@shop.example',
    'none@one.example',
    'failed',
    '5.4.4 (unable)',
    '',
    '',
    'bad-domain',
    '',
    'v1',
    'job-7',
    'e3',
    '',
  ),
  pmta(
    'b',
    '2026-11-21 19:44:24+0000',
    '',
    'b@shop.example',
    'slow@one.example',
    'failed',
    '4.4.7 (delivery time expired)',
    'smtp;421 4.3.2 busy',
    'mx.one.example (192.0.2.7)',
    'message-expired',
    '198.51.100.8',
    'v1',
    'job-7',
    'e4',
    '<a4@shop.example>',
  ),
  pmta(
    't',
    '2026-11-21 19:44:24+0000',
    '',
    'b@shop.example',
    'slow@one.example',
    'delayed',
    '4.3.2',
    'smtp;421 4.3.2 busy',
    'mx.one.example (192.0.2.7)',
    '',
    '198.51.100.8',
    'v1',
    'job-7',
    'e4',
    '<a4@shop.example>',
  ),
  pmta(
    'tq',
    '2026-11-21 19:44:24+0000',
    '',
    '',
    '',
    '',
    '4.3.2',
    'smtp;421 4.3.2 busy',
    'mx.one.example (192.0.2.7)',
    '',
    '198.51.100.8',
    'v1',
    '',
    '',
    '',
  ),
  pmta(
    'f',
    '2026-11-21 19:50:00+0000',
    '',
    'b@shop.example',
    'anna@gmail.com',
    '',
    '',
    '',
    '',
    '',
    '198.51.100.8',
    '',
    'job-7',
    '',
    '<a1@shop.example>',
  ),
  pmta('d', '2026-11-21 19:44:22+0000', 'cut off'),
].join('');

const kumo = (over: object) => ({
  type: 'Delivery',
  id: 'a1',
  nodeid: 'n1',
  recipient: 'anna@gmail.com',
  queue: 'spring:shop@gmail.com',
  response: { code: 250, enhanced_code: { class: 2, subject: 0, detail: 0 }, content: 'OK', command: null },
  peer_address: { name: 'gmail-smtp-in.l.google.com.', addr: '192.0.2.1' },
  source_address: { address: '198.51.100.8:41234' },
  event_time: '2026-11-21T19:44:22.123456789Z',
  timestamp: 1_795_290_262,
  headers: { 'Message-ID': '<a1@shop.example>' },
  ...over,
});
const KUMO = [
  kumo({}),
  kumo({
    type: 'Bounce',
    id: 'a2',
    recipient: ['gone@gmail.com', 'gone2@gmail.com'],
    response: { code: 550, enhanced_code: { class: 5, subject: 1, detail: 1 }, content: 'no such user' },
  }),
  kumo({
    type: 'TransientFailure',
    id: 'a3',
    response: { code: 451, content: 'KumoMTA internal: no sources for gmail.com are eligible' },
  }),
  kumo({
    type: 'TransientFailure',
    id: 'a3',
    response: { code: 421, enhanced_code: null, content: '4.7.28 unusual rate' },
    event_time: undefined,
  }),
  kumo({ type: 'Delivery', id: 'a4', reception_protocol: 'LogRecord' }),
  kumo({ type: 'AdminRebind', id: 'a4' }),
  kumo({
    type: 'Feedback',
    id: 'f1',
    recipient: 'fbl@shop.example',
    feedback_report: {
      original_rcpto_to: ['<anna@gmail.com>'],
      original_message: 'From: x\r\nMessage-ID: <a1@shop.example>\r\n',
    },
  }),
]
  .map((one) => JSON.stringify(one))
  .join('\n');

const LOGS: readonly (readonly [FormatSettings, string])[] = [
  [{ format: 'postfix' }, POSTFIX],
  [{ format: 'exim' }, EXIM],
  [{ format: 'powermta' }, POWERMTA],
  [{ format: 'kumomta' }, `${KUMO}\n`],
];

test('Postfix: a queue id joins its Message-ID with each recipient, until it is removed', () => {
  const { events, unreadable } = read({ format: 'postfix' }, POSTFIX);
  assert.equal(unreadable, 0);
  assert.deepEqual(events.map(short), [
    ['delivered', 'anna@reader.example', '<anna-1@shop.example>', 250, 'mx1.google.com'],
    ['failed', 'gone@reader.example', '<anna-1@shop.example>', 550, 'mx.one.example'],
    ['deferred', 'full@reader.example', '<anna-1@shop.example>', 452, 'mx.one.example'],
    ['deferred', 'full@reader.example', '<anna-1@shop.example>', null, null],
    ['expired', 'full@reader.example', '<anna-1@shop.example>', null, null],
    ['delivered', 'late@reader.example', null, 250, 'mx.one.example'],
  ]);
  assert.deepEqual(
    events.slice(0, 2).map((event) => event.at),
    [at(19, 44, 22), at(19, 44, 22, 123)],
  );
  assert.equal(events[1]?.reply?.stage, 'rcpt');
});

test('a syslog line without a year is of the last one in which it does not lie in the future', () => {
  const line = (day: string) =>
    `${day} 23:30:00 relay postfix/smtp[1]: 987EB6: to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)\n`;
  const when = (day: string, zone: string) => read({ format: 'postfix', timeZone: zone }, line(day)).events[0]?.at;
  assert.equal(when('Nov 20', 'UTC'), Date.UTC(2026, 10, 20, 23, 30));
  assert.equal(when('Dec 31', 'UTC'), Date.UTC(2025, 11, 31, 23, 30));
  assert.equal(when('Jan  2', 'America/New_York'), Date.UTC(2026, 0, 3, 4, 30));
});

test('Exim: the original recipient, what was answered, and what is over', () => {
  const { events } = read({ format: 'exim' }, EXIM);
  assert.deepEqual(events.map(short), [
    ['deferred', 'anna@reader.example', '<anna-1@shop.example>', 451, 'mx.one.example'],
    ['delivered', 'first@reader.example', '<anna-1@shop.example>', 250, 'mx1.google.com'],
    ['delivered', 'ben@reader.example', '<anna-1@shop.example>', 250, 'mx1.google.com'],
    ['failed', 'gone@reader.example', '<anna-1@shop.example>', 550, 'mx.one.example'],
    ['expired', 'old@reader.example', '<anna-1@shop.example>', 421, 'mx.one.example'],
  ]);
  assert.equal(events[0]?.address, '198.51.100.8');
  assert.equal(events[0]?.at, at(19, 44, 21));
});

test('PowerMTA: columns by their names, categories, a reply over two lines, a line that is cut off', () => {
  const { events, unreadable } = read({ format: 'powermta' }, POWERMTA);
  assert.equal(unreadable, 1);
  assert.deepEqual(events.map(short), [
    ['delivered', 'anna@gmail.com', '<a1@shop.example>', 250, 'gmail-smtp-in.l.google.com'],
    ['failed', 'gone@gmail.com', '<a2@shop.example>', 550, 'gmail-smtp-in.l.google.com'],
    ['failed', 'none@one.example', null, null, null],
    ['expired', 'slow@one.example', '<a4@shop.example>', 421, 'mx.one.example'],
    ['deferred', 'slow@one.example', '<a4@shop.example>', 421, 'mx.one.example'],
    ['complaint', 'anna@gmail.com', '<a1@shop.example>', null, null],
  ]);
  assert.deepEqual(
    events.map((event) => event.campaign),
    Array.from({ length: 6 }, () => 'job-7'),
  );
  assert.equal(events[2]?.at, 1_795_290_263_000);
  const columns = PMTA_HEADER.split(',');
  const turned = read(
    { format: 'powermta' },
    POWERMTA.replace(`${PMTA_HEADER}\r\n`, `${columns.join(',')}\r\n`),
  ).events;
  assert.deepEqual(turned, events);
});

test('KumoMTA: each recipient of a batch, only what a remote said, complaints by their original', () => {
  const { events } = read({ format: 'kumomta' }, KUMO);
  assert.deepEqual(events.map(short), [
    ['delivered', 'anna@gmail.com', '<a1@shop.example>', 250, 'gmail-smtp-in.l.google.com'],
    ['failed', 'gone@gmail.com', '<a1@shop.example>', 550, 'gmail-smtp-in.l.google.com'],
    ['failed', 'gone2@gmail.com', '<a1@shop.example>', 550, 'gmail-smtp-in.l.google.com'],
    ['deferred', 'anna@gmail.com', '<a1@shop.example>', 421, 'gmail-smtp-in.l.google.com'],
    ['complaint', 'anna@gmail.com', '<a1@shop.example>', null, 'gmail-smtp-in.l.google.com'],
  ]);
  assert.deepEqual([events[0]?.at, events[3]?.at], [at(19, 44, 22, 123), at(19, 44, 22)]);
  assert.deepEqual([events[0]?.campaign, events[0]?.address], ['spring', '198.51.100.8']);
});

test('our trace header is read where a record has it, and then a report may name nobody', () => {
  const trace = 'lfls-0123456789abcdef0123';
  const kumo = (record: object) =>
    recordOf({ format: 'kumomta' })({ id: 'k1', nodeid: 'n', timestamp: 1_795_290_262, ...record });
  const [oob] = kumo({ type: 'OOB', recipient: 'b@shop.example', headers: { 'X-Rampart-Trace': trace } });
  assert.deepEqual([oob?.trace, oob?.hearsay], [trace, true]);
  const report = (original: string, type = 'abuse') =>
    kumo({
      type: 'Feedback',
      recipient: 'fbl@shop.example',
      feedback_report: { feedback_type: type, original_message: original },
    });
  const [complaint] = report(`From: a@shop.example\r\nX-Rampart-Trace: ${trace}\r\n\r\n`);
  assert.deepEqual([complaint?.recipient, complaint?.trace, complaint?.hearsay], ['', trace, true]);
  assert.deepEqual([report('From: a@shop.example\r\n'), report(`X-Rampart-Trace: ${trace}`, 'not-spam')], [[], []]);
  const mapping = { outcome: 'e', outcomes: { spam: 'complaint' }, at: 't', recipient: 'r', trace: 'x' } as const;
  const mapped = recordOf({ format: 'json', mapping });
  const [one] = mapped({ e: 'spam', t: '1795290262000', x: trace });
  assert.deepEqual([one?.recipient, one?.trace, one?.hearsay], ['', trace, undefined]);
  assert.throws(() => mapped({ e: 'spam', t: '1795290262000' }), Unreadable);
});

test('any log, cut anywhere, gives the same events with the same keys', () => {
  for (const [settings, text] of LOGS) {
    const whole = read(settings, text);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (size) => {
        assert.deepEqual(read(settings, text, size), whole, settings.format);
      }),
      { numRuns: 60 },
    );
    const keys = new Set(whole.events.map((event) => eventKey(event.at, event.identity).toString('hex')));
    assert.equal(keys.size, whole.events.length, `${settings.format}: every event has a key of its own`);
  }
});

test('a log that goes on in its middle, with what was remembered, gives what the whole one gives', () => {
  for (const [settings, text] of LOGS) {
    const whole = read(settings, text).events;
    const lines = text.split(/(?<=\n)/);
    for (let cut = 1; cut < lines.length; cut++) {
      // A restart: positions are kept where a record is whole, what is open is kept beside them.
      const first = logOf(settings, () => NOW);
      const before = first.reader();
      const events = before.take(lines.slice(0, cut).join(''));
      const held = before.pending;
      const { opened = [] } = first.memory?.changes() ?? {};
      const second = logOf(settings, () => NOW);
      second.memory?.open(opened);
      const after = second.reader();
      if (after.hasHeader) after.take(lines[0] ?? '');
      events.push(...after.take(held + lines.slice(cut).join('')), ...after.end());
      // Who waits for the end of his time is told by lines before it: those of a few seconds, on this side of a restart.
      const told = (list: readonly LegacyEvent[]) =>
        list.filter((event) => event.outcome !== 'expired' || event.reply !== null);
      assert.deepEqual(told(events), told(whole), `${settings.format}, line ${cut}`);
    }
  }
});

describe('webhooks’ records', () => {
  test('SES: bounces, delays, deliveries, complaints; its own list is no provider', () => {
    const mail = {
      timestamp: '2026-11-21T19:40:02.012Z',
      messageId: 'EXAMPLE7c191be45-000000',
      destination: ['gone@one.example'],
      headers: [{ name: 'Message-ID', value: '<a1@shop.example>' }],
      commonHeaders: { messageId: '<a1@shop.example>' },
      tags: { 'ses:outgoing-ip': ['192.0.2.0'], campaign: ['spring'] },
    };
    const ses = recordOf({ format: 'ses' });
    const bounce = (over: object) =>
      ses({
        eventType: 'Bounce',
        mail,
        bounce: {
          bounceType: 'Permanent',
          bounceSubType: 'General',
          bouncedRecipients: [
            { emailAddress: 'gone@one.example', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 user unknown' },
          ],
          timestamp: '2026-11-21T19:41:02.669Z',
          feedbackId: 'f1',
          reportingMTA: 'dsn; a8-70.smtp-out.amazonses.com',
          ...over,
        },
      });
    const [event] = bounce({});
    assert.deepEqual(event && short(event), ['failed', 'gone@one.example', '<a1@shop.example>', 550, null]);
    assert.deepEqual([event?.campaign, event?.address, event?.at], ['spring', '192.0.2.0', at(19, 41, 2, 669)]);
    assert.deepEqual(bounce({ bounceSubType: 'OnAccountSuppressionList' }), []);
    const delay = ses({
      eventType: 'DeliveryDelay',
      mail,
      deliveryDelay: {
        delayType: 'MailboxFull',
        delayedRecipients: [{ emailAddress: 'a@one.example', diagnosticCode: 'smtp; 452 4.2.2 full' }],
        timestamp: '2026-11-21T19:41:02.669Z',
      },
    });
    assert.deepEqual(delay.map(short), [['deferred', 'a@one.example', '<a1@shop.example>', 452, null]]);
    const delivery = ses({
      notificationType: 'Delivery',
      mail,
      delivery: {
        recipients: ['a@one.example'],
        smtpResponse: '250 ok',
        reportingMTA: 'mta.example',
        timestamp: '2026-11-21T19:41:02.669Z',
      },
    });
    assert.deepEqual(delivery.map(short), [['delivered', 'a@one.example', '<a1@shop.example>', 250, 'mta.example']]);
    const complaint = ses({
      eventType: 'Complaint',
      mail,
      complaint: {
        complainedRecipients: [{ emailAddress: 'a@one.example' }],
        timestamp: '2026-11-21T19:41:02.669Z',
        feedbackId: 'c1',
      },
    });
    assert.deepEqual(complaint.map(short), [['complaint', 'a@one.example', '<a1@shop.example>', null, null]]);
    assert.deepEqual(ses({ eventType: 'Open', mail, open: {} }), []);
    assert.throws(() => ses({ hello: 1 }), Unreadable);
  });

  test('SendGrid', () => {
    const sendgrid = recordOf({ format: 'sendgrid' });
    const entry = (over: object) =>
      sendgrid({
        email: 'a@one.example',
        timestamp: 1_795_290_262,
        'smtp-id': '<a1@shop.example>',
        sg_event_id: 'x',
        category: ['spring'],
        ip: '198.51.100.8',
        ...over,
      }).map(short);
    assert.deepEqual(entry({ event: 'delivered', response: '250 OK' }), [
      ['delivered', 'a@one.example', '<a1@shop.example>', 250, null],
    ]);
    assert.deepEqual(entry({ event: 'deferred', response: '400 try again later' }), [
      ['deferred', 'a@one.example', '<a1@shop.example>', 400, null],
    ]);
    assert.deepEqual(entry({ event: 'bounce', type: 'blocked', reason: '554 5.7.1 blocked', status: '5.7.1' }), [
      ['failed', 'a@one.example', '<a1@shop.example>', 554, null],
    ]);
    assert.deepEqual(entry({ event: 'bounce', type: 'expired', reason: '' }), [
      ['expired', 'a@one.example', '<a1@shop.example>', null, null],
    ]);
    assert.deepEqual(entry({ event: 'dropped', reason: 'Bounced Address' }), []);
    assert.deepEqual(entry({ event: 'open' }), []);
    assert.equal(entry({ event: 'spamreport' })[0]?.[0], 'complaint');
    assert.throws(() => sendgrid({ event: 'delivered', email: 'nobody' }), Unreadable);
  });

  test('Mailgun', () => {
    const mailgun = recordOf({ format: 'mailgun' });
    const event = (over: object) =>
      mailgun({
        signature: {},
        'event-data': {
          id: 'e1',
          timestamp: 1_795_290_262.25,
          recipient: 'a@one.example',
          message: { headers: { 'message-id': 'a1@shop.example' } },
          'delivery-status': { code: 250, message: 'OK', 'mx-host': 'mx.one.example' },
          envelope: { 'sending-ip': '198.51.100.8' },
          tags: ['spring'],
          ...over,
        },
      }).map(short);
    const row = (outcome: string, code: number | null) => [
      [outcome, 'a@one.example', '<a1@shop.example>', code, 'mx.one.example'],
    ];
    const failed = (severity: string, code: number, reason = 'generic') => ({
      event: 'failed',
      severity,
      reason,
      'delivery-status': { code, message: 'no', 'mx-host': 'mx.one.example' },
    });
    assert.deepEqual(event({ event: 'delivered' }), row('delivered', 250));
    assert.deepEqual(event(failed('temporary', 421)), row('deferred', 421));
    assert.deepEqual(event(failed('permanent', 550)), row('failed', 550));
    assert.deepEqual(event(failed('permanent', 605, 'old')), row('expired', null));
    assert.deepEqual(event(failed('permanent', 605, 'suppress-bounce')), []);
    assert.deepEqual(event({ event: 'opened' }), []);
  });
});

test('any other log by a mapping: CSV with a header, JSON with paths', () => {
  const mapping = {
    outcome: 'what.happened',
    outcomes: { ok: 'delivered', later: 'deferred', no: 'failed' },
    at: 'when',
    recipient: 'to',
    messageId: 'id',
    reply: 'answer',
    host: 'mx',
  } as const;
  const rows = [
    ['what.happened', 'when', 'to', 'id', 'answer', 'mx'],
    ['ok', '2026-11-21T19:44:22Z', 'a@one.example', 'a1@shop.example', '250 ok', 'mx.one.example'],
    ['no', '1795290262000', '<b@one.example>', '', '550 5.1.1 no, such user', ''],
    ['opened', '1795290262', 'b@one.example', '', '', ''],
    ['ok', 'yesterday', 'b@one.example', '', '', ''],
  ];
  const csv = read({ format: 'csv', mapping }, rows.map(csvLine).join(''));
  const expected = [
    ['delivered', 'a@one.example', '<a1@shop.example>', 250, 'mx.one.example'],
    ['failed', 'b@one.example', null, 550, null],
  ];
  assert.deepEqual(csv.events.map(short), expected);
  assert.equal(csv.unreadable, 1);
  const [, ...values] = rows;
  const json = values.map(([happened, when, to, id, answer, mx]) =>
    JSON.stringify({ what: { happened }, when, to, id, answer, mx }),
  );
  const read2 = read({ format: 'json', mapping }, `${json.join('\n')}\n{broken\n`);
  assert.deepEqual(read2.events.map(short), expected);
  assert.equal(read2.unreadable, 2);
});

test('what an event means is what the same answer means for mail of ours', () => {
  const event = (over: Partial<LegacyEvent>): LegacyEvent => ({
    ...{ outcome: 'failed', at: 0, recipient: 'a@b.example', messageId: null, reply: null },
    ...{ host: null, address: null, campaign: null, identity: '', ...over },
  });
  const kind = (over: Partial<LegacyEvent>, provider: string | null = null) => {
    const verdict = verdictOf(event(over), provider);
    return [verdict.kind, verdict.class];
  };
  assert.deepEqual(kind({ reply: { code: 550, text: '5.1.1 no such user' } }), ['hard', 'recipient']);
  assert.deepEqual(kind({ reply: { code: 552, text: '5.2.2 mailbox full' } }), ['soft', 'mailbox-full']);
  assert.deepEqual(kind({ outcome: 'deferred', reply: { code: 421, text: '4.7.0 later' } })[0], 'deferred');
  assert.deepEqual(kind({ category: 'bad-mailbox' }), ['hard', 'recipient']);
  assert.deepEqual(kind({ category: 'spam-related' }), ['blocked', 'block']);
  assert.deepEqual(kind({ outcome: 'expired', reply: { code: 421, text: 'busy' } })[0], 'expired');
  assert.deepEqual(kind({ outcome: 'delivered', reply: { code: 250, text: 'ok' } }), ['delivered', null]);
  assert.deepEqual(kind({}), ['soft', 'policy']);
  assert.deepEqual(replyIn('smtp; 550-5.1.1 gone'), { code: 550, text: '5.1.1 gone' });
  assert.equal(replyIn('X-Internal; unable to connect'), null);
});
