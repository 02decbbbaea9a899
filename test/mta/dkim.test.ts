import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { authorDomain } from '../../mta/signing/author-domain.ts';
import { relaxedBody } from '../../mta/signing/canonical.ts';
import { splitMessage } from '../../mta/signing/header-fields.ts';
import { newKeyPair, readPrivateKey, recordProblem, recordText } from '../../mta/signing/key-pair.ts';
import { seal, unseal } from '../../mta/signing/seal.ts';
import { prepare, type SigningKey, signatureField } from '../../mta/signing/signature.ts';
import { Signer } from '../../mta/signing/signer.ts';

const PAIRS = { rsa: newKeyPair('rsa-sha256'), ed: newKeyPair('ed25519-sha256') };
const KEYS: readonly SigningKey[] = Object.entries(PAIRS).map(([selector, pair]) => ({
  domain: 'shop.example',
  selector,
  algorithm: pair.algorithm,
  key: createPrivateKey(pair.privatePem),
}));
const HEAD =
  'Received: from a by b; Sat, 21 Nov 2026 13:00:00 +0000\r\nFrom: "Shop, the" <news@shop.example>\r\nTo: reader@provider.example\r\n' +
  'Subject: a  long\r\n\tsubject \r\nDate: Sat, 21 Nov 2026 13:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\n' +
  'List-Unsubscribe: <https://shop.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n' +
  'Feedback-ID: spring:shop\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n';

async function signed(raw: Buffer): Promise<Buffer> {
  const prepared = prepare(raw);
  const fields = await Promise.all(KEYS.map((key) => signatureField(prepared, key, Date.now())));
  return Buffer.concat([Buffer.from(fields.join('')), raw]);
}

/** What a receiver finds, by selector. */
async function verified(message: Buffer): Promise<Record<string, string>> {
  const resolver = async (name: string) => {
    const pair = PAIRS[name.split('.')[0] as keyof typeof PAIRS];
    return [[recordText(pair.algorithm, pair.publicKey)]];
  };
  const { results } = await dkimVerify(message, { resolver: resolver as never });
  return Object.fromEntries(results.map((one) => [one.selector, one.status.result]));
}

const PASS = { rsa: 'pass', ed: 'pass' };

test('both signatures of any message are good to another implementation', async () => {
  const line = fc.stringMatching(/^[ \t.a-z=é]{0,30}$/);
  const body = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\r\n'));
  await fc.assert(
    fc.asyncProperty(body, fc.boolean(), async (text, ended) => {
      const raw = Buffer.from(`${HEAD}\r\n${text}${ended ? '\r\n' : ''}`);
      assert.deepEqual(await verified(await signed(raw)), PASS);
    }),
    { numRuns: 60 },
  );
});

test('the short cut for bodies with nothing to relax gives what the long way gives', () => {
  const long = (body: string) => {
    const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
    while (lines.at(-1) === '') lines.pop();
    return lines.length === 0 ? '' : `${lines.join('\r\n')}\r\n`;
  };
  const pieces = fc.array(fc.constantFrom('a', ' ', '  ', '\t', '\r\n', '.', 'bc d'), { maxLength: 14 });
  fc.assert(
    fc.property(pieces, (some) => {
      const body = some.join('');
      assert.equal(relaxedBody(Buffer.from(body)).toString(), long(body));
    }),
  );
});

test('relays may fold fields and add white space; the signature holds', async () => {
  const message = (await signed(Buffer.from(`${HEAD}\r\nHello  there \r\nYours\r\n`))).toString('latin1');
  const relayed = message
    .replace('Subject: a  long\r\n\tsubject ', 'Subject: a\r\n   long subject')
    .replace('Hello  there \r\n', 'Hello there\r\n')
    .replace('Yours\r\n', 'Yours   \r\n\r\n\r\n');
  assert.notEqual(relayed, message);
  assert.deepEqual(await verified(Buffer.from(`X-Relay: yes\r\n${relayed}`, 'latin1')), PASS);
});

for (const added of [
  'From: other@shop.example',
  'Subject: other',
  'Reply-To: thief@evil.example',
  'List-Unsubscribe: <https://evil.example>',
  'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
  'Content-Type: text/html',
  'Cc: more@provider.example',
]) {
  test(`a field that is added later breaks the signatures: ${added}`, async () => {
    const message = await signed(Buffer.from(`${HEAD}\r\nHello\r\n`));
    const forged = Buffer.concat([Buffer.from(`${added}\r\n`), message]);
    for (const result of Object.values(await verified(forged))) assert.notEqual(result, 'pass');
  });
}

test('a changed body breaks the signatures', async () => {
  const message = (await signed(Buffer.from(`${HEAD}\r\nPay 10\r\n`))).toString('latin1').replace('Pay 10', 'Pay 100');
  assert.equal((await verified(Buffer.from(message, 'latin1'))).rsa, 'neutral');
});

test('lines of the signature are short, and it signs no length (l=)', async () => {
  const text = (await signed(Buffer.from(`${HEAD}\r\nHello\r\n`))).toString('latin1');
  const fields = text.slice(0, text.indexOf('Received:'));
  assert.ok(fields.split('\r\n').every((line) => line.length <= 100));
  assert.doesNotMatch(fields, /\bl=/);
  assert.match(
    fields.replace(/\s/g, ''),
    /h=from:from:to:to:cc:subject:subject:.*list-unsubscribe-post:list-unsubscribe-post/,
  );
});

for (const [from, domain] of [
  ['news@shop.example', 'shop.example'],
  ['"a@b.example" <news@Shop.Example>', 'shop.example'],
  ['=?utf-8?q?caf=C3=A9?= <news@shop.example>', 'shop.example'],
  ['news@bücher.example', 'xn--bcher-kva.example'],
  ['one@a.example, two@b.example', 'a.example'],
  ['nobody', null],
] as const) {
  test(`the author of "${from}" is ${domain}`, () => {
    const { fields } = splitMessage(Buffer.from(`Subject: x\r\nFROM: ${from}\r\n\r\n`));
    assert.equal(authorDomain(fields), domain);
  });
}

test('what DNS has for a key is told apart', () => {
  const { algorithm, publicKey } = PAIRS.rsa;
  const right = recordText(algorithm, publicKey);
  const problem = (...texts: string[]) => recordProblem(texts, algorithm, publicKey);
  assert.equal(problem(right), null);
  assert.equal(problem(`k=rsa; p=${publicKey.slice(0, 60)} ${publicKey.slice(60)}`), null);
  assert.match(problem() ?? '', /no TXT record/);
  assert.match(problem('v=spf1 -all') ?? '', /no DKIM key/);
  assert.match(problem(right, right) ?? '', /2 keys/);
  assert.match(problem('v=DKIM1; p=') ?? '', /revokes/);
  assert.match(problem(right.replace('MII', 'MIJ')) ?? '', /another public key/);
  assert.match(problem(right.replace('k=rsa', 'k=ed25519')) ?? '', /k=ed25519/);
});

test('sealed keys open with their secret and under their name only', () => {
  const { privatePem } = PAIRS.ed;
  const sealed = seal(privatePem, 's._domainkey.shop.example', 'secret');
  assert.ok(!sealed.includes('PRIVATE'));
  assert.equal(unseal(sealed, 's._domainkey.shop.example', 'secret'), privatePem);
  assert.throws(() => unseal(sealed, 's._domainkey.other.example', 'secret'), /does not open/);
  assert.throws(() => unseal(sealed, 's._domainkey.shop.example', 'other'), /does not open/);
  assert.throws(() => unseal(sealed, 's._domainkey.shop.example', undefined), /set dkim\.sealKey/);
  assert.equal(unseal(privatePem, 'any', undefined), privatePem);
});

test('a key that can not sign is refused with what to do', () => {
  assert.throws(() => readPrivateKey('hello'), /no private key in PEM/);
  const { publicKey } = readPrivateKey(PAIRS.rsa.privatePem);
  assert.equal(publicKey, PAIRS.rsa.publicKey);
});

test('what was signed ahead of its commit is what goes out; new keys, and another pool, sign anew', async () => {
  let keys = KEYS.slice(0, 1);
  let asked = 0;
  let now = 1_800_000_000_000;
  const ring = {
    empty: false,
    of: () => {
      asked += 1;
      return { keys, problem: null };
    },
  };
  const signer = new Signer({ ring, platformDomain: () => undefined, clock: () => now });
  const message = () => Buffer.from(`${HEAD}\r\nhello\r\n`);
  const raw = message();
  signer.ahead(raw, 'news');
  signer.ahead(raw, 'news');
  now += 1_000;
  const fields = await signer.fields(1, raw, 'news');
  assert.match(fields, /t=1800000000;/);
  assert.equal(await signer.fields(1, message(), 'news'), fields, 'a later recipient, whose body was read again');
  assert.equal(asked, 1);
  assert.match(await signer.fields(2, raw, 'other'), /t=1800000001;/, 'the pool may have a domain of its own');
  signer.ahead(raw, 'news');
  keys = KEYS.slice(1);
  signer.forget();
  assert.match(await signer.fields(3, raw, 'news'), /s=ed;/);
  const late = message();
  signer.ahead(late, 'news');
  now += 16 * 60_000;
  assert.match(await signer.fields(4, late, 'news'), /t=1800000961;/, 'it waited so long that t= would be old');
});

test('a key that can not sign is told to whoever sends, not when the message comes', async () => {
  const ring = { empty: false, of: () => ({ keys: [], problem: 'no key here' }) };
  const signer = new Signer({ ring, platformDomain: () => undefined, clock: () => 0 });
  const raw = Buffer.from(`${HEAD}\r\nhello\r\n`);
  signer.ahead(raw, 'news');
  await assert.rejects(async () => signer.fields(1, raw, 'news'), { code: 'dkim-key-unusable' });
});
