import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SeedAccount } from '../../seeds/mailbox.ts';
import { chooseSeeds, composeProbe, probeBudget } from '../../seeds/probe.ts';

const LIVE = Buffer.from(
  [
    'Received: from app (app [192.0.2.7])',
    '\tby mta; Mon, 1 Jun 2026 10:00:00 +0000',
    'DKIM-Signature: v=1; a=rsa-sha256;',
    ' b=abc',
    'X-Rampart-Pool: marketing',
    'From: News <news@example.com>',
    'To: Real Person',
    ' <person@example.org>',
    'Bcc: hidden@example.org',
    'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
    'DATE: Mon, 1 Jun 2026 10:00:00 +0000',
    'Message-ID: <live@example.com>',
    'List-Unsubscribe: <https://example.com/u/1>,',
    ' <mailto:u@example.com>',
    'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    '',
    'To: this line is body',
    'Received: and this one',
    '',
    '\u00ff',
  ].join('\r\n'),
  'latin1',
);
const HEADERS = { to: 'seed@example.net', messageId: '<p1@probe.example>', date: new Date(Date.UTC(2026, 6, 1, 9, 5)) };

test('a probe is the live message with another recipient, id and date, in the same order', () => {
  const { raw, messageId } = composeProbe(LIVE, HEADERS);
  assert.equal(messageId, '<p1@probe.example>');
  assert.equal(
    raw.toString('latin1'),
    [
      'From: News <news@example.com>',
      'To: seed@example.net',
      'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
      'Date: Wed, 01 Jul 2026 09:05:00 +0000',
      'Message-ID: <p1@probe.example>',
      'List-Unsubscribe: <https://example.com/u/1>,',
      ' <mailto:u@example.com>',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      '',
      'To: this line is body',
      'Received: and this one',
      '',
      '\u00ff',
    ].join('\r\n'),
  );
});

test('a live message without To, Date or Message-ID gets them, and the fields that route the probe', () => {
  const { raw } = composeProbe(Buffer.from('Subject: x\n\nbody\n'), { ...HEADERS, extra: { 'X-Rampart-Pool': 'm' } });
  const [head, body] = raw.toString().split('\r\n\r\n');
  assert.equal(body, 'body\n');
  assert.deepEqual(
    head
      ?.split('\r\n')
      .map((line) => line.split(':')[0])
      .sort(),
    ['Date', 'Message-ID', 'Subject', 'To', 'X-Rampart-Pool'],
  );
});

test('a line break in a value is refused instead of becoming a header', () => {
  assert.throws(() => composeProbe(LIVE, { ...HEADERS, to: 'a@example.net\r\nBcc: b@example.net' }), TypeError);
  assert.throws(() => composeProbe(LIVE, { ...HEADERS, extra: { 'X-A': 'b\n\nc' } }), TypeError);
});

test('whatever the message, the body is kept byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { raw } = composeProbe(Buffer.concat([Buffer.from('Subject: s\r\n\r\n'), bytes]), HEADERS);
      assert.deepEqual(raw.subarray(raw.indexOf('\r\n\r\n') + 4), Buffer.from(bytes));
    }),
  );
});

const account = (provider: string, address: string): SeedAccount => ({
  provider,
  address,
  host: 'localhost',
  port: 143,
  secure: false,
  user: address,
  password: 'x',
});
const ACCOUNTS = ['c', 'a', 'e', 'b', 'd', 'g', 'f'].map((name) => account('google', `${name}@gmail.com`));

test('seeds rotate by window until all were asked, the same way for any order of the list', () => {
  const names = (window: number) => chooseSeeds(ACCOUNTS, 'google', 3, window).map((seed) => seed.address[0]);
  assert.deepEqual(
    [names(0), names(1), names(2)],
    [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
      ['g', 'a', 'b'],
    ],
  );
  assert.deepEqual(chooseSeeds([...ACCOUNTS].reverse(), 'google', 3, 1), chooseSeeds(ACCOUNTS, 'google', 3, 1));
  assert.equal(names(-1).length, 3);
});

test("only the provider's own seeds are chosen, each at most once", () => {
  const mixed = [...ACCOUNTS, account('yahoo', 'y@yahoo.com')];
  assert.deepEqual(
    chooseSeeds(mixed, 'yahoo', 5, 9).map((seed) => seed.address),
    ['y@yahoo.com'],
  );
  assert.equal(new Set(chooseSeeds(mixed, 'google', 50, 2)).size, 7);
  assert.deepEqual(chooseSeeds(mixed, 'apple', 5, 0), []);
});

test('probes stay within their share of the grant, and below the least ceiling there are none', () => {
  assert.equal(probeBudget(499, 499), 0);
  assert.equal(probeBudget(500, 500), 5);
  assert.equal(probeBudget(120, 500), 1);
  assert.equal(probeBudget(100_000, 100_000), 5);
});
