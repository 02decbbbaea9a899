import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfter } from '../../mta/egress/retry.ts';
import { type RefusedMessage, readMessage } from '../../mta/injection/message.ts';
import { recipientOf, traceToken, verp } from '../../mta/trace.ts';

const RECEIVED = 'from client by mta';
const read = (text: string) => {
  const incoming = readMessage(Buffer.from(text, 'latin1'), RECEIVED);
  return { ...incoming, text: incoming.raw.toString('latin1') };
};

test('control headers are read with their folds, recorded and stripped; the rest stays byte for byte', () => {
  const kept = 'Subject: a\r\n b\r\nMessage-ID: <1@x>\r\nX-Odd:\xe9\r\n';
  const { control, text, messageId } = read(
    `X-Rampart-Campaign: spring\r\n\tsale\r\n${kept}x-RAMPART-tenant : acme\r\n\r\nbody\r\n\r\n.dots\r\n`,
  );
  assert.deepEqual(control, { tenant: 'acme', stream: 'marketing', segment: 'all', campaign: 'spring sale' });
  assert.equal(messageId, '<1@x>');
  assert.equal(text, `Received: ${RECEIVED}\r\n${kept}\r\nbody\r\n\r\n.dots\r\n`);
});

test('a message without a body, without a header, without a Message-ID', () => {
  assert.equal(
    read('Message-ID: <1@x>\r\nSubject: a').text,
    `Received: ${RECEIVED}\r\nMessage-ID: <1@x>\r\nSubject: a\r\n\r\n`,
  );
  const bare = read('\r\nX-Rampart-Pool: not a header\r\n\r\nmore\r\n');
  assert.equal(bare.control.pool, undefined);
  assert.ok(bare.text.endsWith('\r\n\r\nX-Rampart-Pool: not a header\r\n\r\nmore\r\n'));
  assert.match(bare.text, /^Received: .*\r\nMessage-ID: <[0-9a-f-]{36}@rampart\.invalid>\r\n\r\n/);
  assert.match(bare.messageId, /@rampart\.invalid>$/);
});

test('what can not be kept as it is, is refused', () => {
  const refusal = (text: string) => {
    try {
      read(text);
    } catch (error) {
      return (error as RefusedMessage).reply;
    }
    return null;
  };
  assert.equal(refusal('A: b\r\n\r\nx\ny'), 554);
  assert.equal(refusal('\nA: b'), 554);
  assert.equal(refusal('A: b\r\n\r\nx\ry'), 554);
  assert.equal(refusal('A: b\r\n\r\nx\r'), 554);
  assert.equal(refusal('A: \0\r\n\r\nx'), 554);
  assert.equal(refusal('X-Rampart-Stream: other\r\n\r\n'), 550);
  assert.equal(refusal('X-Rampart-Not-Before: tomorrow\r\n\r\n'), 550);
  assert.equal(refusal(`X-Rampart-Not-Before: ${new Date(Date.now() + 31 * 86_400_000).toISOString()}\r\n\r\n`), 550);
  assert.equal(refusal('A: b\r\n\r\nfine\r\n'), null);
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
