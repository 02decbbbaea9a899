import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PROVIDERS } from '../../policy/providers.ts';
import { classifyReply, type Reply, readsStatus, UNKNOWN_PROVIDER } from '../../policy/replies.ts';
import { actionOf, severityWord } from '../../policy/reply-actions.ts';
import { REPLY_RULES, type ReplyRule } from '../../policy/reply-rules.ts';

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

/** The line that patterns see, for an example without repeated codes. */
function lineOf(rule: ReplyRule): string {
  return rule.example.replace(/\s+/g, ' ');
}

test("a provider's rules do not overlap: each example is taken by one rule of its provider alone", () => {
  for (const rule of REPLY_RULES) {
    if (rule.providers === 'any') continue;
    for (const provider of rule.providers) {
      const own = REPLY_RULES.filter(({ providers }) => providers !== 'any' && providers.includes(provider));
      const takers = own.filter(({ pattern }) => pattern.test(lineOf(rule))).map(({ id }) => id);
      assert.deepEqual(takers, [rule.id], provider);
    }
  }
});

test('no rule is shadowed: without it, its example would be read by another rule or by none', () => {
  for (const rule of REPLY_RULES) {
    const [provider] = rule.providers === 'any' ? ['other'] : rule.providers;
    const rest = REPLY_RULES.filter(
      (one) => one !== rule && (one.providers === 'any' || one.providers.includes(provider ?? '')),
    );
    const next = rest.find(({ pattern }) => pattern.test(lineOf(rule)));
    assert.ok(
      next === undefined || REPLY_RULES.indexOf(next) > REPLY_RULES.indexOf(rule),
      `${rule.id} stands behind ${next?.id}`,
    );
  }
});

test('what a pattern costs is bounded by what it is given: no open repetition of anything, nor of a group', () => {
  for (const { id, pattern } of REPLY_RULES) {
    assert.doesNotMatch(pattern.source, /(?<!\\)\.[*+]/, id);
    assert.doesNotMatch(pattern.source, /(?<!\\)\)[*+]/, id);
    assert.ok(!pattern.flags.includes('g') && !pattern.flags.includes('y'), `${id} keeps no state between replies`);
  }
});

test('long and hostile texts are read like short ones: what stands behind the first 2,000 letters does not count', () => {
  for (const filler of [' ', 'a', 'user ', 'mailbox full of ', '<', '550-', 'rate limit ', '.'.repeat(7)]) {
    const long = filler.repeat(Math.ceil(100_000 / filler.length));
    const verdict = read(`550 5.1.1 ${long} user unknown`, 'other', 'rcpt');
    const cut = read(`550 5.1.1 ${long.slice(0, 4_000)}`, 'other', 'rcpt');
    assert.equal(verdict.rule, cut.rule, filler);
  }
});

test('before RCPT no recipient is blamed', () => {
  for (const stage of ['connect', 'ehlo', 'mail'] as const) {
    const { severity, class: of } = read('550 5.1.1 user unknown', 'other', stage);
    assert.notEqual(severity, 'hard', stage);
    assert.notEqual(of, 'recipient', stage);
  }
});

test('a reply whose provider nobody knows is read by every rule but the loose ones', () => {
  assert.equal(read('421 4.7.0 [TSS04] later', UNKNOWN_PROVIDER).class, 'reputation');
  assert.equal(read('451 4.7.1 Service unavailable', 'apple').class, 'throttle');
  assert.notEqual(read('451 4.7.1 Service unavailable', UNKNOWN_PROVIDER).class, 'throttle');
});

describe('texts of real servers', () => {
  const file = path.join(import.meta.dirname, '..', 'fixtures', 'replies.tsv');
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.ok(lines.length > 100);
  for (const line of lines) {
    const [provider = '', expected, severity, text = ''] = line.split('\t');
    test(text.slice(0, 90), () => {
      const verdict = classifyReply({ code: Number(/^\d{3}/.exec(text)?.[0] ?? 550), text, provider });
      assert.deepEqual(
        { class: verdict.class, severity: severityWord(verdict.severity) },
        { class: expected, severity },
        verdict.rule,
      );
    });
  }
});

test('actions: one word for each verdict, and only a dead recipient is suppressed', () => {
  const action = (text: string, provider?: string) => actionOf(read(text, provider));
  assert.equal(action('250 2.0.0 Ok'), 'none');
  assert.equal(action('550 5.1.1 user unknown'), 'suppress');
  assert.equal(action('552 5.2.2 mailbox full'), 'bounce');
  assert.equal(action('451 4.3.0 try later'), 'retry');
  assert.equal(action('421 4.7.0 too many connections'), 'slow');
  assert.equal(action('554 5.7.1 blocked using zen.spamhaus.org'), 'other-address');
  assert.equal(action('550 5.7.1 (S3150)', 'microsoft-consumer'), 'stop-lane');
});

test('what every report says of itself says nothing of its recipient', () => {
  for (const text of [
    'This message was created automatically by mail delivery software. A message that you sent could not be delivered to one or more of its recipients. This is a permanent error. The following address(es) failed:',
    "Hi. This is the qmail-send program at ns.example.net. I'm afraid I wasn't able to deliver your message to the following addresses. This is a permanent error; I've given up. Sorry it didn't work out.",
    "This is the mail system at host mx. I'm sorry to have to inform you that your message could not be delivered to one or more recipients. It's attached below.",
    'This is an automatically generated Delivery Status Notification. Delivery to the following recipients failed.',
    'Delivery has failed to these recipients or groups:',
    'The following addresses had permanent fatal errors',
    'Undelivered Mail Returned to Sender',
  ]) {
    assert.equal(read(`550 ${text}`, UNKNOWN_PROVIDER).rule, 'code-550', text);
  }
});

test('which status codes name a class by themselves', () => {
  for (const status of ['5.1.1', '5.2.2', '4.4.7', '5.7.26']) assert.ok(readsStatus(status), status);
  for (const status of ['5.0.0', '5.7.1', '5.5.0', '5.1.0', '', '550']) assert.ok(!readsStatus(status), status);
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
