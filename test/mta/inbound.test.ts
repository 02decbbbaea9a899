import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startInbound } from '../../mta/feedback/inbound.ts';
import { ReadingBudget } from '../../mta/injection/reading-budget.ts';
import type { MtaSettings } from '../../mta/settings.ts';
import { verp } from '../../policy/trace.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, TRACE_KEY, until } from './mail-world.ts';
import { Raw } from './raw-client.ts';
import { bounceMail, type Failure } from './report-mail.ts';
import { BOUNCES, FEEDBACK, type Reported, reportedWorld } from './reported-world.ts';

const databases = await startDatabases();
after(() => databases.stop());

const dead = (recipient: string): Failure => ({
  recipient,
  action: 'failed',
  status: '5.1.1',
  diagnostic: '550 5.1.1 User unknown',
});
const full = (recipient: string): Failure => ({
  recipient,
  action: 'failed',
  status: '5.2.2',
  diagnostic: '552 5.2.2 Mailbox full',
});

async function late({ world }: Reported) {
  const { rows } = await world.store.query(
    `select recipient, host(address) as address, provider, severity from late_bounces order by recipient`,
  );
  return rows;
}

test('a bounce that comes back to a return path lands on its delivery and binds the tenant that sent it', async (context) => {
  const reported = await reportedWorld(context, databases, 3);
  const { ids, send, suppressed, unverified } = reported;
  const path = (n: number) => verp(ids[n] ?? 0, BOUNCES, TRACE_KEY);
  assert.equal(await send(bounceMail([dead('r0@provider.example')]), path(0)), 250);
  assert.equal(await send(bounceMail([dead('r0@provider.example')]), path(0)), 250, 'twice is once');
  assert.equal(await send(bounceMail([full('r1@provider.example')]), path(1)), 250);
  // The holder of a valid token names somebody else: the token's own recipient is meant, nobody else.
  assert.equal(await send(bounceMail([dead('victim@provider.example')]), path(2)), 250);
  const other = { address: '127.31.1.1', provider: 'other' };
  assert.deepEqual(await late(reported), [
    { recipient: ids[0], ...other, severity: 'hard' },
    { recipient: ids[1], ...other, severity: 'soft' },
    { recipient: ids[2], ...other, severity: 'hard' },
  ]);
  assert.deepEqual(
    await suppressed(),
    [0, 2].map((n) => `r${n}@provider.example tenant shop all hard-bounce`),
  );
  assert.deepEqual(await unverified(), []);
  assert.equal(await send(bounceMail([dead('r1@provider.example')]), path(1)), 250);
  assert.equal((await late(reported))[1]?.severity, 'hard', 'a hard one replaces a soft one');
});

test('forged and foreign bounces are kept and suppress nobody; other mailboxes do not exist', async (context) => {
  const reported = await reportedWorld(context, databases, 1);
  const { ids, send, suppressed, unverified } = reported;
  const id = ids[0] ?? 0;
  const bounce = bounceMail([dead('r0@provider.example')]);
  assert.equal(await send(bounce, verp(id, BOUNCES, 'another key')), 250);
  assert.equal(await send(bounce, verp(id + 999, BOUNCES, TRACE_KEY)), 250);
  assert.equal(await send(bounce, FEEDBACK), 250);
  assert.equal(await send('Subject: hello\r\n\r\nDear postmaster\r\n', `Postmaster@${BOUNCES}`), 250);
  assert.equal(await send(bounce, `sales@${BOUNCES}`), 550);
  assert.equal(await send(bounce, verp(id, 'elsewhere.example', TRACE_KEY)), 550);
  assert.deepEqual(await late(reported), []);
  assert.deepEqual(await suppressed(), []);
  assert.deepEqual(await unverified(), ['no-valid-trace', 'no-such-delivery', 'no-valid-trace', 'not-a-report']);
});

test('delays and automatic replies are counted, and nothing else', async (context) => {
  const reported = await reportedWorld(context, databases, 1);
  const { world, ids, send, suppressed, unverified } = reported;
  const path = verp(ids[0] ?? 0, BOUNCES, TRACE_KEY);
  const delayed = { ...dead('r0@provider.example'), action: 'delayed', status: '4.4.1' } as const;
  assert.equal(await send(bounceMail([delayed]), path), 250);
  const away = 'Auto-Submitted: auto-replied\r\nSubject: Out of office\r\n\r\nI am away until Monday.\r\n';
  assert.equal(await send(away, path, 'r0@provider.example'), 250);
  assert.deepEqual(await late(reported), []);
  assert.deepEqual(await suppressed(), []);
  assert.deepEqual(await unverified(), []);
  const { rows } = await world.store.query('select kind, outcome, n from report_counts order by kind');
  assert.deepEqual(rows, [
    { kind: 'auto-reply', outcome: 'counted', n: 1 },
    { kind: 'delay', outcome: 'counted', n: 1 },
  ]);
});

test('a report that returns a large message is read to the end and still understood', async (context) => {
  const reported = await reportedWorld(context, databases, 1, [], {
    submission: { host: '127.0.0.1', port: 0, maxBytes: 6_000_000, users: [] },
  });
  const { ids, send } = reported;
  const bounce = bounceMail([dead('r0@provider.example')]) + `${'x'.repeat(998)}\r\n`.repeat(5_000);
  assert.equal(await send(bounce, verp(ids[0] ?? 0, BOUNCES, TRACE_KEY)), 250);
  assert.equal((await late(reported)).length, 1);
});

test('words with control characters, or cut in the middle of one, are stored all the same', async (context) => {
  const reported = await reportedWorld(context, databases, 2);
  const { world, ids, send, suppressed } = reported;
  for (const [n, at] of [1_996, 1_999].entries()) {
    // Of so long a reply a part is kept; one of the two is cut between the halves of a letter.
    const reply = `550 5.1.1 \x1b[31m${'a'.repeat(n)}${'\u{1f600}'.repeat(at)} user unknown`;
    const bounce = bounceMail([{ ...dead(`r${n}@provider.example`), diagnostic: reply }]);
    const text = Buffer.from(bounce).toString('utf8');
    assert.equal(await send(text, verp(ids[n] ?? 0, BOUNCES, TRACE_KEY)), 250);
  }
  assert.equal((await suppressed()).length, 2);
  const { rows } = await world.store.query('select reply, detail::text from late_bounces');
  for (const { reply, detail } of rows) assert.doesNotMatch(reply + detail, /\p{Cc}|\\u00/u);
});

test('250 means stored: while the store refuses, the reporter is told to come again, and then it counts', async (context) => {
  const reported = await reportedWorld(context, databases, 1);
  const { world, ids, send, suppressed } = reported;
  const path = verp(ids[0] ?? 0, BOUNCES, TRACE_KEY);
  await world.store.query('alter table suppressions add constraint disk_full check (false) not valid');
  assert.equal(await send(bounceMail([dead('r0@provider.example')]), path), 451);
  assert.deepEqual(await late(reported), [], 'all of it or nothing');
  assert.equal((await world.store.query('select from report_counts')).rowCount, 0);
  await world.store.query('alter table suppressions drop constraint disk_full');
  assert.equal(await send(bounceMail([dead('r0@provider.example')]), path), 250);
  assert.equal((await late(reported)).length, 1);
  assert.equal((await suppressed()).length, 1);
});

test('reports under way share one bounded memory: who finds it full is told to come again', async (context) => {
  const world = await MailWorld.start(context, databases);
  const inbound = { host: '127.0.0.1', port: 0, feedbackAddresses: [FEEDBACK] };
  const settings = { ...world.settings({ inbound }), name: 'mta-1', node: 'node', databaseUrl: '', log: () => {} };
  const reading = new ReadingBudget(100_000);
  const listening = await startInbound(settings as MtaSettings, world.store, inbound, reading);
  context.after(() => listening.stop());
  const begin = async () => {
    const client = await Raw.greeted('127.0.0.1', listening.port);
    context.after(() => client.close());
    await client.all('EHLO mx', 'MAIL FROM:<>', `RCPT TO:<${FEEDBACK}>`, 'DATA');
    return client;
  };
  const lines = `${'x'.repeat(98)}\r\n`;
  const slow = await begin();
  slow.write(`Subject: slow\r\n\r\n${lines.repeat(700)}`);
  await until('most of it is kept', () => reading.used > 60_000);
  const second = await begin();
  assert.match(await second.data(`Subject: late\r\n\r\n${lines.repeat(700)}`), /^452 4\.3\.1 /);
  assert.match(await slow.data('the end'), /^250 /);
  await second.all('MAIL FROM:<>', `RCPT TO:<${FEEDBACK}>`, 'DATA');
  assert.match(await second.data(`Subject: again\r\n\r\n${lines.repeat(700)}`), /^250 /);
  assert.equal(reading.used, 0, 'all of it is free again');
});

test('the sender hears of a bounce that came to our return path in place of theirs', async (context) => {
  const reported = await reportedWorld(context, databases, 1, [], { notifications: 'sender' });
  const { world, sink, ids, send } = reported;
  world.domain('shop.example', [['mx.shop.example', '127.30.0.1']]);
  assert.equal(await send(bounceMail([dead('somebody@forward.example')]), verp(ids[0] ?? 0, BOUNCES, TRACE_KEY)), 250);
  await until('the sender is told', () => sink.taken.some((one) => one.rcpt === 'bounce@shop.example'));
  const told = sink.taken.find((one) => one.rcpt === 'bounce@shop.example');
  assert.equal(told?.mailFrom, '');
  assert.match(told?.raw ?? '', /Final-Recipient: rfc822; R0@provider\.example\r\nAction: failed\r\nStatus: 5\.1\.1/);
  assert.doesNotMatch(
    told?.raw ?? '',
    /forward\.example/,
    'where the recipient has their mail sent on is their affair',
  );
});
