import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { retryAfter } from '../../mta/egress/retry.ts';
import { domainAllowed, envelopeAddress } from '../../mta/injection/envelope-address.ts';
import { type Origin, type RefusedMessage, readMessage } from '../../mta/injection/message.ts';
import { checkBytes } from '../../mta/injection/message-bytes.ts';
import { recipientOf, traceToken, verp } from '../../policy/trace.ts';

const NOW = Date.UTC(2026, 4, 1, 12);
const ORIGIN: Origin = { received: 'from client by mta', hostname: 'mta.example', now: NOW, smtpUtf8: false };
const FROM = 'From: Shop <a@shop.example>\r\n';
const DATE = 'Date: Fri, 1 May 2026 11:00:00 +0000\r\n';

const read = (text: string, origin: Partial<Origin> = {}) => {
  const incoming = readMessage(Buffer.from(text, 'latin1'), { ...ORIGIN, ...origin });
  return { ...incoming, text: incoming.raw.toString('latin1') };
};
const refusal = (text: string, origin: Partial<Origin> = {}): string | null => {
  try {
    read(text, origin);
  } catch (error) {
    const { reply, message } = error as RefusedMessage;
    return `${reply} ${message}`;
  }
  return null;
};

test('control headers are read with their folds, recorded and stripped; the rest stays byte for byte', () => {
  const kept = `Subject: a\r\n b\r\nMessage-ID: <1@x>\r\n${FROM}${DATE}X-Odd:y\r\n`;
  const { control, text, messageId, from } = read(
    `X-Rampart-Campaign: spring\r\n\tsale\r\n${kept}x-RAMPART-tenant : acme\r\nX-Rampart-Trace: old\r\n\r\nbody\xe9\r\n\r\n.dots\r\n`,
  );
  assert.deepEqual(control, { tenant: 'acme', segment: 'all', campaign: 'spring sale' });
  assert.equal(messageId, '<1@x>');
  assert.deepEqual(from, ['a@shop.example']);
  assert.equal(text, `Received: from client by mta\r\n${kept}\r\nbody\xe9\r\n\r\n.dots\r\n`);
});

test('a Message-ID and a Date are added where there are none, and only there', () => {
  const bare = read(`${FROM}Subject: a`);
  assert.match(
    bare.text,
    /^Received: .*\r\nFrom: .*\r\nSubject: a\r\nMessage-ID: <[0-9a-f-]{36}@mta\.example>\r\nDate: Fri, 01 May 2026 12:00:00 \+0000\r\n\r\n$/,
  );
  assert.equal(bare.messageId, /Message-ID: (.*)\r\n/.exec(bare.text)?.[1]);
  const empty = read(`Message-ID:\r\n${FROM}${DATE}\r\n`).text;
  assert.equal(empty.match(/message-id:/gi)?.length, 1);
});

test('what is kept of a Message-ID does nothing to a terminal', () => {
  const { raw, messageId } = read(`${FROM}Message-ID: <\x1b[2J1@shop.example>\r\n\r\n`);
  assert.equal(messageId, '< [2J1@shop.example>');
  assert.ok(raw.includes('Message-ID: <\x1b[2J1@shop'), 'the message is not ours to change');
});

test('Bcc goes from what we compose, and stays in what a client wrote', () => {
  const text = `${FROM}${DATE}Message-ID: <1@x>\r\nBcc: hidden@x.example\r\n\r\n`;
  assert.match(read(text).text, /hidden@/);
  assert.doesNotMatch(read(text, { withoutBcc: true }).text, /hidden@|Bcc/);
});

test('what can not be kept as it is, is refused with a reason', () => {
  assert.match(refusal(`${FROM}\r\nx\ny`) ?? '', /^554 5\.6\.0 bare LF/);
  assert.match(refusal(`\n${FROM}`) ?? '', /^554 5\.6\.0 bare LF/);
  assert.match(refusal(`${FROM}\r\nx\ry`) ?? '', /^554 5\.6\.0 bare CR/);
  assert.match(refusal(`${FROM}\r\nx\r`) ?? '', /^554 5\.6\.0 bare CR/);
  assert.match(refusal(`${FROM}A: \0\r\n\r\nx`) ?? '', /^554 5\.6\.0 NUL/);
  assert.match(refusal(`${FROM}\r\nx\0`) ?? '', /^554 5\.6\.0 NUL/);
  assert.match(refusal(`${FROM}\r\n${'x'.repeat(999)}\r\n`) ?? '', /^554 5\.6\.0 Line 3 has 999 octets/);
  assert.match(refusal(`${FROM}\r\n${'x'.repeat(999)}`) ?? '', /^554 5\.6\.0 Line 3 has 999 octets/);
  assert.equal(refusal(`${FROM}\r\n${'x'.repeat(998)}\r\n${'y'.repeat(998)}`), null);
  assert.match(refusal('\r\nno header\r\n') ?? '', /^554 5\.6\.0 The message has no From/);
  assert.match(refusal(`Subject: x\r\n\r\n`) ?? '', /^554 5\.6\.0 The message has no From/);
  assert.match(refusal(`${FROM}${FROM}\r\n`) ?? '', /^554 5\.6\.0 The message has 2 From headers/);
  assert.match(refusal(`${FROM}Subject: a\r\nsubject: b\r\n\r\n`) ?? '', /2 Subject headers/);
  assert.match(refusal(`From: nobody\r\n\r\n`) ?? '', /^554 .*From header must have an address/);
  for (const from of [
    '<a@shop.example> <ceo@bank.example>',
    'a@shop.example ceo@bank.example',
    'a@shop.example (x) ceo@bank.example',
    'x <a@shop.example,ceo@bank.example>',
    '<<a@shop.example>ceo@bank.example>',
  ])
    assert.match(refusal(`From: ${from}\r\n\r\n`) ?? '', /^554 .*From header must have an address/, from);
  for (const from of [
    '"<x@y> (z)" <a@shop.example>',
    'a@shop.example (was <b@shop.example>)',
    'ann@shop.example <a@shop.example>',
    'a@shop.example, Ben <b@shop.example>, "C, D" <c@shop.example>',
    'Team: a@shop.example, b@shop.example;',
  ])
    assert.equal(refusal(`From: ${from}\r\n\r\n`), null, from);
  assert.match(refusal(`From a@b Mon\r\n${FROM}\r\n`) ?? '', /^554 5\.6\.0 Header line 1 is no header field/);
  assert.match(
    refusal(` X-Odd: folded into ours\r\n${FROM}\r\n`) ?? '',
    /^554 5\.6\.0 Header line 1 is no header field/,
  );
  assert.match(refusal(`${FROM}no colon\r\n\r\n`) ?? '', /Header line 2 is no header field/);
  assert.match(refusal(`${FROM}X-B\xe9: x\r\n\r\n`) ?? '', /Header line 2 is no header field/);
  assert.match(refusal(`${FROM}${'X-Pad: y\r\n'.repeat(25_000)}\r\n`) ?? '', /^554 5\.6\.0 The header has/);
  assert.match(refusal(`${'Received: x\r\n'.repeat(101)}${FROM}\r\n`) ?? '', /^554 5\.4\.6 Routing loop/);
  assert.equal(refusal(`${'Received: x\r\n'.repeat(100)}${FROM}\r\n`), null);
});

test('a header that is not ASCII needs SMTPUTF8, and then must be UTF-8', () => {
  const utf8 = Buffer.from(`${FROM}Subject: Grüße\r\n\r\n`).toString('latin1');
  assert.match(refusal(utf8) ?? '', /^550 5\.6\.7 Header Subject is not ASCII/);
  assert.equal(refusal(utf8, { smtpUtf8: true }), null);
  assert.match(refusal(`${FROM}Subject: Gr\xfc\xdfe\r\n\r\n`, { smtpUtf8: true }) ?? '', /^554 5\.6\.0 Header Subject/);
  const tenant = Buffer.from(`${FROM}X-Rampart-Tenant: Bäcker\r\n\r\n`).toString('latin1');
  assert.equal(read(tenant, { smtpUtf8: true }).control.tenant, 'Bäcker');
});

test('control headers: only what is known, once, and within bounds', () => {
  const control = (lines: string) => refusal(`${lines}\r\n${FROM}\r\n`) ?? '';
  assert.match(control('X-Rampart-Stream: other'), /^550 .*X-Rampart-Stream is "other": use marketing, transactional/);
  assert.match(control('X-Rampart-Segment: everyone'), /^550 .*use engaged-30d, 60d, 90d, all/);
  assert.match(control('X-Rampart-Poool: a'), /^550 .*X-Rampart-poool is not known: use Pool, Tenant/);
  assert.match(control('X-Rampart-Campaign: probe'), /^550 .*"probe" is the name of Rampart's own probes/);
  assert.match(control('X-Rampart-Pool: a\r\nX-Rampart-Pool: b'), /^550 .*X-Rampart-Pool is there twice/);
  assert.match(control(`X-Rampart-Tenant: ${'x'.repeat(129)}`), /^550 .*1 to 128/);
  assert.match(control('X-Rampart-Tenant:'), /^550 .*1 to 128/);
  assert.match(control('X-Rampart-Not-Before: tomorrow'), /^550 .*at most 30 days ahead/);
  assert.match(control('X-Rampart-Not-Before: 2026-05-02T08:00:00'), /^550 /, 'a date without a zone');
  assert.match(control('X-Rampart-Not-Before: 2026-06-01T12:00:00Z'), /^550 .*at most 30 days ahead/);
  assert.match(control('X-Rampart-Expires: 31d'), /^550 .*at most 30 days/);
  assert.match(control('X-Rampart-Expires: 0h'), /^550 /);
  assert.match(control('X-Rampart-Expires: 2026-05-01T12:00:00Z'), /^550 /, 'not after the release');
  const times = (lines: string) => read(`${lines}\r\n${FROM}\r\n`).control;
  assert.deepEqual(times('X-Rampart-Expires: 90m').expires, { after: 5_400_000 });
  const both = times('X-Rampart-Not-Before: Sat, 2 May 2026 08:00:00 +0200\r\nX-Rampart-Expires: 2026-05-02T07:00Z');
  assert.equal(both.notBefore, Date.UTC(2026, 4, 2, 6));
  assert.deepEqual(both.expires, { at: Date.UTC(2026, 4, 2, 7) });
});

test('one-click unsubscribe is both headers, with an https address (RFC 8058)', () => {
  const has = (lines: string) => read(`${FROM}${lines}\r\n\r\n`).oneClick;
  const post = 'List-Unsubscribe-Post: List-Unsubscribe=One-Click';
  assert.equal(has(`List-Unsubscribe: <mailto:a@b>,\r\n <https://shop.example/u>\r\n${post}`), true);
  assert.equal(has(`List-Unsubscribe: <https://shop.example/u>`), false);
  assert.equal(has(`List-Unsubscribe: <mailto:a@b>\r\n${post}`), false);
  assert.equal(has(`List-Unsubscribe: <http://shop.example/u>\r\n${post}`), false);
});

test('whatever bytes come: refused, or kept with their body and without any bare line end or control header', () => {
  const piece = fc.constantFrom(
    '\r\n',
    '\r',
    '\n',
    '.',
    '\0',
    ' ',
    'X-Rampart-Pool: p',
    'Subject: s',
    'é',
    ':',
    'text',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, smtpUtf8) => {
      const raw = Buffer.from(`${FROM}${pieces.join('')}`);
      let kept: Buffer;
      try {
        kept = readMessage(raw, { ...ORIGIN, smtpUtf8 }).raw;
      } catch (error) {
        assert.equal((error as RefusedMessage).code, 'refused-message');
        return;
      }
      checkBytes(kept);
      const end = kept.indexOf('\r\n\r\n');
      const before = raw.indexOf('\r\n\r\n');
      assert.doesNotMatch(kept.subarray(0, end).toString('latin1'), /^x-rampart-/im);
      assert.deepEqual(kept.subarray(end + 4), before === -1 ? Buffer.alloc(0) : raw.subarray(before + 4));
    }),
    { numRuns: 2_000 },
  );
});

test('envelope addresses: the domain in ASCII, a local part beyond it only with SMTPUTF8, nothing that goes round MX', () => {
  assert.deepEqual(envelopeAddress('Anna@Bücher.Example', false), {
    address: 'Anna@xn--bcher-kva.example',
    domain: 'xn--bcher-kva.example',
  });
  assert.equal(envelopeAddress('jörg@x.example', true).address, 'jörg@x.example');
  const wrong = (address: string, smtpUtf8 = false) =>
    assert.throws(() => envelopeAddress(address, smtpUtf8), { code: 'refused-message', reply: 553 }, address);
  wrong('jörg@x.example');
  for (const address of [
    'postmaster',
    '@x.example',
    'a@',
    'a@[127.0.0.1]',
    '"a> SIZE=1 <b"@x.example',
    'a@127.0.0.1',
    'a@x..example',
    'a b@x.example',
  ])
    wrong(address, true);
});

test('sender domains: the domain itself, or those below it, never one that only ends alike', () => {
  const allowed = (address: string, ...domains: string[]) => domainAllowed(address, domains);
  assert.equal(allowed('a@anything.example'), true);
  assert.equal(allowed('', 'shop.example'), true, 'the null sender');
  assert.equal(allowed('a@Shop.Example', 'shop.example'), true);
  assert.equal(allowed('a@news.shop.example', 'shop.example'), false);
  assert.equal(allowed('a@news.shop.example', '*.shop.example'), true);
  assert.equal(allowed('a@shop.example', '*.shop.example'), false);
  assert.equal(allowed('a@evilshop.example', '*.shop.example', 'shop.example'), false);
  assert.equal(allowed('"a@shop.example"@evil.example', 'shop.example'), false);
});
test('retries wait by class, within 20%, in plan time; only an address that is throttled for hours is left', () => {
  const base = { scope: 'message', attempts: 1, firstAt: 0, now: 0, scale: 1, random: 0.5 } as const;
  const minutes = (over: Partial<Parameters<typeof retryAfter>[0]>) =>
    retryAfter({ class: 'greylist', ...base, ...over }).delay / 60_000;
  const ladder = (name: 'greylist' | 'throttle' | 'mailbox-full', count: number) =>
    Array.from({ length: count }, (_, n) => Math.round(minutes({ class: name, attempts: n + 1 })));
  assert.deepEqual(ladder('greylist', 4), [5, 10, 20, 20]);
  assert.deepEqual(ladder('throttle', 5), [30, 60, 120, 240, 240]);
  assert.deepEqual(ladder('mailbox-full', 6), [240, 240, 240, 240, 240, 240]);
  assert.ok(Math.abs(minutes({ random: 0 }) - 4) < 1e-9 && Math.abs(minutes({ random: 1 }) - 6) < 1e-9);
  assert.equal(minutes({ scale: 0.001 }), 0.005);
  const free = (over: Partial<Parameters<typeof retryAfter>[0]>) =>
    retryAfter({ ...base, class: 'reputation', scope: 'ip', now: 4 * 3_600_000, ...over }).free;
  assert.equal(free({}), true);
  assert.equal(free({ now: 4 * 3_600_000 - 1 }), false);
  assert.equal(free({ scope: 'domain' }), false, 'a refused domain is refused everywhere');
  assert.equal(free({ class: 'greylist' }), false, 'another address would be greylisted anew');
  assert.equal(free({ scale: 0.5, now: 2 * 3_600_000 }), true);
});

test('only a token made with the key names a recipient', () => {
  const token = traceToken(123_456, 'key');
  assert.equal(recipientOf(token, 'key'), 123_456);
  assert.equal(recipientOf(verp(123_456, 'bounces.example', 'key'), 'key'), 123_456);
  assert.equal(recipientOf(token.toUpperCase(), 'key'), 123_456, 'local parts may come back in capitals');
  assert.equal(recipientOf(token, 'other key'), undefined);
  assert.equal(
    recipientOf(
      token.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      'key',
    ),
    undefined,
  );
  assert.equal(recipientOf(`2${token}`, 'key'), undefined, 'the id is part of what is signed');
  assert.equal(recipientOf('', 'key'), undefined);
  const local = verp(Number.MAX_SAFE_INTEGER, 'bounces.example', 'key').split('@')[0] ?? '';
  assert.ok(local.length <= 64, 'RFC 5321 4.5.3.1.1');
});
