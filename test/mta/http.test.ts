import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { hasMoreValues } from '../../mta/injection/http/json-values.ts';
import { substitute } from '../../mta/injection/http/substitute.ts';
import { hashPassword } from '../../store/password.ts';
import { addUser } from '../../store/users.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { plain } from './raw-client.ts';
import { certificate, openWaysIn, type WaysIn, type WaysInOptions } from './ways-in.ts';

const databases = await startDatabases();
after(() => databases.stop());

const BASIC = `Basic ${Buffer.from('shop:secret').toString('base64')}`;
const FIELDS = { from: 'Shop <news@shop.example>', to: 'Anna <anna@x.example>', subject: 'Hello', text: 'Hello.' };

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever came.
  readonly body: any;
}

async function serving(context: Parameters<typeof openWaysIn>[0], options: WaysInOptions = {}) {
  const injection = { ...options.injection, http: options.injection?.http ?? { host: '127.0.0.1', port: 0 } };
  const ways = await openWaysIn(context, databases, { ...options, injection });
  const url = `http://127.0.0.1:${ways.injection.httpPort}/v1/messages`;
  const post = async (body: unknown, headers: Record<string, string> = {}): Promise<Reply> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: BASIC, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return { ways, url, post };
}

const parsed = async (ways: WaysIn) =>
  Promise.all((await ways.stored()).map(async (one) => ({ ...one, mail: await simpleParser(one.raw) })));

test('fields become a MIME message; 202 only after it is there, with its ids', async (context) => {
  const { ways, post } = await serving(context);
  const { status, body } = await post({
    ...FIELDS,
    cc: ['carl@x.example'],
    replyTo: 'help@shop.example',
    subject: 'Grüße',
    html: '<p>Hello. <img src="cid:logo"></p>',
    headers: { 'List-Unsubscribe': '<https://shop.example/u>', 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
    attachments: [
      { filename: 'logo.png', contentType: 'image/png', cid: 'logo', content: Buffer.from('png').toString('base64') },
      { filename: 'terms.txt', content: Buffer.from('terms').toString('base64') },
    ],
    tenant: 'acme',
    campaign: 'spring',
    stream: 'transactional',
    notBefore: new Date(Date.now() + 60_000).toISOString(),
    expires: '6h',
  });
  assert.equal(status, 202, JSON.stringify(body));
  const [stored] = await parsed(ways);
  const { rows } = await ways.store.query(
    `select q.id, q.rcpt, q.due > now() + interval '30 seconds' as later, q.expires - q.due = interval '6 hours' as six,
       m.tenant, m.campaign, m.stream, m.mail_from from queue q join messages m on m.id = q.message order by q.id`,
  );
  assert.deepEqual(body.accepted, [
    { recipient: 'anna@x.example', id: rows[0].id, message: stored?.id },
    { recipient: 'carl@x.example', id: rows[1].id, message: stored?.id },
  ]);
  assert.deepEqual(body.rejected, []);
  const { id: _id, rcpt: _rcpt, ...row } = rows[0];
  assert.deepEqual(row, {
    later: true,
    six: true,
    tenant: 'acme',
    campaign: 'spring',
    stream: 'transactional',
    mail_from: 'news@shop.example',
  });
  const mail = stored?.mail;
  assert.equal(mail?.subject, 'Grüße');
  assert.equal(mail?.text?.trim(), 'Hello.');
  assert.match(mail?.html || '', /<img src=/);
  assert.deepEqual(
    mail?.attachments.map((one) => [one.filename, one.content.toString()]),
    [
      ['logo.png', 'png'],
      ['terms.txt', 'terms'],
    ],
  );
  assert.match(stored?.raw ?? '', /^Received: from unknown \(\[127\.0\.0\.1\]\)\r\n\tby mta\.example with HTTP id /);
  assert.match(stored?.raw ?? '', /Message-ID: <[^>]+@mta\.example>\r\n/i);
});

test('a user hands in mail of their tenants and streams only; the first is the default', async (context) => {
  const users = [
    { name: 'shop', password: 'secret', pools: ['marketing'], tenants: ['acme'], streams: ['transactional'] as const },
  ];
  const { ways, post } = await serving(context, { submission: { users } });
  const foreign = await post({ ...FIELDS, tenant: 'other' });
  assert.deepEqual([foreign.status, foreign.body.error.code], [403, 'not-allowed']);
  assert.match(foreign.body.error.message, /User shop may not send for tenant "other": allowed are acme$/);
  const raw = await post({
    raw: 'From: a@shop.example\nTo: b@x.example\nX-Rampart-Tenant: other\n\nx',
    recipients: [{ to: 'b@x.example' }],
  });
  assert.equal(raw.status, 403, JSON.stringify(raw.body));
  const stream = await post({ ...FIELDS, stream: 'marketing' });
  assert.equal(stream.status, 403);
  assert.equal((await post(FIELDS)).status, 202);
  assert.equal((await post({ ...FIELDS, tenant: 'acme', stream: 'transactional' })).status, 202);
  const { rows } = await ways.store.query('select tenant, stream from messages');
  assert.deepEqual(rows, Array(2).fill({ tenant: 'acme', stream: 'transactional' }));
});

test('substitutions: a message of its own for each recipient, escaped in html, one line in headers', async (context) => {
  const { ways, post } = await serving(context);
  const { status, body } = await post({
    from: 'news@shop.example',
    subject: 'For {{name}}',
    text: 'Hello {{ name }}, you have {{count}}.',
    html: '<p>{{name}}</p>',
    headers: { 'X-Customer': '{{name}}' },
    recipients: [
      { to: 'Anna <anna@x.example>', substitutions: { name: 'Anna', count: 1 } },
      { to: 'eve@x.example', substitutions: { name: '<b>"Eve"</b>\r\nBcc: x@evil.example', count: 2 } },
      { to: 'no address', substitutions: { name: 'x', count: 3 } },
    ],
  });
  assert.equal(status, 202, JSON.stringify(body));
  assert.deepEqual(
    body.accepted.map((one: { recipient: string }) => one.recipient),
    ['anna@x.example', 'eve@x.example'],
  );
  assert.deepEqual(body.rejected, [
    { recipient: 'no address', reason: 'An address needs a domain, such as a@example.com' },
  ]);
  const [anna, eve] = await parsed(ways);
  assert.deepEqual(anna?.rcpts, ['anna@x.example']);
  assert.equal(anna?.mail.subject, 'For Anna');
  assert.equal(anna?.mail.text?.trim(), 'Hello Anna, you have 1.');
  assert.match(anna?.raw ?? '', /\r\nTo: Anna <anna@x\.example>\r\n/);
  assert.match(eve?.mail.html || '', /<p>&lt;b&gt;&quot;Eve&quot;&lt;\/b&gt;/);
  assert.equal(eve?.mail.subject, 'For <b>"Eve"</b> Bcc: x@evil.example');
  assert.match(eve?.raw ?? '', /\r\nX-Customer: .*Bcc.*\r\n/);
  assert.equal(eve?.mail.headers.has('bcc'), false);
  assert.notEqual(anna?.messageId, eve?.messageId);

  const missing = await post({
    ...FIELDS,
    to: undefined,
    text: 'Hello {{nmae}}',
    recipients: [{ to: 'a@x.example', substitutions: { name: 'A' } }, { to: 'b@x.example' }],
  });
  assert.equal(missing.status, 422);
  assert.deepEqual(missing.body.error.problems, [
    { path: 'recipients[0].substitutions', expected: 'a value for {{nmae}} of text' },
  ]);
  assert.equal((await ways.stored()).length, 2, 'nothing of a request with a problem is kept');
});

test('an address is one line: what stands behind a line end is no recipient', async (context) => {
  const { ways, post } = await serving(context);
  const injected = ['anna@x.example\r\nBcc: eve@evil.example', 'Anna\nBcc: eve@evil.example\nX: <anna@x.example>'];
  const long = `${'x '.repeat(500)}<anna@x.example>`;
  const recipients = [...injected, long, 'ben@x.example'].map((to) => ({ to }));
  const { status, body } = await post({ ...FIELDS, to: undefined, recipients });
  assert.equal(status, 202);
  const reason = 'it must be one mail address on one line';
  assert.deepEqual(
    body.rejected,
    [...injected, long.slice(0, 320)].map((recipient) => ({ recipient, reason })),
  );
  const [stored] = await ways.stored();
  assert.deepEqual(stored?.rcpts, ['ben@x.example']);
  assert.doesNotMatch(stored?.raw ?? '', /Bcc|evil/);
});

test('what is no address does not keep the others from being accepted, with a key either', async (context) => {
  const { post } = await serving(context);
  const recipients = ['\ud800@x.example', 'a\0@x.example', `${'x'.repeat(319)}\u{1f600}`, 'ben@x.example'].map(
    (to) => ({ to }),
  );
  const { status, body } = await post({ ...FIELDS, to: undefined, recipients }, { 'idempotency-key': 'odd' });
  assert.equal(status, 202, JSON.stringify(body));
  assert.deepEqual([body.accepted.length, body.rejected.length], [1, 3]);
});

test('a Message-ID among the headers is the message’s own', async (context) => {
  const { ways, post } = await serving(context);
  assert.equal((await post({ ...FIELDS, headers: { 'message-id': '<order-17@shop.example>' } })).status, 202);
  const [stored] = await ways.stored();
  assert.equal(stored?.messageId, '<order-17@shop.example>');
  assert.equal(stored?.raw.match(/^Message-ID:/gim)?.length, 1);
});

test('placeholders are replaced once, by own values alone', () => {
  const missing: string[] = [];
  const fill = (text: string, values: Record<string, string>) =>
    substitute(text, values, 'text', (name) => missing.push(name));
  assert.equal(fill('{{a}}{{b}}', { a: '{{b}}', b: '$&' }), '{{b}}$&', 'a value is no template');
  assert.equal(fill('{{constructor}} {{ }} {a}', {}), '{{constructor}} {{ }} {a}');
  assert.deepEqual(missing, ['constructor']);
});

test('a raw message: as text its line ends are made right, as base64 its bytes are checked; Bcc goes', async (context) => {
  const { ways, post } = await serving(context);
  const text = 'From: a@shop.example\nBcc: c@x.example\nX-Rampart-Tenant: acme\nSubject: raw {{x}}\n\n.line\n';
  const recipients = [{ to: 'b@x.example' }, { to: 'c@x.example' }, { to: 'B@x.example' }];
  const { status, body } = await post({ raw: text, recipients, campaign: 'spring', mailFrom: 'bounce@shop.example' });
  assert.equal(status, 202, JSON.stringify(body));
  assert.deepEqual(body.rejected, [{ recipient: 'B@x.example', reason: 'it is there twice' }]);
  const [stored] = await ways.stored();
  assert.deepEqual([stored?.mailFrom, stored?.rcpts], ['bounce@shop.example', ['b@x.example', 'c@x.example']]);
  assert.match(stored?.raw ?? '', /\r\nSubject: raw \{\{x\}\}\r\n[\s\S]*\r\n\r\n\.line\r\n$/);
  assert.doesNotMatch(stored?.raw ?? '', /Bcc|X-Rampart/);
  const { rows } = await ways.store.query('select tenant, campaign from messages');
  assert.deepEqual(rows, [{ tenant: 'acme', campaign: 'spring' }]);
  const bare = await post({ raw: { base64: Buffer.from(text).toString('base64') }, recipients });
  assert.equal(bare.status, 422);
  assert.match(bare.body.error.message, /^bare LF is not allowed/);
});

test('what is wrong is named: path and expectation, status and code', async (context) => {
  const { ways, url, post } = await serving(context, { submission: { maxBytes: 20_000 } });
  const problems = async (body: unknown) => {
    const reply = await post(body);
    assert.equal(reply.status, 422, JSON.stringify(reply.body));
    return reply.body.error.problems.map((one: { path: string; expected: string }) => `${one.path}: ${one.expected}`);
  };
  assert.deepEqual(await problems({ ...FIELDS, subjet: 'x' }), [': no subjet: a message has no such field']);
  assert.deepEqual(await problems({ ...FIELDS, recipients: [{ to: 'a@x.example' }, { to: 5 }] }), [
    'recipients[1].to: some text',
  ]);
  assert.deepEqual(await problems({ ...FIELDS, headers: { 'X-A': 'a\r\nBcc: b@x.example' } }), [
    'headers.X-A: a text without line ends',
  ]);
  assert.match(
    (await problems({ ...FIELDS, headers: { 'X-Rampart-Pool': 'other' } }))[0],
    /no header that has a field/,
  );
  assert.deepEqual(await problems({ ...FIELDS, subject: 'a\nb' }), ['subject: a text without line ends']);
  assert.deepEqual(await problems({ ...FIELDS, attachments: [{ content: '***' }] }), [
    'attachments[0].content: base64',
  ]);
  assert.deepEqual(await problems({ to: 'a@x.example' }), [
    'from: a mail address (or raw)',
    'text: text or html (or raw)',
  ]);
  assert.deepEqual(await problems({ raw: 'x', subject: 'y' }), [
    'subject: nothing, because raw is there',
    'recipients: who gets the raw message',
  ]);
  assert.match((await problems({ ...FIELDS, notBefore: 'tomorrow' }))[0], /^notBefore: a date such as/);
  assert.match((await problems({ ...FIELDS, stream: 'bulk' }))[0], /^stream: one of marketing, transactional/);
  assert.match((await problems([]))[0], /an object: a message/);
  const many = Array.from({ length: 1_001 }, (_, n) => ({ to: `r${n}@x.example` }));
  assert.deepEqual(await problems({ ...FIELDS, recipients: many }), ['recipients: at most 1000']);
  const to = many.map((one) => one.to);
  assert.deepEqual(await problems({ ...FIELDS, to }), ['to: at most 1000']);
  assert.deepEqual(await problems({ ...FIELDS, to: to.slice(1), cc: 'b@x.example' }), [
    'to: at most 1000 addresses with those of cc',
  ]);
  const faults = await problems({ ...FIELDS, recipients: Array.from({ length: 900 }, () => ({ to: 1, no: 2 })) });
  assert.equal(faults.length, 100, 'the first of many');
  assert.match(
    (await problems({ ...FIELDS, cc: `${'('.repeat(600_000)}a@x.example` }))[0],
    /^to: at most 500000 letters/,
  );

  const status = async (given: Promise<Reply>) => {
    const reply = await given;
    return [reply.status, reply.body.error.code];
  };
  assert.deepEqual(await status(post('{"from"')), [400, 'bad-json']);
  assert.deepEqual(await status(post(FIELDS, { 'content-type': 'text/plain' })), [415, 'not-json']);
  assert.deepEqual(await status(post(FIELDS, { 'content-encoding': 'gzip' })), [415, 'encoded']);
  assert.deepEqual(await status(post({ ...FIELDS, text: 'line of text\n'.repeat(2_000) })), [413, 'too-large']);
  assert.deepEqual(await status(post({ ...FIELDS, pool: 'foreign' })), [403, 'not-allowed']);
  assert.deepEqual(await status(post({ ...FIELDS, pool: 'other' })), [503, 'try-again']);
  assert.deepEqual(await status(post(FIELDS, { authorization: '' })), [401, 'not-signed-in']);
  const wrong = await post(FIELDS, { authorization: `Basic ${Buffer.from('shop:wrong').toString('base64')}` });
  assert.equal(wrong.status, 401);
  assert.match(wrong.headers.get('www-authenticate') ?? '', /^Basic realm="rampart"/);
  assert.equal((await fetch(url)).status, 405);
  assert.equal((await fetch(`${url}/x`, { method: 'POST' })).status, 404);
  assert.deepEqual(await ways.stored(), []);
});

test('a small body of very many values is refused before anything is made of it', async (context) => {
  const { post } = await serving(context);
  const { status, body } = await post(`{"to":"a@x.example","text":"x","headers":{"X":[${'"",'.repeat(260_000)}""]}}`);
  assert.deepEqual([status, body.error.code], [413, 'too-large']);
  assert.match(body.error.message, /more than 250000 JSON values/);
});

test('whatever a stranger sends is told in 4xx and is no fault of ours: broken targets, lengths, chunks, texts', async (context) => {
  const { ways, post } = await serving(context);
  const spoken = async (bytes: string | Buffer, end = false): Promise<string> => {
    const socket = net.connect(ways.injection.httpPort ?? 0, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    socket.write(bytes);
    if (end) socket.end();
    // An answer ends with its JSON, or with the connection.
    await Promise.race([closed, until('an answer', () => text.endsWith('}\n'))]);
    socket.destroy();
    return text;
  };
  const head = (more: string, target = '/v1/messages') =>
    `POST ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: ${BASIC}\r\nContent-Type: application/json\r\n${more}\r\n`;
  const json = JSON.stringify(FIELDS);
  for (const [bytes, answer] of [
    [`${head('Content-Length: 2\r\n', '//')}{}`, /^HTTP\/1\.1 404 /],
    [`${head('Content-Length: 2\r\n', 'http://[')}{}`, /^HTTP\/1\.1 40[04] /],
    [`${head('Content-Length: 2\r\n', '/v1/messages/../../etc')}{}`, /^HTTP\/1\.1 404 /],
    [`${head(`Content-Length: ${json.length}\r\nTransfer-Encoding: chunked\r\n`)}${json}`, /^HTTP\/1\.1 400 /],
    [`${head('Content-Length: 5\r\nContent-Length: 9\r\n')}{}`, /^HTTP\/1\.1 400 /],
    [`${head('Content-Length: -1\r\n')}{}`, /^HTTP\/1\.1 400 /],
    [`${head('Transfer-Encoding: chunked\r\n')}zz\r\n{}\r\n`, /^(HTTP\/1\.1 400 |$)/],
    [`${head(`X-Long: ${'x'.repeat(40_000)}\r\nContent-Length: 2\r\n`)}{}`, /^HTTP\/1\.1 431 /],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc', /^(HTTP\/1\.1 400 |$)/],
  ] as const)
    assert.match(await spoken(bytes), answer, bytes.slice(0, 120));
  const gone = await spoken(`${head('Content-Length: 500\r\n')}{"from":`, true);
  assert.match(gone, /^(HTTP\/1\.1 400 |$)/, 'it went away in its body');
  for (const [body, status] of [
    ['['.repeat(200_000), 400],
    [`${'['.repeat(200_000)}${']'.repeat(200_000)}`, 422],
    [`{"from":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`, 422],
    ['{"__proto__":{"from":"a@shop.example"},"constructor":1}', 422],
    ['null', 422],
    ['"text"', 422],
    ['', 400],
  ] as const)
    assert.equal((await post(body)).status, status, body.slice(0, 60));
  const latin = await fetch(`http://127.0.0.1:${ways.injection.httpPort}/v1/messages`, {
    method: 'POST',
    headers: { authorization: BASIC, 'content-type': 'application/json' },
    body: Buffer.from('{"from":"\xe9@shop.example"}', 'latin1'),
  });
  assert.equal(latin.status, 400);
  assert.equal((await post(FIELDS)).status, 202);
  const faults = ways.logged.filter(({ event }) => /failed|error/.test(event));
  assert.deepEqual(faults, []);
});

test('values are counted outside strings, never fewer than there are', () => {
  const count = (value: unknown): number =>
    1 + (typeof value === 'object' && value !== null ? sum(Object.values(value).map(count)) : 0);
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  const strings = fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', '[', '{') });
  const { any } = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 3 }, strings, fc.nat(9), fc.array(tie('any')), fc.dictionary(strings, tie('any'))),
  }));
  fc.assert(
    fc.property(any, (value) => {
      const text = Buffer.from(JSON.stringify(value));
      const there = count(value);
      if (there > 1) assert.equal(hasMoreValues(text, there - 1), true);
      // What stands before values, and no more: a bracket each, commas between, a member's colon.
      const marks = (one: unknown): number => {
        if (typeof one !== 'object' || one === null) return 0;
        const inner = Object.values(one);
        const own = 1 + Math.max(0, inner.length - 1) + (Array.isArray(one) ? 0 : inner.length);
        return own + sum(inner.map(marks));
      };
      assert.equal(hasMoreValues(text, 1 + marks(value)), false);
      assert.equal(hasMoreValues(text, marks(value)), marks(value) > 0);
    }),
  );
});

test('a body that never ends is cut at its limit, whatever its headers promised', async (context) => {
  const { ways } = await serving(context, { submission: { maxBytes: 20_000 } });
  const status = await new Promise((resolve, reject) => {
    const headers = { authorization: BASIC, 'content-type': 'application/json' };
    const request = httpRequest(
      { port: ways.injection.httpPort, path: '/v1/messages', method: 'POST', headers },
      (response) => {
        resolve(response.statusCode);
        request.destroy();
      },
    );
    request.on('error', reject);
    const more = () => {
      if (request.destroyed) return;
      request.write(' '.repeat(65_536));
      setTimeout(more, 1);
    };
    more();
  });
  assert.equal(status, 413);
});

test('suppressed recipients are listed; when nobody is left nothing is stored', async (context) => {
  const since = new Date('2026-01-02');
  const { ways, post } = await serving(context, {
    ports: {
      suppressed: async (recipients) =>
        new Map(
          recipients
            .filter((one) => one.startsWith('dead'))
            .map((one) => [one, [{ reason: 'complaint', since, scope: 'global', target: '*', streams: 'all' }]]),
        ),
    },
  });
  const reason = 'dead@x.example is on the suppression list (complaint, since 2026-01-02)';
  const some = await post({ ...FIELDS, to: ['dead@x.example', 'fine@x.example'] });
  assert.equal(some.status, 202);
  assert.deepEqual(some.body.rejected, [{ recipient: 'dead@x.example', reason }]);
  const none = await post({ ...FIELDS, to: 'dead@x.example' });
  assert.deepEqual(
    [none.status, none.body],
    [200, { id: null, accepted: [], rejected: [{ recipient: 'dead@x.example', reason }] }],
  );
  assert.deepEqual(
    (await ways.stored()).map((one) => one.rcpts),
    [['fine@x.example']],
  );
});

test('the same key and body: one commit and one answer, also for twins at two processes', async (context) => {
  const first = await serving(context);
  const second = await serving(context, { url: first.ways.url });
  const recipients = Array.from({ length: 300 }, (_, n) => ({ to: `r${n}@x.example`, substitutions: { n } }));
  const body = { from: FIELDS.from, subject: '{{n}}', text: 'Hello.', recipients };
  const key = { 'idempotency-key': 'order-1' };
  const replies = await Promise.all([first, second, first, second].map(({ post }) => post(body, key)));
  for (const reply of replies) {
    assert.equal(reply.status, 202, JSON.stringify(reply.body).slice(0, 300));
    assert.deepEqual(reply.body, replies[0]?.body);
  }
  assert.equal(replies.filter((reply) => reply.headers.get('idempotent-replayed') === null).length, 1);
  assert.equal(replies[0]?.body.accepted.length, 300);
  assert.equal((await first.ways.stored()).length, 300);

  const other = await first.post({ ...body, subject: 'other' }, key);
  assert.deepEqual([other.status, other.body.error.code], [422, 'key-reused']);
  assert.equal((await first.post(FIELDS, { 'idempotency-key': 'with space' })).status, 400);
  const bad = await first.post({ ...FIELDS, text: undefined }, { 'idempotency-key': 'order-2' });
  assert.equal(bad.status, 422);
  const mended = await first.post(FIELDS, { 'idempotency-key': 'order-2' });
  assert.equal(mended.status, 202, 'a request that was refused does not use its key up');
});

test('a process that died before its commit loses nothing; one that was thought dead can not commit twice', async (context) => {
  const { ways, post } = await serving(context);
  const key = { 'idempotency-key': 'order-1' };
  const { createHash, randomUUID } = await import('node:crypto');
  const hash = createHash('sha256').update(JSON.stringify(FIELDS)).digest();
  const reserve = `insert into idempotency_keys (user_name, key, hash, token) values ('shop', 'order-1', $1, $2)`;
  await ways.store.query(reserve, [hash, randomUUID()]);
  const early = await post(FIELDS, key);
  assert.deepEqual([early.status, early.body.error.code], [409, 'in-progress'], 'it may still be at work');
  await ways.store.query(`update idempotency_keys set reserved_at = now() - interval '1 minute'`);
  assert.equal((await post(FIELDS, key)).status, 202, 'taken over');
  assert.equal((await ways.stored()).length, 1);

  const { spoolGroup } = await import('../../store/spool.ts');
  const [message] = await ways.stored();
  const late = {
    raw: Buffer.from(message?.raw ?? '', 'latin1'),
    messageId: '<late@x>',
    mailFrom: '',
    pool: 'marketing',
    tenant: 'default',
    stream: 'marketing' as const,
    segment: 'all',
    campaign: '',
    expires: Date.now() + 60_000,
    request: { of: { user: 'shop', key: 'order-1' }, token: randomUUID(), answer: {} },
    recipients: [{ rcpt: 'anna@x.example', domain: 'x.example', provider: null }],
  };
  await assert.rejects(spoolGroup(ways.store, [late], randomUUID()), { code: '23000' });
  assert.equal((await ways.stored()).length, 1, 'its mail went with its answer');
  await ways.store.query(`update idempotency_keys set reserved_at = now() - interval '25 hours'`);
  await ways.injection.tidy();
  assert.equal((await ways.store.query('select count(*)::int as n from idempotency_keys')).rows[0].n, 0);
});

test('a request whose rate is used up hears when to come again', async (context) => {
  const { ways, post } = await serving(context);
  const passwordHash = await hashPassword('a long password');
  await addUser(ways.store, { name: 'slow', passwordHash, pools: ['marketing'], domains: ['shop.example'], rate: 2 });
  const authorization = `Basic ${Buffer.from('slow:a long password').toString('base64')}`;
  const foreign = await post({ ...FIELDS, from: 'a@other.example' }, { authorization });
  assert.equal(foreign.status, 403);
  assert.equal((await post({ ...FIELDS, to: ['a@x.example', 'b@x.example'] }, { authorization })).status, 202);
  const over = await post(FIELDS, { authorization });
  assert.equal(over.status, 429);
  const seconds = Number(over.headers.get('retry-after'));
  assert.ok(seconds > 3_000 && seconds <= 3_600, String(seconds));
});

test('a body for which there is no memory now: 503, and when to come again', async (context) => {
  const { post } = await serving(context, { injection: { maxReadingBytes: 1_000 } });
  const full = await post({ ...FIELDS, text: 'line of text\n'.repeat(100) });
  assert.deepEqual([full.status, full.body.error.code], [503, 'try-again']);
  assert.equal(full.headers.get('retry-after'), '5');
  assert.equal((await post({ ...FIELDS, text: 'x' })).status, 202);
});

test('one network has so many connections and no more', async (context) => {
  const { ways, post } = await serving(context, { injection: { limits: { perAddress: 2 } } });
  const open = async () => {
    const socket = net.connect(ways.injection.httpPort ?? 0, '127.0.0.1');
    context.after(() => socket.destroy());
    const closed = once(socket, 'close').then(() => 'closed');
    await once(socket, 'connect');
    return { socket, state: () => Promise.race([closed, sleep(100).then(() => 'open')]) };
  };
  const [first, second, third] = [await open(), await open(), await open()];
  assert.deepEqual([await first.state(), await second.state(), await third.state()], ['open', 'open', 'closed']);
  first.socket.destroy();
  await until('there is room again', async () => (await post(FIELDS).catch(() => null))?.status === 202);
});

test('when no mail is taken, both doors say why before the body comes', async (context) => {
  let reason: string | null = 'the disk of the spool is 97% full';
  const { ways, post } = await serving(context, { ports: { accepting: () => reason } });
  const full = await post(FIELDS);
  assert.deepEqual([full.status, full.headers.get('retry-after')], [503, '30']);
  assert.match(full.body.error.message, /^No mail is taken now: the disk of the spool is 97% full/);
  const client = await ways.client();
  await client.all('EHLO client', plain('shop', 'secret'));
  assert.match(await client.say('MAIL FROM:<a@shop.example>'), /^451 4\.3\.1 No mail is taken now: the disk/);
  reason = null;
  assert.match(await client.say('MAIL FROM:<a@shop.example>'), /^250 /);
  assert.equal((await post(FIELDS)).status, 202);
});

test('SIGHUP brings a new certificate to new connections; a broken file keeps the old one', async (context) => {
  const files = certificate(databases.folder, 'http-first.example');
  const next = certificate(databases.folder, 'http-next.example');
  const world = await MailWorld.start(context, databases);
  await world.lane('127.31.1.1', 'other', 'warm');
  const { process, ready } = await world.mta('mta-1', {
    injection: { http: { host: '127.0.0.1', port: 0, tls: files } },
  });
  const port = ready.httpPort ?? 0;
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
  context.after(() => agent.destroy());
  /** The name on the certificate of the connection that carried a request. */
  const ask = (over: https.Agent | false) =>
    new Promise<string>((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: '/elsewhere', agent: over, rejectUnauthorized: false };
      https
        .get(options, (response) => {
          const { CN } = (response.socket as TLSSocket).getPeerCertificate().subject;
          response.resume().on('end', () => resolve(String(CN)));
        })
        .on('error', reject);
    });
  const log = path.join(world.folder, `mta-1-${path.basename(world.url)}.log`);
  const logged = async (event: string) => (await readFile(log, 'utf8')).includes(`"${event}"`);
  assert.equal(await ask(agent), 'http-first.example');
  // A certificate without its key: what a reload in the middle of a renewal finds.
  await copyFile(next.cert, files.cert);
  process.reload();
  await until('the reload is refused', () => logged('http-certificate-kept'));
  assert.equal(await ask(false), 'http-first.example');
  await copyFile(next.key, files.key);
  process.reload();
  await until('the reload', () => logged('http-certificate-reloaded'));
  assert.equal(await ask(false), 'http-next.example');
  assert.equal(await ask(agent), 'http-first.example', 'the open connection goes on');
});

test('over TLS with an own certificate', async (context) => {
  const tls = certificate(databases.folder, 'http');
  const { ways } = await serving(context, { injection: { http: { host: '127.0.0.1', port: 0, tls } } });
  const { readFileSync } = await import('node:fs');
  const { request } = await import('node:https');
  const status = await new Promise((resolve, reject) => {
    const headers = { authorization: BASIC, 'content-type': 'application/json' };
    const port = ways.injection.httpPort ?? 0;
    const options = {
      host: '127.0.0.1',
      port,
      path: '/v1/messages',
      method: 'POST',
      headers,
      ca: readFileSync(tls.cert),
    };
    request(options, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end(JSON.stringify(FIELDS));
  });
  assert.equal(status, 202);
  assert.match((await ways.stored())[0]?.raw ?? '', /with HTTPS id /);
});
