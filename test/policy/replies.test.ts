import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PROVIDERS } from '../../policy/providers.ts';
import { classifyReply, type Reply } from '../../policy/replies.ts';
import { REPLY_RULES } from '../../policy/reply-rules.ts';

function read(text: string, provider = 'other', stage?: Reply['stage']) {
  const reply = { code: Number(text.slice(0, 3)), text, provider };
  return classifyReply(stage === undefined ? reply : { ...reply, stage });
}

describe('every rule lives: its example is taken by it and by no rule before it', () => {
  for (const rule of REPLY_RULES) {
    test(rule.id, () => {
      for (const provider of rule.providers === 'any' ? ['other'] : rule.providers) {
        const verdict = read(rule.example, provider);
        assert.equal(verdict.rule, rule.id, provider);
        assert.equal(verdict.class, rule.class);
        if (rule.scope !== 'named') assert.equal(verdict.scope, rule.scope);
      }
    });
  }
});

test('rule names are unique, and name only providers that exist', () => {
  assert.equal(new Set(REPLY_RULES.map((rule) => rule.id)).size, REPLY_RULES.length);
  const known = new Set(PROVIDERS.map((provider) => provider.key));
  for (const { id, providers } of REPLY_RULES) {
    if (providers !== 'any')
      assert.ok(
        providers.every((provider) => known.has(provider)),
        id,
      );
  }
});

test('Google names the identity that is limited', () => {
  const scope = (from: string) =>
    read(`421-4.7.28 Gmail has detected an unusual rate of unsolicited mail ${from}.`, 'google').scope;
  assert.equal(scope('originating from your IP address'), 'ip');
  assert.equal(scope('originating from your IP Netblock'), 'netblock');
  assert.equal(scope('originating from your DKIM domain [example.com 35]'), 'domain');
  assert.equal(scope('originating from your SPF domain'), 'domain');
  assert.equal(scope('containing one of your URL domains'), 'url');
});

test('a reply over several lines is one reply, with or without codes in front of the lines', () => {
  const lines = [
    '550-5.7.1 [192.0.2.1 7] Our system has detected that this message is',
    '550-5.7.1 likely suspicious due to the very low reputation of the sending',
    '550 5.7.1 IP address. To best protect our users the message was blocked.',
  ];
  const bare = lines.map((line) => line.slice(4)).join('\n');
  for (const text of [lines.join('\r\n'), lines.join(' '), bare]) {
    assert.equal(classifyReply({ code: 550, text, provider: 'google' }).rule, 'google-low-reputation-blocked');
  }
});

test('only named rules stop a lane at once, and only for its address or network', () => {
  const fatal = REPLY_RULES.filter((rule) => rule.laneFatal).map((rule) => rule.id);
  for (const id of ['microsoft-blocked', 'microsoft-network-blocked', 'yahoo-permanent', 'google-rate-blocked']) {
    assert.ok(fatal.includes(id), id);
  }
  assert.equal(read('550 5.7.28 Mail from your IP address was blocked', 'google').laneFatal, true);
  assert.equal(read('550 5.7.28 Mail with your DKIM domain was blocked', 'google').laneFatal, false);
  assert.equal(read('550 5.7.1 Your IP address is blocked').laneFatal, false);
});

test('a recipient dies only of words that mean nothing else', () => {
  for (const text of [
    '550 5.1.1 The email account that you tried to reach does not exist.',
    '550 No such user here',
    "554 delivery error: dd This user doesn't have a yahoo.com account (gone@yahoo.com) [0]",
    '550 5.1.10 RESOLVER.ADR.RecipientNotFound',
    '550 5.2.1 The email account that you tried to reach is disabled',
    '556 5.1.10 Recipient address has null MX',
  ]) {
    assert.equal(read(text, 'other', 'rcpt').severity, 'hard', text);
  }
  for (const text of [
    '550 Requested action not taken',
    '550 5.7.1 Rejected',
    '550 5.1.8 <a@b.example>: Sender address rejected: Domain not found',
    '554 5.7.1 Relay access denied',
    '552 5.2.2 Mailbox full',
    '550 something nobody has seen before',
    '571 blub',
  ]) {
    assert.notEqual(read(text, 'other', 'rcpt').severity, 'hard', text);
  }
});

test('5xx that are really temporary are tried again', () => {
  for (const [text, provider] of [
    ['550 Ip frequency limited', 'tencent'],
    ['550 5.7.1 [HM08] Message rejected due to local policy', 'apple'],
    ['550 5.2.1 The user you are trying to contact is receiving mail too quickly', 'google'],
  ] as const) {
    const { severity, retry } = read(text, provider);
    assert.deepEqual({ severity, retry }, { severity: 'deferred', retry: true }, text);
  }
});

test('refused for what the lane is: blocked, and the recipient lives', () => {
  const { severity, retry, laneFatal } = read(
    '553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred',
    'yahoo',
  );
  assert.deepEqual({ severity, retry, laneFatal }, { severity: 'blocked', retry: false, laneFatal: true });
  assert.equal(read('554 5.7.1 blocked using zen.spamhaus.org').severity, 'blocked');
});

test('tokens of one provider mean nothing at another', () => {
  assert.equal(read('421 4.7.0 [TSS04] later', 'yahoo').class, 'reputation');
  assert.notEqual(read('421 4.7.0 [TSS04] later', 'other').class, 'reputation');
});

test('a listed domain or URL is not the address that is listed', () => {
  assert.equal(read('554 5.7.1 blocked using dbl.spamhaus.org').scope, 'domain');
  assert.equal(read('554 5.7.1 URL on multi.surbl.org').scope, 'url');
  assert.equal(read('554 5.7.1 blocked using sbl.spamhaus.org').scope, 'ip');
});

test('without a rule the enhanced status code speaks', () => {
  const classOf = (text: string) => read(text, 'other', 'data').class;
  assert.equal(classOf('554 5.3.4 Message too big'), 'content');
  assert.equal(classOf('451 4.4.1 upstream away'), 'infrastructure');
  assert.equal(classOf('550 5.7.23 no'), 'auth');
  assert.equal(classOf('550 5.7.25 no'), 'identity');
  assert.equal(classOf('421 4.7.28 flood'), 'reputation');
  assert.equal(classOf('554 5.6.0 bad MIME'), 'content');
  assert.equal(read('451 4.4.1 upstream away').rule, 'status-x.4.1');
});

test("without any rule the code speaks: an unclassified 421 is the server's trouble, a 5xx banner is about our address", () => {
  assert.equal(read('421 closing').class, 'infrastructure');
  assert.deepEqual(
    (({ class: kind, scope, severity }) => ({ kind, scope, severity }))(
      read('554 5.7.1 no service', 'other', 'connect'),
    ),
    { kind: 'block', scope: 'ip', severity: 'blocked' },
  );
  assert.equal(read('552 too much', 'other', 'rcpt').class, 'mailbox-full');
  assert.equal(read('552 too much', 'other', 'data').class, 'content');
});

test('2xx is delivered, whatever its text', () => {
  assert.equal(read('250 2.0.0 queued; user unknown spamhaus S3150', 'microsoft-consumer').severity, 'delivered');
});

test('for any reply: 4xx is never final, only 5xx can be hard, and nothing throws', () => {
  const stage = fc.constantFrom('connect', 'ehlo', 'mail', 'rcpt', 'data') as fc.Arbitrary<NonNullable<Reply['stage']>>;
  const provider = fc.constantFrom('other', ...PROVIDERS.map((one) => one.key));
  const text = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.constantFrom(...REPLY_RULES.map((rule) => rule.example.slice(4))),
  );
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 599 }), text, provider, stage, (code, said, key, at) => {
      const verdict = classifyReply({ code, text: said, provider: key, stage: at });
      assert.equal(verdict.retry, verdict.severity === 'deferred');
      if (code < 300) assert.equal(verdict.severity, 'delivered');
      else if (code < 500) assert.equal(verdict.severity, 'deferred');
      if (verdict.severity === 'hard') assert.equal(verdict.class, 'recipient');
    }),
    { numRuns: 2_000 },
  );
});
