import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Notifier } from '../../mta/notifications/notifier.ts';
import { envelopeKey } from '../../store/recipient-key.ts';
import { EVERYWHERE, suppress } from '../../store/suppressions.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { plain, Raw } from './raw-client.ts';
import { type Sink, startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const at = (domain: string, ...names: string[]) => ({
  recipients: names.map((name) => ({ rcpt: `${name}@${domain}`, domain, provider: null })),
});

interface Told {
  readonly world: MailWorld;
  /** Takes the recipients' mail: `dead…` is refused, `busy…` deferred. */
  readonly sink: Sink;
  /** Takes what senders at shop.example get. */
  readonly shop: Sink;
}

async function tellingWorld(context: TestContext, start = true, dayLength?: number): Promise<Told> {
  const world = await MailWorld.start(context, databases, dayLength === undefined ? {} : { dayLength });
  const sink = await startSink('127.30.0.1', world.smtpPort, {
    rcpt: (rcpt) =>
      rcpt.startsWith('dead') ? '550 5.1.1 No such user' : rcpt.startsWith('busy') ? '451 4.3.2 Busy' : null,
  });
  const shop = await startSink('127.30.0.2', world.smtpPort);
  context.after(() => Promise.all([sink.stop(), shop.stop()]));
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  world.domain('shop.example', [['mx.shop.example', '127.30.0.2']]);
  await world.lane('127.31.1.1', 'other', 'warm');
  if (start) await world.mta('mta-1', { notifications: 'sender' });
  return { world, sink, shop };
}

async function asks(world: MailWorld, recipient: number, notify: string, over: Record<string, string> = {}) {
  await world.store.query(
    'insert into dsn_requests (recipient, notify, orcpt, ret, envid) values ($1, $2, $3, $4, $5)',
    [recipient, notify, over.orcpt ?? null, over.ret ?? null, over.envid ?? null],
  );
}

test('one notification tells the sender of all recipients that failed, from the null sender', async (context) => {
  const { world, shop } = await tellingWorld(context);
  await world.mail(1, at('provider.example', 'dead1', 'alive', 'dead2'));
  await until('the sender is told', () => shop.taken.length === 1);
  const [told] = shop.taken;
  assert.equal(told?.mailFrom, '');
  assert.equal(told?.rcpt, 'bounce@shop.example');
  for (const rcpt of ['dead1', 'dead2'])
    assert.match(told?.raw ?? '', new RegExp(`Final-Recipient: rfc822; ${rcpt}@provider`));
  assert.doesNotMatch(told?.raw ?? '', /Final-Recipient: rfc822; alive/);
  assert.match(
    told?.raw ?? '',
    /Status: 5\.1\.1\r\nRemote-MTA: dns; mx\.provider\.example\r\nDiagnostic-Code: smtp; 550 5\.1\.1 No such user\r\n/,
  );
  assert.match(told?.raw ?? '', /Content-Type: text\/rfc822-headers/);
  const { rows } = await world.store.query(`select stream, mail_from, pool from messages where mail_from = ''`);
  assert.deepEqual(rows, [{ stream: 'transactional', mail_from: '', pool: 'marketing' }]);
});

test('what expires is told; a null sender, an automatic answer and a probe are not', async (context) => {
  const { world, shop } = await tellingWorld(context, false);
  const silent = [
    ...(await world.mail(1, { ...at('provider.example', 'dead-null'), mailFrom: '' })),
    ...(await world.mail(1, {
      ...at('provider.example', 'dead-auto'),
      raw: Buffer.from('Auto-Submitted: auto-replied\r\nMessage-ID: <x@shop.example>\r\n\r\nAway.\r\n'),
    })),
    ...(await world.mail(1, { ...at('provider.example', 'dead-probe'), campaign: 'probe' })),
  ];
  const [late] = await world.mail(1, {
    ...at('provider.example', 'late'),
    // Due only later: nobody tries it before its time is over.
    notBefore: Date.now() + 3_600_000,
    expires: Date.now() - 1,
  });
  await world.mta('mta-1', { notifications: 'sender' });
  await until('all ended', async () => (await world.queue()).length === 0 && (await world.attempts()).length >= 5);
  await until('nothing is owed', async () => (await world.store.query('select from dsn_due')).rowCount === 0);
  await until('the one is told', () => shop.taken.length === 1);
  assert.match(
    shop.taken[0]?.raw ?? '',
    /Final-Recipient: rfc822; late@provider\.example\r\nAction: failed\r\nStatus: 4\.4\.7/,
  );
  const { rows } = await world.store.query('select recipient from dsn_sent where message is not null');
  assert.deepEqual(rows, [{ recipient: late }]);
  assert.equal((await world.attempts()).filter((one) => silent.includes(one.recipient)).length, 3);
});

test('NOTIFY decides: NEVER is silence, SUCCESS hears of success, FULL returns all (RFC 3461)', async (context) => {
  const { world, shop } = await tellingWorld(context, false);
  const ids = await world.mail(1, at('provider.example', 'dead-never', 'dead-success', 'good-quiet', 'good-asked'));
  for (const [n, notify] of ['NEVER', 'SUCCESS', 'FAILURE', 'SUCCESS,FAILURE'].entries()) {
    await asks(world, ids[n] ?? 0, notify, { envid: 'e+1', orcpt: 'rfc822;orig@old.example' });
  }
  const [full] = await world.mail(1, { ...at('provider.example', 'dead-full'), mailFrom: 'full@shop.example' });
  await asks(world, full ?? 0, 'FAILURE', { ret: 'FULL' });
  await world.mta('mta-1', { notifications: 'sender' });
  await until('two are told', () => shop.taken.length === 2);
  await until('nothing is owed', async () => (await world.store.query('select from dsn_due')).rowCount === 0);
  const success = shop.taken.find((one) => one.rcpt === 'bounce@shop.example')?.raw ?? '';
  assert.match(success, /Original-Envelope-Id: e\+1/);
  assert.match(success, /Original-Recipient: rfc822; orig@old\.example\r\nFinal-Recipient: rfc822; good-asked@/);
  assert.match(success, /Action: relayed\r\nStatus: 2\.0\.0/);
  assert.doesNotMatch(success, /good-quiet|dead-/);
  assert.match(
    shop.taken.find((one) => one.rcpt === 'full@shop.example')?.raw ?? '',
    /Content-Type: message\/rfc822[\s\S]*Hello\./,
  );
  const left = await world.store.query(`select from dsn_requests where notify like '%SUCCESS%'`);
  assert.equal(left.rowCount, 0, 'nobody looks for them again');
});

test('a delay is told after four hours, once, and only to who asked', async (context) => {
  // A day of 30 s: four plan hours are 5 s.
  const { world, shop } = await tellingWorld(context, false, 30_000);
  // Started first: on a busy machine that alone may take longer than the four hours.
  await world.mta('mta-1', { notifications: 'sender' });
  const ids = await world.mail(1, at('provider.example', 'busy1', 'busy2'));
  await asks(world, ids[0] ?? 0, 'DELAY');
  await until('the delay is told', () => shop.taken.length === 1);
  await sleep(2_500);
  assert.equal(shop.taken.length, 1, shop.taken[1]?.raw);
  const raw = shop.taken[0]?.raw ?? '';
  assert.match(raw, /Final-Recipient: rfc822; busy1@provider\.example\r\nAction: delayed\r\nStatus: 4\.3\.2/);
  assert.match(raw, /Will-Retry-Until: /);
  assert.doesNotMatch(raw, /busy2/);
});

test('who asked for success over SMTP gets the header back, though the message itself is gone', async (context) => {
  const { world, shop } = await tellingWorld(context, false);
  const { ready } = await world.mta('mta-1', { notifications: 'sender' });
  const client = await Raw.greeted('127.0.0.1', ready.submissionPort ?? 0);
  context.after(() => client.close());
  await client.all('EHLO client', plain('shop', 'secret'), 'MAIL FROM:<bounce@shop.example> RET=HDRS ENVID=e-7');
  await client.all('RCPT TO:<anna@provider.example> NOTIFY=SUCCESS', 'DATA');
  const text = 'From: <a@shop.example>\r\nMessage-ID: <asked@shop.example>\r\nSubject: asked\r\n\r\nThe body.';
  assert.match(await client.data(text), /^250 /);
  await until('the sender is told', () => shop.taken.length === 1);
  const raw = shop.taken[0]?.raw ?? '';
  assert.match(raw, /Original-Envelope-Id: e-7\r\n/);
  assert.match(
    raw,
    /Action: relayed\r\nStatus: 2\.0\.0\r\nRemote-MTA: dns; mx\.provider\.example\r\nDiagnostic-Code: smtp; 250 /,
  );
  assert.match(raw, /Content-Type: text\/rfc822-headers\r\n\r\n[\s\S]*Subject: asked\r\n/);
  assert.doesNotMatch(raw, /The body|\[in clear\]/);
});

test('who asked for success hears that an upstream took it, and which one', async (context) => {
  const { world } = await tellingWorld(context, false);
  const [id] = await world.mail(1, { mailFrom: 'sender@shop.example' });
  await asks(world, id ?? 0, 'SUCCESS');
  await world.store.query(
    `insert into attempts (recipient, message, provider, at, number, unit, severity, class, scope, rule, reply, host, final,
       campaign, tenant, probe, process, rcpt)
     select q.id, q.message, 'upstream', now(), 1, false, 'relayed', 'other', 'message', 'relayed', '250 2.0.0 Ok: queued',
       'smtp.old.example:587', true, campaign, tenant, false, 'p', rcpt from queue q`,
  );
  const parts = { host: 'mta.example', bounceDomain: undefined, who: 'sender', planMs: (ms: number) => ms } as const;
  assert.equal(await new Notifier({ ...parts, store: world.store, now: Date.now }).notify(), 1);
  const { rows } = await world.store.query(
    `select b.raw from bodies b join messages m on m.body_id = b.id where m.mail_from = ''`,
  );
  const raw = String(rows[0]?.raw);
  assert.match(
    raw,
    /Action: relayed\r\nStatus: 2\.0\.0\r\nRemote-MTA: dns; smtp\.old\.example\r\nDiagnostic-Code: smtp; 250 /,
  );
  assert.match(raw, /Subject: hello\r\n/);
});

test('words that are ours are not told as an answer of a server; an expired message names who deferred it', async (context) => {
  const { world, shop } = await tellingWorld(context, false);
  const recipients = at('provider.example', 'anna').recipients;
  await suppress(world.store, [
    {
      key: envelopeKey('anna@provider.example'),
      recipient: 'anna@provider.example',
      scope: EVERYWHERE,
      streams: 'all',
      source: 'manual',
      reason: 'asked by phone',
      actor: 'ann',
    },
  ]);
  await world.mail(1, { recipients, mailFrom: 'one@shop.example' });
  const [busy] = await world.mail(1, { ...at('provider.example', 'busy'), mailFrom: 'two@shop.example' });
  await world.mta('mta-1', { notifications: 'sender' });
  await until('it was deferred', async () => (await world.attempts()).some((one) => one.recipient === busy));
  await world.store.query('update queue set expires = now()');
  await until('both are told', () => shop.taken.length === 2);
  const [ours, theirs] = ['one', 'two'].map((name) => shop.taken.find((one) => one.rcpt.startsWith(name))?.raw ?? '');
  assert.match(ours ?? '', /Diagnostic-Code: x-rampart; 550 5\.7\.1 Recipient is on the suppression list/);
  assert.doesNotMatch(ours ?? '', /Remote-MTA/);
  assert.match(
    theirs ?? '',
    /Status: 4\.4\.7\r\nRemote-MTA: dns; mx\.provider\.example\r\nDiagnostic-Code: smtp; 451 4\.3\.2 Busy\r\n/,
  );
});

test('processes that look at once make each notification once', async (context) => {
  const { world } = await tellingWorld(context, false);
  const ids = await world.mail(20, { mailFrom: 'sender@shop.example' });
  await world.store.query(
    `insert into attempts (recipient, message, provider, at, number, unit, severity, class, scope, rule, reply, final,
       campaign, tenant, probe, process, rcpt)
     select q.id, q.message, 'other', now(), 1, true, 'hard', 'recipient', 'recipient', 'x', '550 5.1.1 no', true,
       campaign, tenant, false, 'p', rcpt from queue q`,
  );
  const parts = {
    store: world.store,
    host: 'mta.example',
    bounceDomain: 'bounces.example',
    who: 'sender',
    now: Date.now,
    planMs: (ms: number) => ms,
  } as const;
  const made = await Promise.all([1, 2, 3, 4].map(() => new Notifier(parts).notify()));
  assert.equal(
    made.reduce((sum, one) => sum + one, 0),
    ids.length,
  );
  assert.equal((await world.store.query(`select from messages where mail_from = ''`)).rowCount, ids.length);
  assert.equal((await world.store.query('select from dsn_sent where message is not null')).rowCount, ids.length);
  assert.equal(await new Notifier(parts).notify(), 0);
});

test('a notification whose spool fails is not marked as made', async (context) => {
  const { world } = await tellingWorld(context, false);
  await world.mail(1, { mailFrom: 'sender@shop.example', expires: Date.now() - 1 });
  const parts = {
    store: world.store,
    host: 'mta.example',
    bounceDomain: undefined,
    who: 'sender',
    planMs: () => 0,
  } as const;
  const mta = await world.mta();
  await until('it expired', async () => (await world.attempts()).length === 1);
  await mta.process.stop();
  await world.store.query(
    `insert into dsn_due select recipient, message, (select body_id from messages limit 1), rcpt, severity, class, reply, at
     from attempts on conflict do nothing`,
  );
  await world.store.query('alter table queue add constraint full_disk check (stream <> $$transactional$$)');
  await assert.rejects(new Notifier({ ...parts, now: Date.now }).notify(), /full_disk/);
  assert.equal((await world.store.query('select from dsn_sent')).rowCount, 0);
  await world.store.query('alter table queue drop constraint full_disk');
  assert.equal(await new Notifier({ ...parts, now: Date.now }).notify(), 1);
});

test('kill -9 at random points: each failure is told exactly once, and each dead address is suppressed', async (context) => {
  const { world, sink, shop } = await tellingWorld(context, false);
  const count = 150;
  const names = Array.from({ length: count }, (_, n) => `dead-${n}`);
  for (const name of names) await world.mail(1, at('provider.example', name));
  for (let kill = 0; kill < 4; kill++) {
    const { process: role } = await world.mta(`mta-${kill}`, { notifications: 'sender' });
    const before = sink.rcpts.length;
    await until('some bounced', () => sink.rcpts.length >= Math.min(count, before + 20));
    await sleep(Math.random() * 600);
    if (role.pid !== undefined) process.kill(role.pid, 'SIGKILL');
  }
  await world.mta('mta-last', { notifications: 'sender' });
  const told = async () => (await world.store.query(`select from dsn_sent where message is not null`)).rowCount;
  await until('all are told', async () => (await told()) === count, 60_000);
  await until('all is settled', async () => (await world.queue()).length === 0, 60_000);
  const { rows } = await world.store.query(
    `select (select count(*) from messages where mail_from = '')::int as notifications, (select count(*) from dsn_due)::int as owed,
       (select count(*) from dead_found)::int as unsettled, (select count(*) from suppressions)::int as suppressed`,
  );
  assert.deepEqual(rows, [{ notifications: count, owed: 0, unsettled: 0, suppressed: count }]);
  const heard = new Set(shop.taken.map((one) => /Final-Recipient: rfc822; (\S+)@/.exec(one.raw)?.[1]));
  assert.deepEqual([...heard].toSorted(), names.toSorted());
});
