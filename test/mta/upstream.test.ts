import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { startPostfix } from '../../bench/engines/postfix.ts';
import { SmtpClient } from '../../lab/smtp-client.ts';
import type { UpstreamSettings } from '../../mta/upstream/settings.ts';
import { recipientOf } from '../../policy/trace.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { clearHolds, placeHold } from '../../store/holds.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, TRACE_KEY, until } from './mail-world.ts';
import { startScripted, startSink, usual } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const UPSTREAM = '127.30.3.1';
const SECOND = '127.30.3.2';

type Change = Partial<UpstreamSettings>;

/** A world whose only way out is an upstream, and an MTA process that serves it. */
async function legacy(
  context: Parameters<typeof MailWorld.start>[0],
  change: Change | ((port: number) => Change) = {},
) {
  const world = await MailWorld.start(context, databases);
  const port = await freePort();
  const more = typeof change === 'function' ? change(port) : change;
  const base = { pool: 'legacy', hosts: [{ host: UPSTREAM, port }], tls: 'none', connections: 4 } as const;
  const upstream: UpstreamSettings = { ...base, messagesPerConnection: 20, ...more };
  await world.pool('legacy', 'warm-peers', [`${UPSTREAM}:${port}`]);
  const users = [{ name: 'shop', password: 'secret', pools: ['legacy'] }];
  const start = (name = 'mta-1') =>
    world.mta(name, {
      submission: { host: '127.0.0.1', port: 0, maxBytes: 1_000_000, users },
      upstreams: [upstream],
      bounceDomain: 'bounces.shop.example',
    });
  return { world, port, start };
}

/** As an older engine's application wrote it: folded headers, odd case, no Message-ID, no Date, dots and long lines. */
const OLD_MESSAGE = [
  'X-virtual-MTA: pool-7',
  'X-job: spring-sale',
  'X-Rampart-Campaign: spring',
  'from:   "Shop"  <a@shop.example>',
  'Subject: an old',
  '\tfolded subject',
  'List-Unsubscribe: <https://shop.example/u/1>',
  'X-Empty:',
  '',
  '.a line that begins with a dot',
  '..and one with two',
  '  trailing spaces   ',
  `${'x'.repeat(900)}`,
  'Grüße in acht Bit',
  '',
  '',
].join('\r\n');

/** What was handed in, as it must come out: without our control headers. */
const EXPECTED = OLD_MESSAGE.replace('X-Rampart-Campaign: spring\r\n', '');

/** The message without the Received lines in front of it, and how many of them are by us. */
function withoutReceived(raw: string): { readonly rest: string; readonly ours: number } {
  const lines = /^(?:Received:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*)+/i.exec(raw)?.[0] ?? '';
  return {
    rest: raw.slice(lines.length),
    ours: lines.split(/^Received:/im).filter((one) => /by mta\.example/.test(one)).length,
  };
}

async function handIn(port: number, text: string, to = 'reader@provider.example'): Promise<string> {
  const client = new SmtpClient({ host: '127.0.0.1', port, user: 'shop', password: 'secret' });
  try {
    const result = await client.send('Bounce+Tag=1@shop.example', to, text);
    return result.kind === 'answered' ? result.text : result.kind;
  } finally {
    client.close();
  }
}

const postfixHere = process.getuid?.() === 0 && existsSync('/usr/sbin/postfix');

describe('an upstream', { concurrency: 2 }, () => {
  test('mail goes on byte for byte through a real Postfix, with its own MAIL FROM and one Received line', {
    skip: postfixHere ? false : 'needs Postfix, as root: setup/setup.sh --lab',
  }, async (context) => {
    const world = await MailWorld.start(context, databases);
    const sinkPort = await freePort();
    const sink = await startSink(UPSTREAM, sinkPort);
    // It must not mend what it takes from this machine: then what arrives is what we sent, and one more Received line.
    const postfix = await startPostfix(
      { ip: UPSTREAM, port: sinkPort, domain: 'provider.example' },
      { local_header_rewrite_clients: '' },
    );
    context.after(() => Promise.all([sink.stop(), postfix.stop()]));
    await world.pool('legacy', 'warm-peers', [`127.0.0.1:${postfix.port}`]);
    const users = [{ name: 'shop', password: 'secret', pools: ['legacy'] }];
    const { ready } = await world.mta('mta-1', {
      submission: { host: '127.0.0.1', port: 0, maxBytes: 1_000_000, users },
      upstreams: [
        {
          pool: 'legacy',
          hosts: [{ host: '127.0.0.1', port: postfix.port }],
          tls: 'opportunistic',
          connections: 2,
          messagesPerConnection: 10,
        },
      ],
      bounceDomain: 'bounces.shop.example',
    });
    assert.match(await handIn(ready.submissionPort ?? 0, OLD_MESSAGE), /^250 /);
    await until('it arrives', () => sink.taken.length === 1);
    const [taken] = sink.taken;
    const { rest, ours } = withoutReceived(taken?.raw ?? '');
    assert.equal(rest, Buffer.from(EXPECTED).toString('latin1'));
    assert.equal(ours, 1);
    assert.equal(taken?.mailFrom, 'Bounce+Tag=1@shop.example', 'no VERP');
    await until('it is recorded', async () => (await world.attempts()).length === 1);
    const [attempt] = await world.attempts();
    assert.deepEqual(
      [attempt?.severity, attempt?.address, attempt?.unit, attempt?.final],
      ['relayed', null, false, true],
    );
    assert.match(attempt?.reply ?? '', /^250 2\.0\.0 Ok: queued as [^ ]+$/);
    assert.deepEqual([attempt?.host, attempt?.tls], [`127.0.0.1:${postfix.port}`, 'in clear']);
    for (const table of ['rollups', 'grants', 'queue'])
      assert.equal((await world.store.query(`select from ${table}`)).rows.length, 0, table);
  });

  test('with `trace` the header that its reports join by goes before what was handed in, and nothing else', async (context) => {
    const { world, port, start } = await legacy(context, { trace: true });
    const sink = await startSink(UPSTREAM, port);
    context.after(() => sink.stop());
    const [recipient] = await world.mail(1, { pool: 'legacy' });
    await start();
    await until('it arrives', () => sink.taken.length === 1);
    const [first = '', ...rest] = sink.taken[0]?.raw.split('\r\n') ?? [];
    assert.match(first, /^X-Rampart-Trace: /);
    assert.equal(recipientOf(first, TRACE_KEY), recipient);
    assert.match(rest[0] ?? '', /^Message-ID: /);
  });

  test('it signs in, and a host that is not there or does not let us in is passed over', async (context) => {
    const seen: string[] = [];
    const port = await freePort();
    const server = new SMTPServer({
      authMethods: ['PLAIN', 'LOGIN'],
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        username === 'rampart' && password === 'hush' ? done(null, { user: username }) : done(new Error('who are you')),
      onData: (stream, session, done) => {
        stream.resume().on('end', () => {
          seen.push(`${session.user} ${session.envelope.rcptTo[0]?.address}`);
          done();
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(port, SECOND, () => resolve()));
    const picky = await startSink(UPSTREAM, port); // speaks no AUTH at all
    context.after(() => Promise.all([picky.stop(), new Promise((resolve) => server.close(() => resolve(null)))]));
    const dead = await freePort();
    const { world, start } = await legacy(context, {
      hosts: [
        { host: '127.30.3.9', port: dead },
        { host: UPSTREAM, port },
        { host: SECOND, port },
      ],
      auth: { user: 'rampart', password: 'hush' },
    });
    await world.mail(12, { pool: 'legacy' });
    await start();
    await until('all are handed on', () => seen.length === 12);
    assert.ok(seen.every((one) => one.startsWith('rampart reader-')));
    assert.equal(picky.taken.length, 0, 'nothing without signing in');
    assert.ok((await world.attempts()).every((one) => one.severity === 'relayed'));
  });

  test('a tenant signs in as itself; what is wrong with its password is a matter of its own mail', async (context) => {
    const seen: string[] = [];
    const port = await freePort();
    const known = new Map([
      ['rampart', 'hush'],
      ['acme', 'their own'],
    ]);
    const server = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username = '', password }, _session, done) =>
        known.get(username) === password ? done(null, { user: username }) : done(new Error('who are you')),
      onData: (stream, session, done) => {
        stream.resume().on('end', () => {
          seen.push(`${session.user}`);
          done();
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(port, UPSTREAM, () => resolve()));
    context.after(() => new Promise((resolve) => server.close(() => resolve(null))));
    const { world, start } = await legacy(context, {
      hosts: [{ host: UPSTREAM, port }],
      auth: { user: 'rampart', password: 'hush' },
      tenants: { acme: { user: 'acme', password: 'their own' }, late: { user: 'late', password: 'wrong' } },
    });
    for (const tenant of ['default', 'acme', 'late']) await world.mail(6, { pool: 'legacy', tenant });
    await start();
    await until('the others are handed on', () => seen.length === 12);
    const by = (user: string) => seen.filter((one) => one === user).length;
    assert.deepEqual([by('rampart'), by('acme')], [6, 6]);
    await until('the third says why', async () => (await world.queue()).every((one) => /535/.test(one.reason ?? '')));
    assert.equal((await world.queue()).length, 6);
  });

  test('a wrong password bounces nothing: mail waits and says why', async (context) => {
    const port = await freePort();
    const server = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => done(new Error('wrong password')),
    });
    await new Promise<void>((resolve) => server.listen(port, UPSTREAM, () => resolve()));
    context.after(() => new Promise((resolve) => server.close(() => resolve(null))));
    const { world, start } = await legacy(context, {
      hosts: [{ host: UPSTREAM, port }],
      auth: { user: 'rampart', password: 'wrong' },
    });
    await world.mail(2, { pool: 'legacy' });
    await start();
    await until('it says why', async () =>
      (await world.queue()).every((one) => /535.*wrong password/.test(one.reason ?? '')),
    );
    assert.deepEqual(await world.attempts(), []);
  });

  test('its refusals touch no recipient, gate or lane; its deferrals are tried again', async (context) => {
    const { world, port, start } = await legacy(context);
    const sink = await startSink(UPSTREAM, port, {
      rcpt: (rcpt, _from, before) => {
        if (rcpt.startsWith('gone')) return '550 5.1.1 no such user';
        return rcpt.startsWith('later') && before === 0 ? '450 4.2.0 greylisted' : null;
      },
    });
    context.after(() => sink.stop());
    const to = (rcpt: string) => [{ rcpt, domain: 'provider.example', provider: null }];
    await world.mail(1, { pool: 'legacy', recipients: to('gone@provider.example') });
    await world.mail(1, { pool: 'legacy', recipients: to('later@provider.example') });
    await start();
    await until('both have an answer', async () => (await world.attempts()).length === 2);
    const attempts = await world.attempts();
    assert.deepEqual(attempts.map((one) => [one.severity, one.rule, one.final, one.unit]).sort(), [
      ['deferred', 'upstream-deferred', false, false],
      ['soft', 'upstream-refused', true, false],
    ]);
    await world.store.query('update queue set due = now()');
    await until('the deferred one is handed on', () => sink.taken.length === 1);
    assert.equal((await world.store.query('select from rollups')).rows.length, 0);
  });

  test('stops hold before MAIL FROM: of its pool, its campaign, or the provider its mail is for', async (context) => {
    const { world, port, start } = await legacy(context);
    const sink = await startSink(UPSTREAM, port);
    context.after(() => sink.stop());
    world.domain('provider.example', [['aspmx.l.google.com', '127.30.3.8']]);
    const hold = async (scope: 'pool' | 'campaign' | 'provider', target: string) =>
      (await placeHold(world.store, { scope, target, reach: 'all', cause: 'operator', actor: 'ann', reason: scope }))
        .id;
    const ids = [await hold('pool', 'legacy'), await hold('campaign', 'spring'), await hold('provider', 'google')];
    await world.mail(3, { pool: 'legacy' });
    await start();
    for (const id of ids) {
      await sleep(1_500);
      assert.equal(sink.rcpts.length, 0, `hold ${id}`);
      await clearHolds(world.store, [id], { actor: 'ann', reason: 'over' });
    }
    await until('all are handed on', () => sink.taken.length === 3);
    await until('all are recorded', async () => (await world.attempts()).length === 3);
    const { rows } = await world.store.query('select distinct provider from attempts');
    assert.deepEqual(rows, [{ provider: 'google' }], 'whose mailbox it is, is known by now');
  });

  test('a lost final answer is in doubt and repeated once; kill -9 loses nothing', async (context) => {
    const { world, port, start } = await legacy(context);
    const sink = await startScripted(UPSTREAM, port, {
      answer: (verb, n) => (verb === 'DOT' && n === 0 ? 'drop' : usual(verb)),
    });
    await world.mail(1, { pool: 'legacy' });
    const first = await start();
    await until('it is in doubt', async () => (await world.attempts()).some((one) => one.severity === 'in-doubt'));
    await world.store.query('update queue set due = now()');
    await until('it is repeated', async () => (await world.attempts()).some((one) => one.severity === 'relayed'));
    await sink.stop();
    await world.mail(200, { pool: 'legacy' });
    const slow = await startSink(UPSTREAM, port, { slow: 20 });
    context.after(() => slow.stop());
    await until('some are handed on', () => slow.taken.length > 10);
    assert.ok(first.process.pid !== undefined);
    process.kill(first.process.pid, 'SIGKILL');
    await until('all are handed on', async () => (await world.queue()).length === 0, 30_000);
    const ids = slow.taken.map((one) => one.messageId);
    assert.equal(new Set(ids).size, 200);
    const { rows } = await world.store.query(`select count(*)::int as n from attempts where severity = 'in-doubt'`);
    assert.ok(ids.length - 200 <= rows[0].n - 1, 'what came twice is in doubt');
  });
});

test('a pool overflows to an upstream; a new Message-ID and Date are then those the message was accepted with', async (context) => {
  const world = await MailWorld.start(context, databases);
  const port = await freePort();
  const sink = await startSink(UPSTREAM, port);
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.pool('legacy', 'warm-peers', [`${UPSTREAM}:${port}`]);
  await world.pool('marketing', 'pool:legacy');
  await world.lane('127.31.0.1', 'other', 'ramping');
  await world.mail(25);
  await world.mta('mta-1', {
    upstreams: [
      { pool: 'legacy', hosts: [{ host: UPSTREAM, port }], tls: 'none', connections: 2, messagesPerConnection: 5 },
    ],
  });
  await until('all are handed on', () => sink.taken.length === 25);
  assert.ok(
    sink.taken.every((one) => one.mailFrom === 'bounce@shop.example'),
    'as it came',
  );
  assert.ok(sink.taken.every((one) => !/x-rampart|dkim/i.test(one.raw)));
  assert.ok(sink.connections() >= 5 && sink.connections() < 25, 'connections are kept, for five messages each');
  await until('all are recorded', async () => (await world.attempts()).length === 25);
  const { rows } = await world.store.query('select distinct severity, provider from attempts');
  assert.deepEqual(rows, [{ severity: 'relayed', provider: 'other' }]);
});
