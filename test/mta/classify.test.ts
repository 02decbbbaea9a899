import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ClassifiedMessage, classifyMessage } from '../../mta/feedback/classify/message.ts';

interface Expected {
  readonly kind: ClassifiedMessage['kind'];
  readonly recipients: readonly (readonly [string, string, string])[];
  readonly feedback?: ClassifiedMessage['feedback'];
}

const folder = path.join(import.meta.dirname, '..', 'fixtures', 'mail');
const expected: Record<string, Expected> = JSON.parse(readFileSync(path.join(folder, 'expected.json'), 'utf8'));
const messages = new Map(Object.keys(expected).map((name) => [name, readFileSync(path.join(folder, name))]));

// The last is what a gateway leaves that adds a CR to each line of a CRLF file.
const LINE_ENDS = { lf: '\n', crlf: '\r\n', cr: '\r', crcrlf: '\r\r\n' };

function withEnds(raw: Buffer, end: string): Buffer {
  return Buffer.from(raw.toString('latin1').replace(/\r?\n/g, end), 'latin1');
}

describe('messages as programs write them, with any line end', () => {
  test('every file of the folder has its expectation', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.eml'));
    assert.deepEqual(files.sort(), Object.keys(expected).sort());
  });
  for (const [name, want] of Object.entries(expected)) {
    test(name, () => {
      for (const end of Object.values(LINE_ENDS)) {
        const got = classifyMessage(withEnds(messages.get(name) ?? Buffer.alloc(0), end));
        const recipients = got.recipients.map(({ recipient, action, severity }) => [recipient, action, severity]);
        assert.deepEqual({ kind: got.kind, recipients }, { kind: want.kind, recipients: want.recipients });
        if (want.feedback !== undefined) assert.deepEqual(got.feedback, want.feedback);
      }
    });
  }
});

function classify(lines: readonly string[]): ClassifiedMessage {
  return classifyMessage(Buffer.from(lines.join('\n')));
}

const DSN_HEAD = [
  'Return-Path: <>',
  'From: MAILER-DAEMON@mx.example.net',
  'Subject: Undelivered Mail',
  'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
  '',
];

test("the remote's own words are the reply, and its status wins over one that says nothing", () => {
  const { recipients } = classify([
    ...DSN_HEAD,
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.net',
    '',
    'Final-Recipient: rfc822; gone@example.net',
    'Action: failed',
    'Status: 5.0.0',
    'Diagnostic-Code: x-postfix; host mx1.example.net[192.0.2.1] said: 550 5.1.1 no',
    '    such user (in reply to RCPT TO command)',
    '--b--',
  ]);
  assert.deepEqual(recipients, [
    {
      recipient: 'gone@example.net',
      action: 'failed',
      status: '5.1.1',
      class: 'recipient',
      severity: 'hard',
      reply: '550 5.1.1 no such user',
    },
  ]);
});

test('Original-Recipient speaks where the final one is no mailbox, its xtext undone', () => {
  const [one] = classify([
    ...DSN_HEAD,
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Final-Recipient: x-unix; |/usr/bin/vacation',
    'Original-Recipient: rfc822; news+2Breader@example.net',
    'Action: failed',
    'Status: 5.3.0',
    '--b--',
  ]).recipients;
  assert.equal(one?.recipient, 'news+2Breader@example.net');
});

test('the returned message is known by its header, and the reporter by his', () => {
  const { original, reporter } = classifyMessage(messages.get('dsn-postfix.eml') ?? Buffer.alloc(0));
  assert.equal(original?.messageId, '<news-1042@example.com>');
  assert.equal(original?.headers.get('subject'), 'Spring news');
  assert.equal(reporter.from, 'MAILER-DAEMON@mx.example.net');
});

test('a delay that fails in part is a bounce, and its late recipients stay delayed', () => {
  const { kind, recipients } = classifyMessage(messages.get('dsn-two-recipients.eml') ?? Buffer.alloc(0));
  assert.equal(kind, 'bounce');
  assert.equal(recipients.filter(({ action }) => action === 'delayed').length, 1);
});

test('prose: the addresses of a report that are not recipients are left alone', () => {
  const { recipients } = classify([
    'Return-Path: <>',
    'From: MAILER-DAEMON@mx.example.net',
    'To: news@example.com',
    'Subject: Undelivered Mail Returned to Sender',
    '',
    'Your message could not be delivered. For help write to help@example.net',
    'or contact postmaster@mx.example.net.',
    '',
    '<gone@example.org>: host mx1.example.org[192.0.2.1] said: 550 5.1.1 unknown user',
    '    (in reply to RCPT TO command), sent from news@example.com',
  ]);
  assert.deepEqual(
    recipients.map(({ recipient }) => recipient),
    ['gone@example.org'],
  );
});

test('quoted-printable: a soft line break takes itself away, and not the blank before it', () => {
  const { recipients } = classify([
    'Return-Path: <>',
    'From: MAILER-DAEMON@mx.example.net',
    'Subject: Undelivered Mail Returned to Sender',
    'Content-Type: text/plain',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Your message could not =',
    'be delivered.',
    '',
    '<gone@example.net>: host mx1.example.net[192.0.2.1] said: 550 =35.1.1 no such =  ',
    'user',
  ]);
  assert.deepEqual(
    recipients.map(({ recipient, reply }) => [recipient, reply]),
    [['gone@example.net', '550 5.1.1 no such user']],
  );
});

test('fields of a complaint in the text of an ordinary mail make it none', () => {
  const { kind, feedback } = classify([
    'From: fbl@provider.example',
    'Subject: Complaint',
    '',
    'Feedback-Type: abuse',
    'Original-Rcpt-To: reader@provider.example',
  ]);
  assert.deepEqual([kind, feedback], ['other', null]);
});

const SHAPE: readonly ClassifiedMessage['kind'][] = ['bounce', 'delay', 'feedback', 'auto-reply', 'challenge', 'other'];

function wellFormed(got: ClassifiedMessage): void {
  assert.ok(SHAPE.includes(got.kind));
  assert.equal(got.kind === 'feedback', got.feedback !== null);
  if (got.kind === 'bounce') assert.ok(got.recipients.some(({ action }) => action === 'failed'));
  for (const { recipient, severity, action, class: of } of got.recipients) {
    assert.ok(recipient.length > 0);
    if (severity === 'hard') assert.deepEqual([action, of], ['failed', 'recipient']);
    assert.equal(severity === 'none', action !== 'failed');
  }
}

test('any bytes: nothing throws, and the answer has its shape', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4_000 }), (bytes) => wellFormed(classifyMessage(Buffer.from(bytes)))),
    { numRuns: 300 },
  );
});

test('fixtures cut anywhere, and with bytes changed: nothing throws', () => {
  const one = fc.constantFrom(...messages.values());
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 20 });
  fc.assert(
    fc.property(one, fc.nat(), fc.nat(), changes, (raw, from, length, at) => {
      const start = from % 4 === 0 ? from % raw.length : 0;
      const copy = Buffer.from(raw.subarray(start, start + (length % raw.length) + 1));
      for (const [index, byte] of at) copy[index % copy.length] = byte;
      wellFormed(classifyMessage(copy));
    }),
    { numRuns: 1_500 },
  );
});

test('lines of fixtures in any order, repeated and nested: nothing throws', () => {
  const lines = [...messages.values()].flatMap((raw) => raw.toString('latin1').split('\n'));
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...lines), { maxLength: 120 }), (some) => {
      wellFormed(classifyMessage(Buffer.from(some.join('\n'), 'latin1')));
    }),
    { numRuns: 400 },
  );
});

describe('what is read is bounded, whatever is sent', () => {
  const bounce = messages.get('prose-postfix.eml') ?? Buffer.alloc(0);
  const filler = (text: string, bytes: number) => Buffer.alloc(bytes, text);

  test('20 MB behind a bounce change nothing', () => {
    const got = classifyMessage(Buffer.concat([bounce, filler('x@y.example: 550 spam\n', 20_000_000)]));
    assert.deepEqual(
      got.recipients.map(({ recipient }) => recipient),
      ['gone@example.net'],
    );
  });

  test('one line without an end, a header without an end, fields without number', () => {
    for (const text of [
      ' ',
      'a',
      '<',
      '=',
      '@',
      'a@b.c ',
      '=?utf-8?q?a?= ',
      'x;y=',
      '"',
      '(',
      '--b\n',
      'To: a@b.c\n',
      '\n\n-',
    ]) {
      wellFormed(classifyMessage(filler(text, 200_000)));
      wellFormed(classifyMessage(Buffer.concat([Buffer.from('Subject: '), filler(text, 200_000)])));
      wellFormed(classifyMessage(Buffer.concat([Buffer.from(`${DSN_HEAD.join('\n')}\n`), filler(text, 200_000)])));
    }
  });

  test('multiparts in multiparts, deeper than any mail', () => {
    const depth = 5_000;
    const head = Array.from(
      { length: depth },
      (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`,
    );
    wellFormed(classifyMessage(Buffer.from(`${head.join('')}Content-Type: text/plain\n\nhello\n`)));
  });

  test('more parts and more recipients than any report', () => {
    const parts = Array.from({ length: 10_000 }, () => '--b\nContent-Type: text/plain\n\nx').join('\n');
    wellFormed(classifyMessage(Buffer.from(`${DSN_HEAD.join('\n')}\n${parts}`)));
    const groups = Array.from(
      { length: 5_000 },
      (_, at) => `Final-Recipient: rfc822; a${at}@example.net\nAction: failed\nStatus: 5.1.1\n`,
    );
    const got = classify([...DSN_HEAD, '--b', 'Content-Type: message/delivery-status', '', groups.join('\n'), '--b--']);
    assert.ok(got.recipients.length >= 1_000 && got.recipients.length <= 2_100, String(got.recipients.length));
  });

  test('NULs go', () => {
    const raw = Buffer.from(bounce.toString('latin1').replaceAll('e', 'e\0'), 'latin1');
    assert.deepEqual(
      classifyMessage(raw).recipients.map(({ recipient }) => recipient),
      ['gone@example.net'],
    );
  });
});
