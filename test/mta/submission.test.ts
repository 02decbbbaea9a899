import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SIGN_IN_LIMITS } from '../../mta/injection/failed-sign-ins.ts';
import { SignIn } from '../../mta/injection/sign-in.ts';
import type { ExtraListener } from '../../mta/settings-injection.ts';
import { createStore } from '../../store/connect.ts';
import { hashPassword } from '../../store/password.ts';
import { envelopeKey } from '../../store/recipient-key.ts';
import { EVERYWHERE, type RecipientEntry, suppress, suppressionEntries } from '../../store/suppressions.ts';
import { addUser, removeUser, setPassword } from '../../store/users.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { plain, Raw } from './raw-client.ts';
import { certificate, MESSAGE, openWaysIn } from './ways-in.ts';

const databases = await startDatabases();
after(() => databases.stop());

const LOGIN = plain('shop', 'secret');
const ENVELOPE = ['MAIL FROM:<a@shop.example>', 'RCPT TO:<b@provider.example>'] as const;

async function sending(client: Raw, bytes = MESSAGE, envelope: readonly string[] = ENVELOPE): Promise<string> {
  await client.all(...envelope, 'DATA');
  return client.data(bytes);
}

test('without a certificate: AUTH is required, a wrong password is refused, STARTTLS is not offered', async (context) => {
  const ways = await openWaysIn(context, databases);
  const client = await ways.client();
  const offered = await client.say('EHLO client');
  assert.doesNotMatch(offered, /STARTTLS/);
  for (const extension of ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'DSN', 'SIZE 100000'])
    assert.match(offered, new RegExp(`250[- ]${extension}\r\n`));
  assert.match(offered, /AUTH PLAIN LOGIN/);
  assert.match(await client.say('MAIL FROM:<a@shop.example>'), /^530 5\.7\.0 Sign in first/);
  assert.match(await client.say('STARTTLS'), /^5/);
  assert.match(await client.say(plain('shop', 'wrong')), /^535 5\.7\.8 Authentication failed/);
  assert.match(await client.say(LOGIN), /^235 /);
});

test('a password in clear is taken from loopback only', async (context) => {
  const outside = Object.values(os.networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  if (outside === undefined) return context.skip('this machine has no address but loopback');
  const { injection } = await openWaysIn(context, databases, { submission: { host: '0.0.0.0' } });
  const client = await Raw.greeted(outside, injection.submissionPort);
  context.after(() => client.close());
  assert.doesNotMatch(await client.say('EHLO client'), /AUTH/, 'not offered: the password would be sent to hear 538');
  assert.match(await client.say('MAIL FROM:<a@shop.example>'), /^530 /, 'and needed all the same');
  assert.match(await client.say(LOGIN), /^538 5\.7\.11 /);
});

test('who signs in badly: half an exchange, twice, too long, not at all; a good user gets in beside them', async (context) => {
  const limits = { signIn: 1_500 };
  const ways = await openWaysIn(context, databases, { injection: { limits } });
  const good = await ways.client();
  await good.say('EHLO client');
  assert.match(await good.say(LOGIN), /^235 /);
  assert.match(await good.say(plain('bank', 'secret')), /^503 /, 'nobody becomes somebody else');

  const half = await ways.client();
  await half.say('EHLO client');
  assert.match(await half.say('AUTH LOGIN'), /^334 /);
  half.close();
  const long = await ways.client();
  await long.say('EHLO client');
  const token = (bytes: number) => Buffer.from(`\0shop\0${'x'.repeat(bytes)}`).toString('base64');
  assert.match(await long.say(`AUTH PLAIN ${token(3_740)}`), /^535 /, '5,000 bytes are only a wrong password');
  assert.match(await long.say(`AUTH PLAIN ${'A'.repeat(5_000)}`), /^5/, 'and bytes of nothing are no sign-in');
  assert.match(await long.say('AUTH GSSAPI'), /^504 /);
  const flood = await ways.client();
  flood.write(`EHLO client\r\nAUTH PLAIN ${'A'.repeat(70_000)}`);
  await until('a line without an end is cut off', () => flood.closed);

  const silent = await ways.client();
  await silent.say('EHLO client');
  await until('who never signs in has to go', () => silent.closed);
  assert.match(silent.unread, /^421 4\.4\.2 Nobody has signed in/);
  assert.match(await sending(good), /^250 /, 'who has may stay');
});

test('what is refused is not stored, and the session goes on', async (context) => {
  const ways = await openWaysIn(context, databases, { submission: { maxBytes: 20_000 } });
  const client = await ways.client();
  await client.all('EHLO client', LOGIN);
  const refused = async (bytes: string, reply: RegExp) => assert.match(await sending(client, bytes), reply);
  await refused(`${MESSAGE}one\ntwo`, /^554 5\.6\.0 bare LF/);
  await refused(`${MESSAGE}one\rtwo`, /^554 5\.6\.0 bare CR/);
  await refused(`${MESSAGE}${'x'.repeat(70)}\r\n`.padEnd(30_000, 'line\r\n'), /^552 5\.3\.4 /);
  await refused(`${MESSAGE}${'x'.repeat(1_000)}\r\n`, /^554 5\.6\.0 Line 6 has 1000 octets/);
  await refused(`X-Rampart-Pool: foreign\r\n${MESSAGE}`, /^550 5\.7\.1 .*may not send through pool "foreign"/);
  await refused(`X-Rampart-Pool: other\r\n${MESSAGE}`, /^451 4\.3\.5 .*no address yet/);
  await refused(`X-Rampart-Campaign: a\0b\r\n${MESSAGE}`, /^554 5\.6\.0 NUL/);
  await refused(`X-Rampart-Segment: everyone\r\n${MESSAGE}`, /^550 5\.6\.0 X-Rampart-Segment/);
  assert.match(await client.say('MAIL FROM:<a@shop.example> SIZE=20001'), /^552 /);
  assert.match(await client.say('MAIL FROM:<jörg@shop.example>'), /^553 5\.6\.7 /);
  assert.match(await client.say('MAIL FROM:<jörg@shop.example> SMTPUTF8'), /^250 /);
  assert.match(await client.say('RCPT TO:<b@[127.0.0.1]>'), /^553 5\.1\.2 /);
  assert.match(await client.say('RCPT TO:<postmaster>'), /^553 5\.1\.3 /);
  await client.say('RSET');
  assert.deepEqual(await ways.stored(), []);
  assert.match(await sending(client), /^250 2\.0\.0 Ok: queued as \d+; no one-click/);
});

test('250 only after the row is there; control headers are recorded and stripped', async (context) => {
  const world = await MailWorld.start(context, databases);
  await world.lane('127.31.1.1', 'other', 'warm');
  // Nobody listens there: mail that is accepted stays.
  world.domain('provider.example', [['mx.provider.example', '127.30.0.9']]);
  const { ready } = await world.mta();
  const client = await Raw.greeted('127.0.0.1', ready.submissionPort ?? 0);
  context.after(() => client.close());
  await client.all('EHLO client', LOGIN);
  for (let n = 0; n < 20; n++) {
    const control = 'X-Rampart-Tenant: acme\r\nX-Rampart-Segment: 60d\r\nX-Rampart-Campaign: may\r\n 2026\r\n';
    const bytes = `${control}${MESSAGE.replace('one@', `m${n}@`)}`;
    const envelope = ['MAIL FROM:<a@shop.example>', `RCPT TO:<b${n}@Provider.Example>`];
    assert.match(await sending(client, bytes, envelope), /^250 /);
    const { rows } = await world.store.query(
      `select m.tenant, m.segment, m.campaign, m.stream, m.mail_from, b.raw, q.rcpt, q.domain from messages m
       join bodies b on b.id = m.body_id join queue q on q.message = m.id where m.message_id = $1`,
      [`<m${n}@shop.example>`],
    );
    assert.equal(rows.length, 1, `message ${n} was answered with 250 and is not there`);
    const { raw, ...row } = rows[0];
    assert.deepEqual(row, {
      tenant: 'acme',
      segment: '60d',
      campaign: 'may 2026',
      stream: 'marketing',
      mail_from: 'a@shop.example',
      rcpt: `b${n}@provider.example`,
      domain: 'provider.example',
    });
    assert.doesNotMatch(raw.toString(), /x-rampart|2026\r\n[^:]*Message-ID/i);
    assert.match(raw.toString(), /^Received: from client \(\[127\.0\.0\.1\]\)\r\n\tby mta\.example with ESMTPA/);
  }
});

test('rights of a user: tenants and streams beside pools; the first is the default', async (context) => {
  const ways = await openWaysIn(context, databases);
  const passwordHash = await hashPassword('a long password');
  const rights = { pools: ['marketing'], domains: [], rate: null, passwordHash };
  await addUser(ways.store, { ...rights, name: 'acme', tenants: ['acme', 'acme-2'], streams: ['transactional'] });
  await addUser(ways.store, { ...rights, name: 'all', tenants: [], streams: [] });
  const signedIn = async (name: string) => {
    const client = await ways.client();
    await client.all('EHLO client', plain(name, 'a long password'));
    return client;
  };
  const client = await signedIn('acme');
  assert.match(await sending(client), /^250 2\.0\.0 Ok: queued as \d+\r\n/, 'transactional needs no one-click');
  assert.match(await sending(client, `X-Rampart-Tenant: acme-2\r\n${MESSAGE}`), /^250 /);
  const foreign = /^550 5\.7\.1 User acme may not send for tenant "other": allowed are acme, acme-2\r\n/;
  assert.match(await sending(client, `X-Rampart-Tenant: other\r\n${MESSAGE}`), foreign);
  assert.match(await sending(client, `X-Rampart-Tenant: ACME\r\n${MESSAGE}`), /^550 5\.7\.1 /, 'names are exact');
  const stream = /^550 5\.7\.1 User acme may not send as stream "marketing": allowed are transactional\r\n/;
  assert.match(await sending(client, `X-Rampart-Stream: marketing\r\n${MESSAGE}`), stream);
  const free = await signedIn('all');
  assert.match(await sending(free), /^250 /);
  assert.match(
    await sending(free, `X-Rampart-Tenant: other\r\nX-Rampart-Stream: transactional\r\n${MESSAGE}`),
    /^250 /,
  );
  const { rows } = await ways.store.query('select tenant, stream from messages order by id');
  assert.deepEqual(
    rows.map((row) => `${row.tenant} ${row.stream}`),
    ['acme transactional', 'acme-2 transactional', 'default marketing', 'other transactional'],
  );
});

test('users of the store: their password, pools, sender domains; removed, they are out', async (context) => {
  const ways = await openWaysIn(context, databases);
  const user = { name: 'shop-2', pools: ['marketing'], domains: ['shop.example'], rate: null };
  assert.equal(await addUser(ways.store, { ...user, passwordHash: await hashPassword('a long password') }), true);
  assert.equal(await addUser(ways.store, { ...user, passwordHash: 'x' }), false, 'the name is taken');
  const client = await ways.client();
  await client.say('EHLO client');
  assert.match(await client.say(plain('shop-2', 'another password')), /^535 /);
  const [name, password] = ['shop-2', 'a long password'].map((text) => Buffer.from(text).toString('base64'));
  assert.match(await client.all('AUTH LOGIN', name ?? '', password ?? ''), /^235 /);
  assert.match(await client.say('MAIL FROM:<a@other.example>'), /^550 5\.7\.1 .*other\.example \(MAIL FROM\)/);
  assert.match(await sending(client), /^250 /);
  const foreign = MESSAGE.replace('<a@shop.example>', 'Shop <a@shop.example>, <x@other.example>');
  assert.match(await sending(client, foreign), /^550 5\.7\.1 .*other\.example \(From\): allowed are shop\.example/);
  assert.match(await sending(client, `X-Rampart-Pool: other\r\n${MESSAGE}`), /^550 5\.7\.1 /);

  await setPassword(ways.store, 'shop-2', await hashPassword('the next password'));
  await removeUser(ways.store, 'nobody');
  await until('the old password ends', async () => {
    const other = await ways.client();
    await other.say('EHLO client');
    return (await other.say(plain('shop-2', 'a long password'))).startsWith('535');
  });
  assert.equal(await removeUser(ways.store, 'shop-2'), true);
  await until('the session ends with its user', async () => {
    const reply = await client.say('MAIL FROM:<a@shop.example>');
    if (reply.startsWith('535 5.7.8 User shop-2 was removed')) return true;
    await client.say('RSET');
    return false;
  });
});

test('three failed sign-ins end a connection, ten stop a user at that address, others go on', async (context) => {
  const ways = await openWaysIn(context, databases, {
    submission: {
      users: [
        { name: 'shop', password: 'secret', pools: ['marketing'] },
        { name: 'bank', password: 'secret', pools: ['marketing'] },
      ],
    },
  });
  const first = await ways.client();
  await first.say('EHLO client');
  for (const reply of [/^535 /, /^535 /, /^421 4\.7\.0 3 sign-ins failed/])
    assert.match(await first.say(plain('shop', 'wrong')), reply);
  await until('it is closed', () => first.closed);
  // At once, so that the delays, which grow, run side by side.
  const rest = await Promise.all(
    Array.from({ length: 7 }, async () => {
      const client = await ways.client();
      await client.say('EHLO client');
      return client.say(plain('shop', 'wrong'));
    }),
  );
  assert.equal(rest.filter((reply) => reply.startsWith('535')).length, 7);
  const client = await ways.client();
  await client.say('EHLO client');
  assert.match(await client.say(LOGIN), /^454 4\.7\.0 Too many sign-ins failed from here: try again in \d+ s/);
  assert.match(await client.say(plain('bank', 'secret')), /^235 /, 'another user of the same address is not shut out');
});

test('rates are shared by processes: together they take what an hour allows, not one recipient more', async (context) => {
  const first = await openWaysIn(context, databases);
  const second = await openWaysIn(context, databases, { url: first.url });
  const passwordHash = await hashPassword('a long password');
  await addUser(first.store, { name: 'slow', passwordHash, pools: ['marketing'], domains: [], rate: 10 });
  const clients = await Promise.all([first.client(), second.client()]);
  for (const client of clients) await client.all('EHLO client', plain('slow', 'a long password'));
  const two = [...ENVELOPE, 'RCPT TO:<c@provider.example>'];
  const replies: string[] = [];
  for (let n = 0; n < 4; n++) {
    for (const client of clients) replies.push(await sending(client, MESSAGE, two));
  }
  assert.equal(replies.filter((reply) => reply.startsWith('250')).length, 5, 'five messages to two recipients');
  for (const reply of replies.slice(5))
    assert.match(reply, /^450 4\.7\.0 User slow has sent to 10 recipients this hour: try again after 20/);
  const many = ['MAIL FROM:<a@shop.example>', ...Array.from({ length: 11 }, (_, n) => `RCPT TO:<r${n}@x.example>`)];
  assert.match(await sending(clients[0] as Raw, MESSAGE, many), /^550 5\.7\.1 /, 'waiting would not help');
  await first.store.query(`update user_rates set starts = starts - interval '1 hour'`);
  await until('the next hour', async () => (await sending(clients[1] as Raw, MESSAGE, two)).startsWith('250'));
});

test('DSN wishes are kept for the recipients that have some (RFC 3461)', async (context) => {
  const ways = await openWaysIn(context, databases);
  const client = await ways.client();
  await client.all('EHLO client', LOGIN);
  const asked = [
    'MAIL FROM:<a@shop.example> RET=HDRS ENVID=QQ+2B1',
    'RCPT TO:<b@provider.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;B+40old.example',
    'RCPT TO:<c@provider.example> NOTIFY=NEVER',
  ];
  assert.match(await sending(client, MESSAGE, asked), /^250 /);
  assert.match(await sending(client), /^250 /);
  const { rows } = await ways.store.query(
    'select q.rcpt, d.notify, d.orcpt, d.ret, d.envid from dsn_requests d join queue q on q.id = d.recipient order by 1',
  );
  const message = { ret: 'HDRS', envid: 'QQ+1' };
  assert.deepEqual(rows, [
    { rcpt: 'b@provider.example', notify: 'SUCCESS,FAILURE', orcpt: 'rfc822;B@old.example', ...message },
    { rcpt: 'c@provider.example', notify: 'NEVER', orcpt: null, ...message },
  ]);
  assert.match(await client.all('MAIL FROM:<a@shop.example>', 'RCPT TO:<b@x.example> NOTIFY=NEVER,DELAY'), /^501 /);
});

test('suppressed recipients are refused at RCPT; what only the header tells is left out after it', async (context) => {
  const since = new Date('2026-01-02');
  const asked: string[][] = [];
  const ways = await openWaysIn(context, databases, {
    ports: {
      suppressed: async (recipients) => {
        asked.push([...recipients]);
        const entry: RecipientEntry = {
          ...{ reason: 'hard bounce', source: 'hard-bounce', since },
          ...{ scope: 'global', target: '*', streams: 'all' },
        };
        return new Map(
          recipients.flatMap((one): [string, RecipientEntry[]][] => {
            if (one.startsWith('dead')) return [[one, [entry]]];
            if (one.startsWith('left')) return [[one, [{ ...entry, scope: 'tenant', target: 'acme' }]]];
            return one.startsWith('gone') ? [[one, [{ ...entry, streams: 'marketing' }]]] : [];
          }),
        );
      },
    },
  });
  const client = await ways.client();
  await client.all('EHLO client', LOGIN, 'MAIL FROM:<a@shop.example>');
  assert.match(
    await client.say('RCPT TO:<dead@x.example>'),
    /^550 5\.7\.1 dead@x\.example is on the suppression list \(hard bounce, since 2026-01-02\)/,
  );
  await client.all('RCPT TO:<left@x.example>', 'RCPT TO:<gone@x.example>', 'RCPT TO:<fine@x.example>', 'DATA');
  assert.match(
    await client.data(`X-Rampart-Tenant: acme\r\n${MESSAGE}`),
    /^250 .*2 of 3 recipients left out: on the suppression list/,
  );
  assert.deepEqual(
    (await ways.stored()).map((one) => one.rcpts),
    [['fine@x.example']],
  );
  const alone = ['MAIL FROM:<a@shop.example>', 'RCPT TO:<gone@x.example>'];
  assert.match(await sending(client, MESSAGE, alone), /^550 5\.7\.1 gone@x\.example is on the suppression list/);
  assert.match(await sending(client, `X-Rampart-Stream: transactional\r\n${MESSAGE}`, alone), /^250 /);
  const many = await Promise.all(Array.from({ length: 20 }, () => ways.client()));
  for (const one of many) await one.all('EHLO client', LOGIN, 'MAIL FROM:<a@shop.example>');
  asked.length = 0;
  await Promise.all(many.map((one, n) => one.say(`RCPT TO:<r${n}@x.example>`)));
  assert.equal(asked.flat().length, 20);
});

test('the suppression list itself: a dead address is refused at RCPT, a complaint to one tenant after DATA', async (context) => {
  const url = await databases.create();
  const store = createStore(url, { max: 2 });
  context.after(() => store.end());
  const entry = (recipient: string) => ({ key: envelopeKey(recipient), recipient, actor: 'test' });
  await suppress(store, [
    {
      ...entry('dead@x.example'),
      scope: EVERYWHERE,
      streams: 'all',
      source: 'hard-bounce',
      reason: 'no such user',
    },
    {
      ...entry('angry@x.example'),
      scope: { kind: 'tenant', target: 'acme' },
      streams: 'marketing',
      source: 'complaint',
      reason: 'complaint',
    },
  ]);
  const ways = await openWaysIn(context, databases, {
    url,
    ports: { suppressed: (recipients) => suppressionEntries(store, recipients) },
  });
  const client = await ways.client();
  await client.all('EHLO client', LOGIN, 'MAIL FROM:<a@shop.example>');
  assert.match(
    await client.say('RCPT TO:<Dead@X.example>'),
    /^550 5\.7\.1 Dead@x\.example is on the suppression list \(no such/,
  );
  assert.match(await client.say('RCPT TO:<angry@x.example>'), /^250 /);
  await client.say('DATA');
  assert.match(await client.data(`X-Rampart-Tenant: acme\r\n${MESSAGE}`), /^550 5\.7\.1 angry@x\.example is on/);
  const envelope = ['MAIL FROM:<a@shop.example>', 'RCPT TO:<angry@x.example>'];
  assert.match(await sending(client, MESSAGE, envelope), /^250 /, 'another tenant may write');
});

test('a message whose commit outlasts the stop of its listener is answered: its client must not send it again', async (context) => {
  const { client, store, stored, injection } = await openWaysIn(context, databases);
  const raw = await client();
  await raw.all('EHLO client', LOGIN, ...ENVELOPE, 'DATA');
  const holding = await store.connect();
  await holding.query('begin; lock table bodies in share mode');
  const answer = raw.data(MESSAGE);
  await until('its commit waits', async () => {
    const { rows } = await store.query(`select from pg_stat_activity where wait_event_type = 'Lock'`);
    return rows.length > 0;
  });
  const stopped = injection.stop();
  // Longer than smtp-server waits before it closes what is left.
  await sleep(3_000);
  await holding.query('commit');
  holding.release();
  assert.match(await answer, /^250 2\.0\.0 Ok: queued as /);
  assert.match(await raw.reply(), /^421 4\.3\.2 /);
  await until('it is closed', () => raw.closed);
  await stopped;
  assert.equal((await stored()).length, 1);
});

test('the addresses of one IPv6 network are one client: a host has as many of them as it likes', async (context) => {
  const ways = await openWaysIn(context, databases, {
    submission: { proxyFrom: ['127.0.0.1'] },
    injection: { limits: { perAddress: 1 } },
  });
  const from = async (address: string) => {
    const client = await Raw.open('127.0.0.1', ways.injection.submissionPort);
    context.after(() => client.close());
    client.write(`PROXY TCP6 ${address} 2001:db8:ffff::25 4711 25\r\n`);
    return client.reply();
  };
  assert.match(await from('2001:db8::1'), /^220 /);
  assert.match(await from('2001:db8::ffff:2'), /^421 4\.7\.0 Too many connections/);
  assert.match(await from('2001:db8:0:1::1'), /^220 /, 'the next /64 is somebody else');
});

test('limits: connections of one address, messages of one connection, time of one, recipients', async (context) => {
  const ways = await openWaysIn(context, databases, {
    injection: { limits: { perAddress: 2, messagesPerConnection: 2, recipients: 2, session: 4_000 } },
  });
  const first = await ways.client();
  const second = await ways.client();
  const third = await Raw.open('127.0.0.1', ways.injection.submissionPort);
  assert.match(await third.reply(), /^421 4\.7\.0 Too many connections from \[127\.0\.0\.1\]: at most 2/);
  second.close();
  await until('there is room again', async () => {
    const client = await Raw.open('127.0.0.1', ways.injection.submissionPort);
    const reply = await client.reply();
    client.close();
    return reply.startsWith('220');
  });
  await first.all('EHLO client', LOGIN, ...ENVELOPE, 'RCPT TO:<c@x.example>');
  assert.match(await first.say('RCPT TO:<d@x.example>'), /^452 /);
  await first.say('DATA');
  assert.match(await first.data(MESSAGE), /^250 /);
  assert.match(await sending(first), /^250 /);
  assert.match(await first.say('MAIL FROM:<a@shop.example>'), /^421 4\.7\.0 2 messages on one connection/);
  await until('it is closed', () => first.closed);
  await until('a place whose time then ends', async () => {
    const client = await Raw.open('127.0.0.1', ways.injection.submissionPort);
    if (!(await client.reply()).startsWith('220')) return false;
    await until('its time is over', () => client.closed);
    assert.match(client.unread, /^421 4\.4\.2 This connection has lasted long enough/);
    return true;
  });
});

test('messages being read take a bounded memory together: beyond it 452, and the place comes back', async (context) => {
  const ways = await openWaysIn(context, databases, { injection: { maxReadingBytes: 60_000 } });
  const [big, other] = [await ways.client(), await ways.client()];
  for (const client of [big, other]) await client.all('EHLO client', LOGIN);
  await big.all(...ENVELOPE, 'DATA');
  big.write(`${MESSAGE}${'line of text\r\n'.repeat(3_600)}`);
  await until('most of it is read', async () => {
    const reply = await other.say('MAIL FROM:<a@shop.example> SIZE=20000');
    await other.say('RSET');
    return /^452 4\.3\.1 Messages of 0 MB/.test(reply);
  });
  await other.all(...ENVELOPE, 'DATA');
  assert.match(await other.data(`${MESSAGE}${'line of text\r\n'.repeat(2_000)}`), /^452 4\.3\.1 /);
  big.write('.\r\n');
  assert.match(await big.reply(), /^250 /);
  assert.match(await sending(other, `${MESSAGE}${'line of text\r\n'.repeat(2_000)}`), /^250 /);
});

test('marketing without one-click unsubscribe is marked; with `require` it is refused, transactional mail never', async (context) => {
  const oneClick =
    'List-Unsubscribe: <https://shop.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n';
  const warns = await openWaysIn(context, databases);
  const client = await warns.client();
  await client.all('EHLO client', LOGIN);
  assert.match(await sending(client, `${oneClick}${MESSAGE}`), /^250 2\.0\.0 Ok: queued as \d+\r\n/);
  assert.match(await sending(client), /kept off cold lanes/);
  assert.match(await sending(client, `X-Rampart-Stream: transactional\r\n${MESSAGE}`), /queued as \d+\r\n/);
  assert.deepEqual(
    (await warns.stored()).map((one) => one.oneClick),
    [true, false, true],
  );
  await warns.injection.tidy();
  const counted = warns.logged.find((one) => one.event === 'marketing-without-one-click');
  assert.deepEqual(counted?.fields?.messages, { shop: 1 });

  const strict = await openWaysIn(context, databases, { injection: { requireListUnsubscribe: 'require' } });
  const other = await strict.client();
  await other.all('EHLO client', LOGIN);
  assert.match(await sending(other), /^550 5\.7\.1 Marketing needs List-Unsubscribe/);
  assert.match(await sending(other, `${oneClick}${MESSAGE}`), /^250 /);
  assert.match(await sending(other, `X-Rampart-Stream: transactional\r\n${MESSAGE}`), /^250 /);
});

test('internal listener: listed peers need no password, have its rights only, and nobody else gets in', async (context) => {
  const listener = { role: 'internal', host: '127.0.0.1', port: 0, rate: null } as const;
  const rights = { pools: ['marketing'], domains: ['shop.example'] };
  const ways = await openWaysIn(context, databases, {
    injection: {
      listeners: [
        { ...listener, ...rights, peers: ['127.0.0.0/30'] },
        { ...listener, ...rights, peers: ['10.0.0.0/8', '::1'] },
      ],
    },
  });
  const [inside = 0, outside = 0] = ways.injection.listenerPorts;
  const client = await Raw.greeted('127.0.0.1', inside);
  context.after(() => client.close());
  assert.doesNotMatch(await client.say('EHLO client'), /AUTH/);
  assert.match(await sending(client), /^250 /);
  assert.match(await sending(client, `X-Rampart-Pool: other\r\n${MESSAGE}`), /^550 5\.7\.1 User internal:/);
  assert.match(await client.say('MAIL FROM:<a@other.example>'), /^550 5\.7\.1 /);
  const stranger = await Raw.open('127.0.0.1', outside);
  assert.match(await stranger.reply(), /^554 5\.7\.1 This address is not among the peers/);
});

test('PROXY protocol: believed from listed peers alone, and loopback passwords are not for their clients', async (context) => {
  const tls = certificate(databases.folder, 'proxied');
  const listener: ExtraListener = { role: 'submission', host: '127.0.0.1', port: 0, tls, proxyFrom: ['127.0.0.1'] };
  const ways = await openWaysIn(context, databases, { injection: { listeners: [listener] } });
  const [port = 0] = ways.injection.listenerPorts;
  const client = await Raw.open('127.0.0.1', port);
  client.write('PROXY TCP4 203.0.113.7 198.51.100.1 4711 25\r\n');
  assert.match(await client.reply(), /^220 /);
  await client.say('EHLO client');
  assert.match(await client.say(LOGIN), /^538 /, 'the client is not on loopback, its proxy is');
  await client.say('STARTTLS');
  await client.secure();
  await client.all('EHLO client', LOGIN);
  assert.match(await sending(client), /^250 /);
  assert.match(
    (await ways.stored())[0]?.raw ?? '',
    /^Received: from client \(\[203\.0\.113\.7\]\)\r\n.* with ESMTPSA /,
  );
  const unknown = await Raw.open('127.0.0.1', port);
  unknown.write('PROXY UNKNOWN\r\n');
  await unknown.reply();
  await unknown.say('EHLO client');
  assert.match(await unknown.say(LOGIN), /^538 /, 'whoever is behind the proxy is not on loopback');
  for (const header of ['PROXY TCP4 example.com 198.51.100.1 1 2\r\n', 'EHLO client\r\n']) {
    const wrong = await Raw.open('127.0.0.1', port);
    wrong.write(header);
    await until('it is closed', () => wrong.closed);
    assert.doesNotMatch(wrong.unread, /^220/);
  }
  const plainly = await ways.client();
  assert.match(await plainly.say('PROXY TCP4 203.0.113.7 198.51.100.1 4711 25'), /^500 /, 'not listed, not believed');
});

test('implicit TLS; SIGHUP brings a new certificate to new connections, a broken file keeps the old one', async (context) => {
  const files = certificate(databases.folder, 'first.example');
  const next = certificate(databases.folder, 'next.example');
  const world = await MailWorld.start(context, databases);
  await world.lane('127.31.1.1', 'other', 'warm');
  world.domain('provider.example', [['mx.provider.example', '127.30.0.9']]);
  const tls = { ...files, implicit: true };
  const { process, ready } = await world.mta('mta-1', {
    submission: { ...world.settings().submission, tls: files },
    injection: { listeners: [{ role: 'submission', host: '127.0.0.1', port: 0, tls }] },
  });
  const port = ready.listenerPorts?.[0] ?? 0;
  const open = async () => {
    const client = await Raw.implicit('127.0.0.1', port);
    context.after(() => client.close());
    const { CN } = client.certificate.subject;
    assert.match(await client.reply(), /^220 /);
    return { client, CN };
  };
  const log = path.join(world.folder, `mta-1-${path.basename(world.url)}.log`);
  const logged = async (event: string) => (await readFile(log, 'utf8')).split(`"${event}"`).length - 1;
  const before = await open();
  assert.equal(before.CN, 'first.example');
  await before.client.all('EHLO client', LOGIN);

  // A certificate without its key: what a reload in the middle of a renewal finds.
  await copyFile(next.cert, files.cert);
  process.reload();
  await until('the reload is refused', async () => (await logged('submission-certificate-kept')) === 2);
  assert.equal((await open()).CN, 'first.example');
  await copyFile(next.key, files.key);
  process.reload();
  await until('the reload', async () => (await logged('submission-certificate-reloaded')) === 2);
  assert.equal((await open()).CN, 'next.example');
  assert.match(await sending(before.client), /^250 /, 'the old connection goes on');
  const starttls = await Raw.greeted('127.0.0.1', ready.submissionPort ?? 0);
  context.after(() => starttls.close());
  await starttls.all('EHLO client', 'STARTTLS');
  assert.equal((await starttls.secure()).subject.CN, 'next.example');
  await writeFile(files.cert, 'nothing');
  process.reload();
  await until('the reload is refused', async () => (await logged('submission-certificate-kept')) === 4);
  assert.equal((await open()).CN, 'next.example');
});

test('SMTPUTF8: headers and local parts in UTF-8, and Received says how it came', async (context) => {
  const ways = await openWaysIn(context, databases);
  const client = await ways.client();
  await client.all('EHLO client', LOGIN);
  const message = Buffer.from(MESSAGE.replace('hello', 'Grüße')).toString('latin1');
  assert.match(await sending(client, message), /^550 5\.6\.7 Header Subject is not ASCII/);
  const envelope = ['MAIL FROM:<a@shop.example> BODY=8BITMIME SMTPUTF8', 'RCPT TO:<jörg@bücher.example>'];
  assert.match(await sending(client, message, envelope), /^250 /);
  const [stored] = await ways.stored();
  assert.deepEqual(stored?.rcpts, ['jörg@xn--bcher-kva.example']);
  assert.match(stored?.raw ?? '', /with UTF8SMTPA id /);
  assert.match(Buffer.from(stored?.raw ?? '', 'latin1').toString(), /Subject: Grüße\r\n/);
});

test('a store that does not answer is no failed sign-in; known users go on for a moment', async () => {
  const passwordHash = await hashPassword('a long password');
  let now = 0;
  let gone = false;
  let asked = 0;
  const signIn = new SignIn({
    configured: [],
    find: async (name) => {
      asked += 1;
      if (gone) throw new Error('no database');
      return name === 'shop' ? { name, passwordHash, pools: ['marketing'], domains: [], rate: null } : undefined;
    },
    now: () => now,
    log: () => {},
  });
  for (let n = 0; n < 200; n++) assert.equal((await signIn.signIn('shop', 'a long password', '::1')).name, 'shop');
  assert.equal(asked, 1);
  gone = true;
  assert.equal((await signIn.current('shop')).name, 'shop');
  now = 2_000;
  for (let n = 0; n < 20; n++) await assert.rejects(signIn.signIn('shop', 'a long password', '::1'), { reply: 454 });
  gone = false;
  assert.equal(
    (await signIn.signIn('shop', 'a long password', '::1')).name,
    'shop',
    'the outage was not held against them',
  );
  await assert.rejects(signIn.signIn('nobody', 'a long password', '::1'), { reply: 535 });
  const before = asked;
  await assert.rejects(signIn.signIn('n'.repeat(300), 'a long password', '::1'), { reply: 535 });
  assert.equal(asked, before, 'a name nobody can have is neither looked up nor remembered');
});

test("guesses at once are as few as guesses in turn, one client asks once, and the queue is not one network's", async () => {
  const passwordHash = await hashPassword('a long password');
  const told: string[] = [];
  const signIn = new SignIn({
    configured: [],
    find: async (name) =>
      name === 'shop' ? { name, passwordHash, pools: ['marketing'], domains: [], rate: null } : undefined,
    now: () => performance.now(),
    log: (event, fields) => told.push(`${event} ${JSON.stringify(fields)}`),
  });
  const failed = () => told.filter((one) => one.startsWith('sign-in-failed')).length;
  const answers: Record<string, number> = {};
  const guess = (password: string, name: string, address: string) =>
    signIn.signIn(name, password, address).catch((error: { reply: number }) => {
      answers[error.reply] = (answers[error.reply] ?? 0) + 1;
    });
  // Each other network's place in the queue is kept, and whoever is right gets in.
  for (let n = 0; n < 40; n++) void guess(`guess ${n}`, 'shop', '203.0.113.1');
  for (let n = 0; n < 40; n++) void guess(`guess ${n}`, `user-${n}`, '2001:db8::1');
  const right = Array.from({ length: 100 }, () => signIn.signIn('shop', 'a long password', '198.51.100.7'));
  for (const one of await Promise.all(right)) assert.equal(one.name, 'shop', 'a hundred connections at once');
  await until('all guesses are answered or wait for their delay', () => (answers[454] ?? 0) + failed() === 80);
  // Two are checked at once: each may begin before the other is counted.
  const ofPair = told.filter((one) => one.startsWith('sign-in-failed') && one.includes('203.0.113.1')).length;
  assert.ok(ofPair >= SIGN_IN_LIMITS.perUser && ofPair <= SIGN_IN_LIMITS.perUser + 2, `${ofPair} guesses of 40`);
  assert.match(
    told.find((one) => one.startsWith('sign-ins-stopped')) ?? '',
    /"user":"shop","address":"203\.0\.113\.1"/,
  );
  assert.doesNotMatch(told.join(), /guess \d/, 'what was guessed is in no log');
});

test('swaks hands in mail as people do: STARTTLS, TLS from the first byte, AUTH, several recipients', async (context) => {
  const tls = certificate(databases.folder, 'swaks');
  const implicit: ExtraListener = { role: 'submission', host: '127.0.0.1', port: 0, tls: { ...tls, implicit: true } };
  const ways = await openWaysIn(context, databases, { submission: { tls }, injection: { listeners: [implicit] } });
  const { stdout } = await promisify(execFile)('swaks', [
    ...['--server', '127.0.0.1', '--port', String(ways.injection.submissionPort), '--tls', '--auth', 'LOGIN'],
    ...['--auth-user', 'shop', '--auth-password', 'secret', '--from', 'a@shop.example'],
    ...['--to', 'b@provider.example,c@provider.example', '--header', 'Subject: from swaks'],
    ...['--add-header', 'X-Rampart-Tenant: acme', '--body', 'Hello.\n.\nlast line'],
  ]);
  assert.match(stdout, /<~? +250 2\.0\.0 Ok: queued as/);
  const [stored] = await ways.stored();
  assert.deepEqual(stored?.rcpts, ['b@provider.example', 'c@provider.example']);
  assert.match(stored?.raw ?? '', /with ESMTPSA id[\s\S]*Hello\.\r\n\.\r\nlast line/);
  assert.doesNotMatch(stored?.raw ?? '', /X-Rampart/);
  const onConnect = await promisify(execFile)('swaks', [
    ...['--server', '127.0.0.1', '--port', String(ways.injection.listenerPorts[0]), '--tls-on-connect'],
    ...['--auth', 'PLAIN', '--auth-user', 'shop', '--auth-password', 'secret', '--from', 'a@shop.example'],
    ...['--to', 'b@provider.example', '--header', 'X-Rampart-Stream: transactional', '--pipeline'],
  ]);
  assert.match(onConnect.stdout, /<~? +250 2\.0\.0 Ok: queued as \d+\s/);
  assert.equal((await ways.stored()).length, 2);
});
