import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { DeadAddresses } from '../../mta/suppression/dead-addresses.ts';
import { envelopeKey } from '../../store/recipient-key.ts';
import { type SpoolMessage, spool } from '../../store/spool.ts';
import {
  EVERYWHERE,
  type SuppressionScope,
  suppress,
  suppressionEntries,
  suppressionPage,
} from '../../store/suppressions.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, POOL, until } from './mail-world.ts';
import { plain, Raw } from './raw-client.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

function to(rcpt: string) {
  return { recipients: [{ rcpt, domain: 'provider.example', provider: null }] };
}

test('a hard bounce suppresses its recipient for everybody; what waits for them ends unsent', async (context) => {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink('127.30.0.1', world.smtpPort, {
    rcpt: (rcpt) =>
      rcpt.startsWith('Dead')
        ? '550 5.1.1 No such user here'
        : rcpt.startsWith('full')
          ? '552 5.2.2 Mailbox full'
          : null,
  });
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.lane('127.31.1.1', 'other', 'warm');
  await world.mail(1, to('Dead@provider.example'));
  await world.mail(1, to('full@provider.example'));
  await world.mail(1, to('alive@provider.example'));
  // Accepted before the bounce, due after it.
  const [waiting] = await world.mail(1, { ...to('dead@PROVIDER.example'), notBefore: Date.now() + 3_600_000 });
  await world.mta('mta-1');
  await until(
    'the bounce suppresses',
    async () => (await suppressionEntries(world.store, ['dead@provider.example'])).size === 1,
  );
  await until('the living one has it', () => sink.taken.length === 1);
  const [entry] = await suppressionPage(world.store, {}, 0, 10);
  assert.deepEqual(
    [entry?.recipient, entry?.scope, entry?.streams, entry?.source, entry?.until],
    ['dead@provider.example', 'global', 'all', 'hard-bounce', null],
  );
  assert.match(entry?.reason ?? '', /5\.1\.1 No such user here/);
  await world.store.query('update queue set due = now() where id = $1', [waiting]);
  const ended = async () => (await world.attempts()).find((one) => one.recipient === waiting);
  await until('the waiting mail ends', async () => (await ended()) !== undefined);
  const { severity, class: kind, rule, final, unit, reply } = (await ended()) ?? {};
  assert.deepEqual([severity, kind, rule, final, unit], ['soft', 'recipient', 'suppressed', true, false]);
  assert.match(reply ?? '', /^550 5\.7\.1 .*suppression list.*hard-bounce/);
  assert.equal(sink.rcpts.filter((one) => one.rcpt.toLowerCase() === 'dead@provider.example').length, 1);
  assert.equal((await suppressionPage(world.store, {}, 0, 10)).length, 1, 'a full mailbox is no dead one');
});

test('whoever is suppressed while their mail is committed gets none of it, place or no place', async (context) => {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink('127.30.0.1', world.smtpPort);
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.lane('127.31.1.1', 'other', 'warm');
  const { ready } = await world.mta('mta-1');
  const client = await Raw.greeted('127.0.0.1', ready.submissionPort ?? 0);
  context.after(() => client.close());
  await client.all('EHLO client', plain('shop', 'secret'));
  const text = 'From: <a@shop.example>\r\nMessage-ID: <1@shop.example>\r\nSubject: hello\r\n\r\nHello.';
  const begin = (...names: string[]) =>
    client.all('MAIL FROM:<a@shop.example>', ...names.map((one) => `RCPT TO:<${one}@provider.example>`), 'DATA');
  // The way is known and free from here on: mail gets its place before it is committed.
  await begin('first');
  assert.match(await client.data(text), /^250 /);
  await until('the first is delivered', () => sink.taken.length === 1);
  const stored = await world.store.connect();
  await stored.query('begin; lock table bodies in share mode');
  await begin('anna', 'ben');
  const answer = client.data(text);
  await until('its commit waits', async () => {
    const { rows } = await world.store.query(`select from pg_stat_activity where wait_event_type = 'Lock'`);
    return rows.length > 0;
  });
  const entry = {
    scope: EVERYWHERE,
    streams: 'all',
    source: 'manual',
    reason: 'asked by phone',
    actor: 'ann',
  } as const;
  const recipient = 'anna@provider.example';
  await suppress(world.store, [{ ...entry, recipient, key: envelopeKey(recipient) }]);
  await stored.query('commit');
  stored.release();
  assert.match(await answer, /^250 /);
  await until('both are finished', async () => (await world.queue()).length === 0);
  assert.deepEqual(sink.rcpts.map((one) => one.rcpt).toSorted(), ['ben@provider.example', 'first@provider.example']);
  assert.deepEqual((await world.attempts()).map((one) => one.rule === 'suppressed').toSorted(), [false, false, true]);
});

test('a place is kept by what is not suppressed for its pool, tenant and stream', async (context) => {
  const world = await MailWorld.start(context, databases);
  const entry = { source: 'manual', reason: 'x', actor: 'ann' } as const;
  const add = (name: string, scope: SuppressionScope, streams: 'all' | 'marketing', until: number | null = null) => {
    const recipient = `${name}@provider.example`;
    return suppress(world.store, [{ ...entry, recipient, key: envelopeKey(recipient), scope, streams, until }]);
  };
  await add('everywhere', EVERYWHERE, 'all');
  await add('of-pool', { kind: 'pool', target: POOL }, 'all');
  await add('of-tenant', { kind: 'tenant', target: 'default' }, 'all');
  await add('marketing', EVERYWHERE, 'marketing');
  await add('other-pool', { kind: 'pool', target: 'other' }, 'all');
  await add('other-tenant', { kind: 'tenant', target: 'other' }, 'all');
  await add('over', EVERYWHERE, 'all', Date.now() - 1_000);
  const names = ['everywhere', 'of-pool', 'of-tenant', 'marketing', 'other-pool', 'other-tenant', 'over', 'nobody'];
  const claimed = async (stream: 'marketing' | 'transactional') => {
    const message: SpoolMessage = {
      ...{ raw: Buffer.from('\r\n'), messageId: `<${stream}@x>`, mailFrom: '', pool: POOL, tenant: 'default', stream },
      ...{ segment: 'all', campaign: '', expires: Date.now() + 60_000 },
      recipients: names.map((name) => ({
        rcpt: `${name.toUpperCase()}@Provider.example`,
        domain: 'provider.example',
        provider: 'other',
      })),
    };
    const [stored] = await spool(world.store, [message], randomUUID(), {
      process: 'p',
      taken: [names.map((name) => name !== 'nobody')],
    });
    const { rows } = await world.store.query('select claim from queue where message = $1 order by id', [
      stored?.message,
    ]);
    assert.deepEqual(rows.map((row) => row.claim === 'p'), stored?.claimed); // biome-ignore format: short
    return names.filter((_, n) => stored?.claimed[n]);
  };
  assert.deepEqual(await claimed('marketing'), ['other-pool', 'other-tenant', 'over']);
  assert.deepEqual(await claimed('transactional'), ['marketing', 'other-pool', 'other-tenant', 'over']);
});

test('mail of other tenants and streams goes on when one tenant may not write', async (context) => {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink('127.30.0.1', world.smtpPort);
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.lane('127.31.1.1', 'other', 'warm');
  const rcpt = 'anna@provider.example';
  const entry = {
    key: envelopeKey(rcpt),
    recipient: rcpt,
    source: 'complaint',
    reason: 'abuse',
    actor: 'mta',
  } as const;
  await suppress(world.store, [{ ...entry, scope: { kind: 'tenant', target: 'shop' }, streams: 'marketing' }]);
  const ids = [
    ...(await world.mail(1, { ...to(rcpt), tenant: 'shop' })),
    ...(await world.mail(1, { ...to(rcpt), tenant: 'shop', stream: 'transactional' })),
    ...(await world.mail(1, { ...to(rcpt), tenant: 'other' })),
  ];
  await world.mta();
  await until('all ended', async () => (await world.attempts()).length === 3);
  const ends = new Map((await world.attempts()).map((one) => [one.recipient, one.rule]));
  assert.deepEqual(
    ids.map((id) => ends.get(id) === 'suppressed'),
    [true, false, false],
  );
  assert.equal(sink.taken.length, 2);
});

test('a provider that calls everybody dead is not believed: entries are provisional and its lanes hold', async (context) => {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink('127.30.0.1', world.smtpPort, { rcpt: () => '550 5.1.1 No such user here' });
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.lane('127.31.1.1', 'other', 'warm', 10_000);
  await world.lane('127.31.1.2', 'google', 'warm', 10_000);
  await world.mail(1_500, {});
  await world.mta('mta-1');
  const holds = async () =>
    (await world.store.query(`select target, cause, until is not null as ends from holds where cleared_at is null`))
      .rows;
  await until('the lane holds', async () => (await holds()).length > 0, 60_000);
  assert.deepEqual(await holds(), [{ target: '127.31.1.1 other', cause: 'gate:dead-addresses', ends: true }]);
  await until('what was on its way has ended', async () => (await world.queue()).every((row) => row.claim === null));
  await until('all is settled', async () => (await world.store.query('select from dead_found')).rowCount === 0);
  assert.ok((await world.queue()).length > 0, 'the rest waits for the provider to come to itself');
  const pages = await suppressionPage(world.store, {}, 0, 5_000);
  assert.equal(pages.length, (await world.attempts()).length);
  assert.ok(
    pages.every((row) => row.until !== null),
    'also those from before anybody noticed',
  );
});

test('a campaign that is as dead at other providers is believed: its recipients are suppressed for good', async (context) => {
  const world = await MailWorld.start(context, databases);
  const { store } = world;
  const parts = { store, now: Date.now, planMs: (ms: number) => ms, log: () => {} };
  const bounced = (provider: string, campaign: string, attempts: number, hard: number, minutesAgo: number) =>
    store.query(
      `insert into rollups (address, provider, campaign, bucket, attempts, hard)
       values ('127.31.1.1', $1, $2, date_bin('1 minute', now(), 'epoch') - make_interval(mins => $3), $4, $5)`,
      [provider, campaign, minutesAgo, attempts, hard],
    );
  const found = (n: number, provider: string) =>
    store.query(
      `insert into dead_found values ($1::bigint, 'r' || $1::bigint || '@x.example', '127.31.1.1', $2, '550 5.1.1 no', now())`,
      [n, provider],
    );
  const ends = async () => (await suppressionPage(store, {}, 0, 100)).map((row) => [row.recipient, row.until !== null]);
  await bounced('google', 'winback', 400, 200, 5);
  await bounced('google', 'news', 400, 2, 6);
  await bounced('yahoo', 'winback', 300, 150, 5);
  await found(1, 'google');
  await new DeadAddresses(parts).settle();
  assert.deepEqual(await ends(), [['r1@x.example', false]]);
  await store.query(`update rollups set hard = 3 where provider = 'yahoo'`);
  await found(2, 'google');
  await new DeadAddresses(parts).settle();
  assert.deepEqual(await ends(), [
    ['r1@x.example', true],
    ['r2@x.example', true],
  ]);
  // A new window begins when the hold ends; its bad hours are no baseline either.
  await store.query(`update holds set until = now() - interval '1 minute', evidence = evidence || '{"from": 0}'`);
  await bounced('google', 'news', 600, 3, 0);
  await found(3, 'google');
  await new DeadAddresses(parts).settle();
  assert.deepEqual((await ends())[2], ['r3@x.example', false]);
});
